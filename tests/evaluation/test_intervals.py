from __future__ import annotations

from math import sqrt

import numpy as np
import pytest

from serving.evaluation import intervals as module
from serving.evaluation.intervals import intervals


def test_an_interval_of_many_sessions_is_that_of_the_normal_law() -> None:
    hits = (np.arange(4_000) % 4 == 0).astype(np.float64)
    low, high = intervals(np.arange(4_000), hits[:, None])[0]
    half = 1.96 * sqrt(0.25 * 0.75 / 4_000)
    assert (low, high) == pytest.approx((0.25 - half, 0.25 + half), abs=0.002)


def test_events_of_one_session_are_no_more_evidence_than_the_session() -> None:
    sessions, hits = np.arange(200), (np.arange(200) % 2).astype(np.float64)
    alone = intervals(sessions, hits[:, None])
    repeated = intervals(np.repeat(sessions, 10), np.repeat(hits, 10)[:, None])
    assert repeated == pytest.approx(alone)


def test_long_sessions_count_by_their_events() -> None:
    sessions, hits = np.array([0] * 9 + [1]), np.array([1.0] * 9 + [0.0])
    low, high = intervals(sessions, hits[:, None])[0]
    assert (low, high) == (0.0, 1.0)  # a quarter of the draws is the second session twice, a quarter the first


def test_differences_of_equals_are_certain() -> None:
    rng = np.random.default_rng(1)
    hits = rng.random(300)
    bounds = intervals(np.arange(300), np.column_stack([hits, hits - hits]))
    assert bounds[0][0] < bounds[0][1]
    assert tuple(bounds[1]) == (0.0, 0.0)


def test_the_same_bounds_every_time_and_in_whatever_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(2).random((50, 1))
    once = intervals(np.arange(50), values)
    assert (intervals(np.arange(50), values) == once).all()
    monkeypatch.setattr(module, "_AT_ONCE", 50 * 7)
    assert intervals(np.arange(50), values) == pytest.approx(once)


def test_without_targets_nothing_is_known() -> None:
    assert np.isnan(intervals(np.array([], np.int64), np.empty((0, 2)))).all()

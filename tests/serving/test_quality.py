from __future__ import annotations

from math import log2

import numpy as np
import pytest

from serving.quality import MISSED, place, quality


def test_places_count_as_the_literature_says() -> None:
    found = quality(np.array([0, 4, 14, MISSED, MISSED]))
    assert found["n"] == 5
    hits = {"hr@1": 1, "hr@5": 2, "hr@10": 2, "hr@20": 3}
    reciprocal = {"mrr@1": 1, "mrr@5": 1 + 1 / 5, "mrr@10": 1 + 1 / 5, "mrr@20": 1 + 1 / 5 + 1 / 15}
    gained = {"ndcg@1": 1, "ndcg@5": 1 + 1 / log2(6), "ndcg@10": 1 + 1 / log2(6)}
    gained["ndcg@20"] = gained["ndcg@10"] + 1 / log2(16)
    for name, total in (hits | reciprocal | gained).items():
        assert found[name] == pytest.approx(total / 5, abs=1e-5)


def test_a_place_is_found_in_the_first_twenty_only() -> None:
    listed = [f"i{n}" for n in range(30)]
    assert [place(listed, one) for one in ("i0", "i19", "i20", "other")] == [0, 19, MISSED, MISSED]


def test_nothing_tested_is_nothing_hit() -> None:
    assert not any(quality(np.array([], np.int64)).values())

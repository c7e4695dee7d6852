from __future__ import annotations

import pytest

from serving.evaluation.exposure import Exposure, gini


def test_equal_exposures_are_no_inequality() -> None:
    assert gini([3, 3, 3, 3], 4) == 0.0


def test_one_item_with_everything_is_all_inequality() -> None:
    assert gini([7], 4) == pytest.approx(1.0)


def test_gini_by_hand() -> None:
    # shares 0, 1/4, 3/4 of 3 items: (-2 * 0 + 0 * 1/4 + 2 * 3/4) / 2
    assert gini([3, 1], 3) == pytest.approx(0.75)


def test_of_nothing_there_is_no_inequality() -> None:
    assert gini([], 5) == gini([4], 1) == 0.0


def test_lists_are_counted() -> None:
    exposure = Exposure()
    exposure.add(["a", "b"], {"a": 4, "b": 1}, 4)
    exposure.add(["a"], {"a": 4}, 8)
    # 2 of 4 items; popularity (4/4 + 1/4 + 4/8) / 3; exposures 0, 0, 1, 2 of 3: (1 * 1/3 + 3 * 2/3) / 3
    assert exposure.as_dict(4) == {
        "coverage@20": 0.5,
        "popularity@20": pytest.approx(1.75 / 3, abs=1e-5),
        "gini@20": pytest.approx(7 / 9, abs=1e-5),
    }

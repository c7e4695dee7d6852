"""What the measures of relevance say of rankings that can be counted by hand."""

import pytest

from tests.relevance.measures import condensed, judged_share, ndcg

JUDGED = {"good": 3, "fair": 1, "bad": 0}


def test_the_best_order_is_1_and_nothing_found_is_0() -> None:
    assert ndcg(["good", "fair", "bad"], JUDGED) == 1
    assert ndcg([], JUDGED) == condensed([], JUDGED) == 0


def test_a_later_place_gains_less() -> None:
    assert ndcg(["bad", "good"], JUDGED) == pytest.approx(7 / 1.58496 / (7 + 1 / 1.58496), rel=1e-5)


def test_only_the_condensed_measure_passes_over_what_nobody_judged() -> None:
    ranking = ["x", "y", "good", "z", "fair"]
    assert ndcg(ranking, JUDGED) < condensed(ranking, JUDGED) == 1
    assert judged_share(ranking, JUDGED) == 0.2


def test_what_stands_below_the_top_gains_nothing() -> None:
    assert ndcg(["bad", "good"], JUDGED, top=1) == 0

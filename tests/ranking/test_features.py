"""What the learnt order is told of candidates, and that it orders by it."""

from __future__ import annotations

from math import log, log1p
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.candidate import Candidate, Effect
from serving.offer import scored
from serving.ranking.board import Board
from serving.ranking.codes import Codes
from serving.ranking.features import SCORED, features
from serving.ranking.learnt import Chooser, Ranking
from serving.recommender import Known
from stream.choice import Nested
from stream.features import CHOICE_FEATURES, CHOICE_LIMIT
from stream.signals import impressions, popularity
from stream.signals.session import Step
from tests.recommenders.known import NOW, row

CODES = Codes(["a", "b", "c", "d", "e"])


def known(walked: str = "", **more: Any) -> Known:
    """A visit along these items, of a shop where a is followed by b twice as much as by c."""
    steps = [Step(item_id, "view_item", NOW - 1_000 * (len(walked) - n), f"e{n}") for n, item_id in enumerate(walked)]
    rows = {"a": row("a", CODES, {"b": 2.0, "c": 1.0})}
    session = list(dict.fromkeys(reversed(walked)))
    return Known(now=NOW, session=session, steps=steps, codes=CODES, rows=rows, **more)


def told(where: Known, item_id: str, *, table: dict[str, float] | None = None, **scores: Any) -> dict[str, float]:
    """Feature → value of one of five candidates."""
    named = {"session_table": table or {}, **scores}
    given = np.array([[named.get(name, {}).get(one, 0.0) for one in "abcde"] for name in SCORED], np.float32)
    found = features(where, np.arange(5, dtype=np.int32), {code: code for code in range(5)}, given, 5)
    return dict(zip(CHOICE_FEATURES, found["abcde".index(item_id)].tolist(), strict=True))


def test_what_follows_the_last_item_is_told_by_its_share() -> None:
    b, c, d = (told(known("a"), item_id) for item_id in "bcd")
    assert b["after_last"] > c["after_last"] > 0 == d["after_last"]
    assert (b["linked_items"], d["linked_items"]) == (1, 0)
    assert told(known("ad"), "b")["after_last"] == 0  # the last item is another
    assert told(known("ad"), "b")["linked_items"] == 1


def test_the_table_tells_of_this_visit_or_of_earlier_ones() -> None:
    assert told(known("a"), "b", table={"b": 0.5})["table"] == pytest.approx(log(0.5001), abs=0.01)
    assert told(known("a"), "c", table={"b": 0.5})["table"] == pytest.approx(log(1e-4), abs=0.01)
    assert told(known(), "b", table={"b": 0.5})["earlier"] == pytest.approx(log(0.5001), abs=0.01)
    assert told(known(), "b", table={"b": 0.5})["table"] == 0


def test_a_second_step_that_there_is_not_is_said() -> None:
    assert told(known("a"), "b", second_step={"b": 0.1})["no_second_step"] == 0
    assert told(known("a"), "c", second_step={"b": 0.1})["no_second_step"] == 1


def test_items_of_the_visit_tell_how_it_went() -> None:
    a, b, c = (told(known("abcb"), item_id) for item_id in "abc")
    assert (a["in_session"], b["is_last"], a["is_last"]) == (1, 1, 0)
    assert b["times_here"] == pytest.approx(log(2), abs=1e-3)
    assert a["last_returned"] == 1 == b["last_returned"]
    assert a["since_new"] == pytest.approx(log1p(1), abs=1e-3)
    assert (a["back"], c["back"]) == (1, 0)  # c was a side step from b
    assert (a["led_here"], c["led_here"]) == pytest.approx((log1p(1), log1p(1)), abs=1e-3)
    assert told(known("abcb"), "d")["in_session"] == 0


def test_where_the_visit_may_not_repeat_its_items_are_like_others() -> None:
    assert told(known("ab", repeats=False), "a")["in_session"] == 0


def test_popularity_decays() -> None:
    board = Board(CODES)
    board.put("b", popularity.State(at=NOW - popularity.FAST_MS, fast=6.0, slow=9.0, seen=20))
    b = told(known("a", board=board), "b")
    assert b["popular_now"] == pytest.approx(log1p(3.0), abs=0.01)
    assert b["sessions"] == pytest.approx(log1p(20), abs=0.01)
    assert told(known("a", board=board), "e")["sessions"] == 0


def test_what_was_ignored_and_its_category_are_told_of() -> None:
    shown = impressions.State({"b": impressions.Shown(3, 20, 0, NOW), "c": impressions.Shown(0, 20, 5, NOW)})
    categories = {"a": 1, "b": 1, "c": 2, "d": 2, "e": 0}
    numbers = np.array([categories[item_id] for item_id in CODES.ids], np.int32)
    where = known("a", impressions=shown, categories=lambda codes: numbers[codes])
    b, c, d, e = (told(where, item_id) for item_id in "bcde")
    assert b["ignored"] == pytest.approx(log1p(3), abs=0.01)
    assert c["ignored"] == 0
    assert b["ignored_category"] == pytest.approx(log(1.5 / 0.5), abs=0.01)
    assert d["ignored_category"] == c["ignored_category"] == pytest.approx(log(1.5 / 5.5), abs=0.01)
    assert e["ignored_category"] == 0
    assert (b["same_category"], c["same_category"], e["same_category"]) == (1, 0, 0)


def test_no_feature_leaves_its_limit() -> None:
    scores = np.array([[1e30], [1e-30], [0.0]], np.float32)
    found = features(known("a"), np.array([1], np.int32), {1: 0}, scores, 1)
    assert np.isfinite(found).all()
    assert (np.abs(found) <= CHOICE_LIMIT).all()


def ordered(weights: dict[str, float], *, priced: bool = False, **more: Any) -> list[Candidate]:
    chooser = Chooser("clicks", 1, Nested([weights.get(name, 0.0) for name in CHOICE_FEATURES], [0.0, 1.0]))
    offers = [scored("session_table", CODES, [("b", 0.2), ("c", 0.1)]), scored("popular", CODES, [("d", 9.0)])]
    return list(Ranking(known("a", **more), chooser, offers, 2, priced=priced))


def test_the_order_goes_by_the_weights_and_scores_are_probabilities() -> None:
    assert [one.item_id for one in ordered({"table": 1.0})] == ["b", "c", "d"]
    assert [one.item_id for one in ordered({"table": -1.0})] == ["d", "c", "b"]
    scores = [one.score for one in ordered({"table": 1.0})]
    assert 0 < scores[-1] < scores[0] < 1
    assert scores[0] / scores[1] == pytest.approx(2.0, rel=0.01)


def test_for_revenue_the_price_counts_as_much_as_the_probability() -> None:
    found = ordered({"table": 1.0}, priced=True, price_of={"b": 1_000_000, "c": 3_000_000})
    assert [one.item_id for one in found] == ["c", "b", "d"]
    assert found[-1].score == 0


def test_a_shelf_has_features_for_what_was_no_candidate_too() -> None:
    chooser = Chooser("clicks")
    ranking = Ranking(known("a"), chooser, [scored("session_table", CODES, [("b", 0.2)])], 2)
    choices = ranking.choices(["e", "b"])
    assert choices.features.shape == (2, len(CHOICE_FEATURES))
    np.testing.assert_array_equal(choices.features[1], ranking.choices(["b"]).features[0])


def test_what_may_stand_beside_the_candidates_is_told_alike_and_not_among_them() -> None:
    offers = [scored("session_table", CODES, [("b", 0.2), ("c", 0.1)])]
    with_it, without = (Ranking(known("a"), Chooser("clicks"), offers, 2, some) for some in ([CODES.code("e")], []))
    assert [one.item_id for one in with_it] == [one.item_id for one in without] == ["b", "c"]
    for shelf in (["e", "b"], ["c", "e"]):
        np.testing.assert_array_equal(with_it.choices(shelf).features, without.choices(shelf).features)


@given(st.lists(st.none() | st.sampled_from([0.5, 1.0, 2.0, 9.0]), min_size=3, max_size=3))
def test_boosts_move_candidates_as_a_sort_of_their_scores_would(factors: list[float | None]) -> None:
    offers = [scored("session_table", CODES, [("b", 0.2), ("c", 0.1)]), scored("popular", CODES, [("d", 9.0)])]
    ranking = Ranking(known("a"), Chooser("clicks"), offers, 2)
    of = dict(zip(ranking.codes.tolist(), factors, strict=True))
    before = [(one, of[CODES.code(one.item_id)]) for one in ranking]
    ranking.boost([None if one is None else Effect(one, ("some rule",)) for one in factors])
    moved = [(one.item_id, one.score * (factor or 1.0), factor or 1.0) for one, factor in before]
    moved.sort(key=lambda one: (-one[1], -one[2]))
    assert [(one.item_id, one.score) for one in ranking] == [one[:2] for one in moved]
    assert {one.item_id for one in ranking if one.rules} == {one.item_id for one, factor in before if factor}

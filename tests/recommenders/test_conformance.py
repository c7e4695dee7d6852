"""What every candidate generator keeps."""

from __future__ import annotations

import pytest

from serving.recommender import Known, Recommender
from serving.recommenders import recommenders
from tests.recommenders.known import NOW, a_shop

every = pytest.mark.parametrize("one", recommenders().values(), ids=lambda one: one.name)


def test_the_folder_is_scanned_in_the_order_of_the_tiers() -> None:
    assert {"session_table", "category_popular", "nearest", "popular", "viewed"} <= set(recommenders())
    tiers = [one.tier for one in recommenders().values()]
    assert tiers == sorted(tiers)
    assert next(iter(recommenders())) == "also_bought"


@every
@pytest.mark.parametrize("count", [0, 1, 3, 1_000])
def test_it_gives_at_most_so_many_items_best_first_and_each_once(one: Recommender, count: int) -> None:
    found = one.candidates(a_shop(), count) or one.candidates(a_shop(session=[]), count)
    assert len(found) <= count
    assert found or not count
    assert len({candidate.item_id for candidate in found}) == len(found)
    assert [candidate.score for candidate in found] == sorted((c.score for c in found), reverse=True)
    assert {candidate.recommender for candidate in found} <= {one.name}


@every
def test_asked_twice_it_answers_the_same(one: Recommender) -> None:
    known = a_shop()
    assert one.candidates(known, 20) == one.candidates(known, 20) == one.candidates(a_shop(), 20)


@every
def test_fewer_are_the_first_of_more(one: Recommender) -> None:
    more = one.candidates(a_shop(), 30)
    assert one.candidates(a_shop(), 4) == more[:4]


@every
def test_it_has_nothing_to_say_where_nothing_is_known(one: Recommender) -> None:
    assert one.candidates(Known(now=NOW), 20) == []


@every
def test_its_reason_is_an_item_of_the_visitor(one: Recommender) -> None:
    known = a_shop()
    own = {*known.session, *known.earlier, *known.viewed} if one.personal else set()
    for candidate in one.candidates(known, 20):
        assert candidate.because_item_id in own | {None}
        assert candidate.also_item_id in own - {candidate.because_item_id} | {None}


@every
def test_it_explains_itself_in_one_sentence(one: Recommender) -> None:
    assert one.explain.endswith(".")
    assert one.explain.count(".") == 1


@every
def test_it_says_how_its_items_stand_to_the_visitors_own(one: Recommender) -> None:
    spoken_for = {candidate.because_item_id for candidate in one.candidates(a_shop(), 20)} != {None}
    assert (one.relation is not None) == spoken_for == one.personal

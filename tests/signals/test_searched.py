"""What a visitor's searches tell the query agent."""

from __future__ import annotations

from typing import Any

import pytest

from stream.entries import Listed, Searched, Taken
from stream.query_text import mark_of
from stream.signals import searched
from stream.tokens import DecisionToken, decision_id, pseudonym
from tests.stream.visits import Visits
from tests.stream.worlds import NOW

ME = pseudonym(b"key", "me")


def token(nonce: bytes = b"search-1", placement: str = "search") -> str:
    return decision_id(b"signing", DecisionToken(placement, "", NOW, ME, 1, 1_800, 600, nonce))


class Shopper:
    """One visitor who searches."""

    def __init__(self) -> None:
        self.visits = Visits()

    def does(self, name: str, *items: str, **more: Any) -> None:
        self.visits.send(name, *items, visitor=more.pop("visitor", ME), **more)

    def asks(self, query: str = "red pan", **more: Any) -> None:
        self.does("search", search_term=query, **more)

    @property
    def taken(self) -> list[tuple[str, str, str, float]]:
        return [(one.query, one.item_id, one.kind, one.weight) for one in self.visits.of(Taken)]

    @property
    def asked(self) -> list[str]:
        return [one.query for one in self.visits.of(Searched)]


@pytest.fixture
def shopper() -> Shopper:
    return Shopper()


def test_a_search_is_told_of_in_one_spelling_and_without_its_visitor(shopper: Shopper) -> None:
    shopper.asks("  RED\t\uff30an ", results=7)
    (told,) = shopper.visits.of(Searched)
    assert (told.query, told.results, told.mark) == ("red pan", 7, mark_of(ME, "red pan"))
    assert told.mark < 2**16
    assert mark_of(ME, "blue pan") != told.mark


def test_nobody_said_how_much_was_found(shopper: Shopper) -> None:
    shopper.asks()
    assert shopper.visits.of(Searched)[0].results == -1


def test_a_session_counts_a_search_once(shopper: Shopper) -> None:
    for minute, query in enumerate(("red pan", "lid", "Red Pan", "lid")):
        shopper.asks(query, minute=minute)
    assert shopper.asked == ["red pan", "lid"]


def test_the_next_session_counts_it_again(shopper: Shopper) -> None:
    shopper.asks()
    shopper.asks(minute=60)
    assert shopper.asked == ["red pan", "red pan"]


@pytest.mark.parametrize(("click", "kind"), [("select_item", "click"), ("view_item", "click"), ("add_to_cart", "cart")])
def test_a_click_with_the_searchs_decision_is_certain(shopper: Shopper, click: str, kind: str) -> None:
    shopper.asks(decision_id=token())
    shopper.does("view_item_list", "a", "b", decision_id=token())
    shopper.does(click, "b", decision_id=token())
    assert shopper.taken == [("red pan", "b", kind, 1.0)]
    assert shopper.visits.of(Taken)[0].place == 1


def test_a_decision_that_no_search_named_is_of_the_one_before(shopper: Shopper) -> None:
    shopper.asks()
    shopper.does("select_item", "b", decision_id=token())
    shopper.asks("lid")
    shopper.does("select_item", "c", decision_id=token())
    assert shopper.taken == [("red pan", "b", "click", 1.0), ("red pan", "c", "click", 1.0)]


def test_a_click_on_another_shelf_is_not_the_searchs(shopper: Shopper) -> None:
    shopper.asks()
    shopper.does("select_item", "b", decision_id=token(placement="home_for_you"))
    assert shopper.taken == []


def test_what_only_came_after_a_search_counts_half(shopper: Shopper) -> None:
    shopper.asks()
    shopper.does("view_item", "b", minute=1)
    assert shopper.taken == [("red pan", "b", "click", 0.5)]


def test_what_the_search_did_not_show_is_not_its(shopper: Shopper) -> None:
    shopper.asks()
    shopper.does("view_item_list", "a", "b", page={"type": "search"})
    shopper.does("view_item", "z", minute=1)
    shopper.does("view_item", "b", minute=2)
    assert shopper.taken == [("red pan", "b", "click", 0.5)]


def test_a_click_that_names_the_query_is_certain(shopper: Shopper) -> None:
    shopper.asks()
    shopper.asks("lid")
    shopper.does("select_item", "b", search_term="RED pan")
    assert shopper.taken == [("red pan", "b", "click", 1.0)]


def test_cart_and_order_belong_to_the_search_that_led_to_the_item(shopper: Shopper) -> None:
    shopper.asks(decision_id=token())
    shopper.does("select_item", "b", decision_id=token())
    shopper.asks("lid", minute=1)
    shopper.does("add_to_cart", "b", minute=2)
    shopper.does("purchase", "b", "z", minute=3, transaction_id="order")
    assert shopper.taken == [("red pan", "b", kind, 1.0) for kind in ("click", "cart", "purchase")]


def test_an_order_that_only_a_browser_tells_of_teaches_nothing(shopper: Shopper) -> None:
    edge = {"key": "pk_1", "signed": False, "purchase_confirmed": False}
    shopper.asks()
    shopper.does("select_item", "b", minute=1)
    shopper.does("purchase", "b", minute=2, transaction_id="order", edge=edge)
    assert [kind for _, _, kind, _ in shopper.taken] == ["click"]


def test_a_query_and_an_item_count_once_a_session_for_each_kind(shopper: Shopper) -> None:
    shopper.asks()
    for minute in range(5):
        shopper.does("select_item", "b", minute=minute)
        shopper.does("view_item", "b", minute=minute)
        shopper.does("add_to_cart", "b", minute=minute)
    assert [kind for _, _, kind, _ in shopper.taken] == ["click", "cart"]


def test_items_are_seen_once_and_where_they_stood(shopper: Shopper) -> None:
    shopper.asks(decision_id=token())
    shopper.does("view_item_list", "a", "b", decision_id=token())
    second = [{"item_id": "b", "index": 1}, {"item_id": "c", "index": 12}, {"item_id": "d", "index": 900}]
    shopper.does("view_item_list", items=second, decision_id=token())
    assert [one.items for one in shopper.visits.of(Listed)] == [[("a", 0), ("b", 1)], [("c", 12), ("d", 40)]]


def test_a_click_says_what_was_the_best_place_before(shopper: Shopper) -> None:
    shopper.asks(decision_id=token())
    shopper.does("view_item_list", "a", "b", "c", decision_id=token())
    for item in ("c", "a", "b"):
        shopper.does("select_item", item, decision_id=token())
    assert [(one.place, one.best) for one in shopper.visits.of(Taken)] == [(2, -1), (0, 2), (1, 0)]


@pytest.mark.parametrize("query", ["ann@example.org", "0171 234 56 78 90", "4111111111111111", "x" * 65, "  ", "!?"])
def test_what_is_a_persons_or_no_query_is_neither_kept_nor_credited(shopper: Shopper, query: str) -> None:
    shopper.asks()
    shopper.asks(query, minute=1)
    shopper.does("view_item", "b", minute=2)
    assert shopper.asked == ["red pan"]
    assert shopper.taken == []


def test_a_session_tells_of_no_more_than_its_share(shopper: Shopper) -> None:
    for n in range(30):
        shopper.asks(f"query {n}", minute=n * 0.5)
        shopper.does("view_item_list", *[f"i{n}" for n in range(100)], minute=n * 0.5, page={"type": "search"})
    assert len(shopper.asked) == searched.SEARCHES
    assert sum(len(one.items) for one in shopper.visits.of(Listed)) == searched.SEARCHES * searched.ITEMS


def test_a_fourth_session_of_a_day_teaches_nothing(shopper: Shopper) -> None:
    for n in range(5):
        shopper.asks(minute=40 * n)
    assert len(shopper.asked) == 3


def test_without_consent_nothing_is_told_or_kept(shopper: Shopper) -> None:
    shopper.asks(consent={"analytics": True, "personalization": False})
    shopper.does("view_item", "b", minute=1, consent={"analytics": True, "personalization": False})
    assert shopper.visits.emitted == []
    assert searched.SIGNAL.of(shopper.visits.visitor(ME)) == searched.State()


def test_a_withdrawal_and_the_sessions_end_forget_what_was_searched(shopper: Shopper) -> None:
    shopper.asks()
    assert searched.SIGNAL.of(shopper.visits.visitor(ME)).asked
    shopper.does("page_view", minute=1, consent={"personalization": False})
    assert searched.SIGNAL.of(shopper.visits.visitor(ME)) == searched.State()
    other = pseudonym(b"key", "other")
    shopper.asks(visitor=other)
    shopper.does("page_view", visitor=other, minute=90)
    assert searched.SIGNAL.of(shopper.visits.visitor(other)) == searched.State()

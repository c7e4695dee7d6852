"""Shelves that a visitor saw, and what is told of what they did with them."""

from __future__ import annotations

from typing import Any

import pytest

from stream.entries import Outcome
from stream.pseudonyms import Pseudonyms
from stream.signals import shelves
from stream.tokens import DecisionToken, decision_id, pseudonym
from stream.visitor import VisitorFold
from tests.stream.visits import MINUTE_MS, Visits
from tests.stream.worlds import GRANTED, NOW

ME, OTHER = pseudonym(b"key", "me"), pseudonym(b"key", "other")
HOUR_S = 3_600


def token(nonce: bytes = b"shelf-01", *, at: int = NOW, pid: str = ME, keys: int = 1, **windows: int) -> str:
    view, click = windows.get("view", 600), windows.get("click", 1_800)
    return decision_id(b"signing", DecisionToken("home_for_you", "", at, pid, 1, click, view, nonce, keys))


class Shopper:
    """One visitor of one shop."""

    def __init__(self) -> None:
        self.visits = Visits()

    def does(self, name: str, *items: str, minute: float = 0, **more: Any) -> None:
        self.visits.send(name, *items, visitor=more.pop("visitor", ME), minute=minute, **more)

    def sees(self, *items: str, minute: float = 0, decided: str | None = None, **more: Any) -> None:
        self.does("view_item_list", *items, minute=minute, decision_id=decided or token(), **more)

    @property
    def told(self) -> list[tuple[str, str]]:
        return [(one.kind, one.item_id) for one in self.visits.of(Outcome)]

    @property
    def shelves(self) -> list[shelves.Shelf]:
        found: list[shelves.Shelf] = shelves.SIGNAL.of(self.visits.visitor(ME)).shelves
        return found


@pytest.fixture
def shopper() -> Shopper:
    return Shopper()


@pytest.mark.parametrize("click", ["select_item", "view_item", "add_to_cart"])
def test_an_item_taken_from_the_shelf_is_a_click(shopper: Shopper, click: str) -> None:
    shopper.sees("a", "b", "c")
    shopper.does(click, "b", minute=1, decision_id=token())
    first = shopper.visits.of(Outcome)[0]
    assert (first.nonce, first.at, first.kind, first.item_id) == (b"shelf-01", NOW + MINUTE_MS, "click", "b")
    assert first.seen == ["a", "b", "c"]


def test_a_shelf_is_settled_once(shopper: Shopper) -> None:
    shopper.sees("a", "b", "c")
    for minute, item in enumerate("bacb"):
        shopper.does("select_item", item, minute=minute, decision_id=token())
        shopper.does("view_item", item, minute=minute)
    shopper.sees("a", "b", "c", minute=9)
    shopper.does("view_item", "d", minute=10)
    assert shopper.told == [("click", "b")]


@pytest.mark.parametrize("item", ["b", "elsewhere"])
def test_going_on_without_the_shelf_is_a_step(shopper: Shopper, item: str) -> None:
    shopper.does("view_item", "here")
    shopper.sees("a", "b")
    shopper.does("view_item", item, minute=1)
    assert shopper.told == [("step", item)]


def test_staying_on_the_item_is_no_step(shopper: Shopper) -> None:
    shopper.does("view_item", "here")
    shopper.sees("a", "b")
    shopper.does("view_item", "here", minute=1)
    shopper.does("add_to_cart", "here", minute=2)
    assert shopper.told == []
    shopper.does("view_item", "a", minute=3, decision_id=token())
    assert shopper.told == [("click", "a")]


def test_the_shelves_of_a_page_are_settled_by_one_click(shopper: Shopper) -> None:
    shopper.sees("a", "b")
    shopper.sees("b", "c", decided=token(b"shelf-02"))
    shopper.does("select_item", "b", minute=1, decision_id=token())
    shopper.does("view_item", "b", minute=1, decision_id=token())
    assert shopper.told == [("click", "b"), ("step", "b")]
    assert [one.nonce for one in shopper.visits.of(Outcome)] == [b"shelf-01", b"shelf-02"]


def test_impressions_of_one_decision_add_up_to_thirty_items(shopper: Shopper) -> None:
    for n in range(20):
        shopper.sees(f"i{2 * n}", f"i{2 * n + 1}", f"i{n}", minute=n / 60)
    assert [shelf.items for shelf in shopper.shelves] == [[f"i{n}" for n in range(30)]]


def test_the_last_six_shelves_are_remembered(shopper: Shopper) -> None:
    for n in range(9):
        shopper.sees("a", decided=token(b"shelf-%02d" % n))
    assert [shelf.nonce for shelf in shopper.shelves] == [b"shelf-%02d" % n for n in range(3, 9)]
    assert shopper.told == []


def test_what_was_only_looked_at_is_ignored_when_the_session_closes(shopper: Shopper) -> None:
    shopper.sees("a", "b", minute=1)
    for visitor in ("x", "y"):
        shopper.does("page_view", visitor=visitor, minute=40)
    assert shopper.told == [("ignored", "")]
    assert shopper.visits.of(Outcome)[0].at == NOW + MINUTE_MS


def test_half_an_hour_without_a_step_is_to_ignore_it_in_a_long_session_too(shopper: Shopper) -> None:
    shopper.sees("a", "b", session_id="s")
    shopper.sees("c", minute=31, session_id="s", decided=token(b"shelf-02", at=NOW + 31 * MINUTE_MS))
    shopper.does("view_item", "a", minute=32, session_id="s")
    assert shopper.told == [("ignored", ""), ("step", "a")]


def test_what_was_clicked_or_seen_and_goes_into_the_cart_converts_once(shopper: Shopper) -> None:
    shopper.sees("a", "b", "c")
    shopper.does("select_item", "b", minute=1, decision_id=token())
    for minute in (2, 3):
        shopper.does("add_to_cart", "b", minute=minute)
    shopper.does("purchase", "b", "c", minute=4, transaction_id="t")
    assert shopper.told == [("click", "b"), ("convert", "b"), ("convert", "c")]


@pytest.mark.parametrize(("minute", "counts"), [(9, ["a", "b"]), (11, ["b"]), (29, ["b"]), (31, [])])
def test_a_conversion_counts_within_the_tokens_windows(shopper: Shopper, minute: float, counts: list[str]) -> None:
    """Ten minutes after it was seen, thirty after a click."""
    shopper.sees("a", "b", session_id="s")
    shopper.does("select_item", "b", decision_id=token(), session_id="s")
    shopper.does("purchase", "a", "b", minute=minute, transaction_id="t", session_id="s")
    assert [item for kind, item in shopper.told if kind == "convert"] == counts


def test_a_window_is_never_longer_than_an_offer_waits(shopper: Shopper) -> None:
    decided = token(view=99 * HOUR_S, click=99 * HOUR_S)
    shopper.sees("a", "b", decided=decided, session_id="s")
    shopper.does("add_to_cart", "a", minute=59, session_id="s")
    shopper.does("add_to_cart", "b", minute=61, session_id="s")
    assert [item for kind, item in shopper.told if kind == "convert"] == ["a"]


@pytest.mark.parametrize(("edge", "counts"), [(None, 1), ({"purchase_confirmed": True}, 1), ({"key": "pk"}, 0)])
def test_a_purchase_that_only_the_browser_tells_of_is_none(
    shopper: Shopper, edge: dict[str, Any] | None, counts: int
) -> None:
    shopper.sees("a")
    more = {} if edge is None else {"edge": edge}
    shopper.does("purchase", "a", minute=1, transaction_id="t", **more)
    assert shopper.told == [("convert", "a")] * counts


@pytest.mark.parametrize(
    "decided",
    [
        token(pid=OTHER),
        token(pid=""),
        token(at=NOW - 61 * MINUTE_MS),
        token(at=NOW + 6 * MINUTE_MS),
        token()[:-1],
        "no token",
        "",
    ],
    ids=["another's", "nobody's", "old", "of the future", "cut", "none", "empty"],
)
def test_a_decision_that_is_not_this_visitors_of_this_hour_opens_nothing(shopper: Shopper, decided: str) -> None:
    if decided:
        shopper.sees("a", "b", decided=decided)
        shopper.does("select_item", "a", decision_id=decided)
    else:
        shopper.does("view_item_list", "a", "b")
    shopper.does("view_item", "a", minute=1)
    assert shopper.shelves == []
    assert shopper.told == []


@pytest.mark.parametrize(("verified", "opens"), [(True, 1), (False, 0), (None, 0)])
def test_over_http_only_what_the_edge_has_verified_opens_a_shelf(
    shopper: Shopper, *, verified: bool | None, opens: int
) -> None:
    edge = {"key": "pk"} | ({} if verified is None else {"decision_verified": verified})
    shopper.sees("a", "b", edge=edge)
    assert len(shopper.shelves) == opens


def test_a_click_on_a_shelf_that_nobody_saw_says_nothing(shopper: Shopper) -> None:
    shopper.does("select_item", "a", decision_id=token())
    assert shopper.told == []


def test_a_decision_is_the_visitors_by_the_names_of_today_and_of_before_a_migration_and_of_no_earlier_epoch() -> None:
    chain = Pseudonyms((b"one", b"two"))
    visits = Visits(VisitorFold(chain.of_visitor, 1, pseudonyms=chain))

    def opens(pid: str, keys: int, minute: float) -> bool:
        nonce = f"{minute}-{keys}".encode()
        decided = token(nonce, at=NOW + int(minute * MINUTE_MS), pid=pid, keys=keys)
        visits.send("view_item_list", "a", minute=minute, decision_id=decided)
        return nonce in [shelf.nonce for shelf in visits.visitor(chain.of_visitor("ann")).shelves.shelves]

    assert opens(pseudonym(b"one", "ann"), 1, 1)
    assert opens(chain.of_visitor("ann"), 2, 2)
    assert not opens(chain.of_visitor("ann"), 1, 3)
    assert not opens(chain.of_visitor("ann"), 3, 3)
    visits.send("erase", minute=4, epoch=1)
    visits.send("consent_update", minute=5, consent=GRANTED)
    assert not opens(chain.of_visitor("ann"), 2, 6)
    assert opens(chain.of_visitor("ann", 1), 2, 7)
    assert opens(pseudonym(b"one", "ann", 1), 1, 8)


def test_a_flood_tells_nothing(shopper: Shopper) -> None:
    shopper.sees("a", "b")
    for n in range(130):
        shopper.does("page_view", minute=n / 1_000)
    shopper.does("select_item", "a", minute=0.2, decision_id=token())
    shopper.sees("c", minute=0.3, decided=token(b"shelf-02"))
    for visitor in ("x", "y"):
        shopper.does("page_view", visitor=visitor, minute=40)
    assert shopper.told == []


def test_an_address_of_too_many_visitors_tells_nothing(shopper: Shopper) -> None:
    edge = {"key": "pk", "teaches": False, "decision_verified": True}
    shopper.sees("a", "b", edge=edge)
    shopper.does("select_item", "a", decision_id=token(), edge=edge)
    assert shopper.told == []


def test_a_session_tells_at_most_sixty_things_and_a_day_three_sessions(shopper: Shopper) -> None:
    for session in range(4):
        for n in range(80):
            minute = session * 60 + n / 4
            decided = token(b"%d-%03d" % (session, n), at=NOW + int(minute * MINUTE_MS))
            shopper.sees("a", "b", minute=minute, decided=decided)
            shopper.does("select_item", "a", minute=minute, decision_id=decided)
    assert shopper.told == [("click", "a")] * 3 * shelves.OUTCOMES


def test_an_event_that_comes_twice_opens_and_tells_once(shopper: Shopper) -> None:
    for _ in range(2):
        shopper.sees("a", "b", event_id="seen")
        shopper.does("select_item", "a", decision_id=token(), event_id="click")
    assert shopper.told == [("click", "a")]


def test_nothing_of_a_pseudonym_is_told(shopper: Shopper) -> None:
    shopper.sees("a", "b")
    shopper.does("select_item", "a", decision_id=token())
    assert ME not in repr(shopper.visits.of(Outcome))

"""Cart, purchases, recently viewed, dismissals: what a visitor's own shelves hold after what happened."""

from __future__ import annotations

from typing import Any

import pytest

from tests.stream.visits import DAY_MIN, Visits


@pytest.fixture
def visits() -> Visits:
    return Visits()


def lines(*quantities: tuple[str, int]) -> dict[str, Any]:
    return {"items": [{"item_id": item, "quantity": quantity} for item, quantity in quantities]}


def cart(visits: Visits) -> dict[str, int]:
    return {item: line.quantity for item, line in visits.visitor().cart.items.items()}


def test_what_is_added_lies_in_the_cart(visits: Visits) -> None:
    visits.send("add_to_cart", **lines(("a", 2), ("b", 1)))
    visits.send("add_to_cart", **lines(("a", 3)))
    assert cart(visits) == {"b": 1, "a": 5}


@pytest.mark.parametrize(("taken", "left"), [(1, {"a": 2}), (3, {}), (9, {})])
def test_what_is_removed_leaves_it(visits: Visits, taken: int, left: dict[str, int]) -> None:
    visits.send("add_to_cart", **lines(("a", 3)))
    visits.send("remove_from_cart", **lines(("a", taken)))
    assert cart(visits) == left


def test_what_was_never_added_cannot_be_removed(visits: Visits) -> None:
    visits.send("remove_from_cart", "a")
    visits.send("add_to_cart", "a")
    assert cart(visits) == {"a": 1}


def test_a_line_names_the_event_that_last_added_to_it(visits: Visits) -> None:
    visits.send("add_to_cart", "a", event_id="first")
    visits.send("add_to_cart", "a", event_id="second", minute=1)
    visits.send("remove_from_cart", "a", event_id="third", minute=2)
    assert visits.visitor().cart.items["a"].event_id == "second"


def test_what_is_bought_leaves_the_cart_whatever_the_quantity(visits: Visits) -> None:
    visits.send("add_to_cart", **lines(("a", 5), ("b", 1)))
    visits.send("purchase", **lines(("a", 1)))
    assert cart(visits) == {"b": 1}


def test_the_line_touched_longest_ago_goes_when_there_are_more_than_100(visits: Visits) -> None:
    for n in range(100):
        visits.send("add_to_cart", f"i{n}")
    visits.send("add_to_cart", "i0")
    visits.send("add_to_cart", "new")
    assert len(cart(visits)) == 100
    assert "i1" not in cart(visits)
    assert cart(visits)["i0"] == 2


def test_an_unconfirmed_purchase_takes_items_from_cart_and_shelves(visits: Visits) -> None:
    """From a publishable key it is no revenue, but the shopper has bought (`GUARANTEES.md` §3)."""
    visits.send("add_to_cart", "a")
    visits.send("purchase", "a", edge={"key": "pk", "purchase_confirmed": False})
    assert cart(visits) == {}
    assert list(visits.visitor().bought.items) == ["a"]


def test_a_refund_forgets_the_purchase(visits: Visits) -> None:
    visits.send("purchase", "a", "b")
    visits.send("refund", "a", minute=1)
    assert list(visits.visitor().bought.items) == ["b"]


def test_purchases_remember_the_last_time(visits: Visits) -> None:
    visits.send("purchase", "a", "b", event_id="first")
    visits.send("purchase", "a", event_id="second", minute=DAY_MIN)
    assert {item: bought.event_id for item, bought in visits.visitor().bought.items.items()} == {
        "b": "first",
        "a": "second",
    }


def test_recently_viewed_has_each_item_once_newest_first(visits: Visits) -> None:
    for minute, item in enumerate("abca"):
        visits.send("view_item", item, minute=minute)
    assert [seen.item_id for seen in visits.visitor().viewed.items] == ["a", "c", "b"]


def test_recently_viewed_goes_by_when_it_happened(visits: Visits) -> None:
    for minute, item in ((5, "a"), (1, "b"), (3, "c")):
        visits.send("view_item", item, minute=minute)
    assert [seen.item_id for seen in visits.visitor().viewed.items] == ["a", "c", "b"]


def test_recently_viewed_spans_sessions(visits: Visits) -> None:
    visits.send("view_item", "a")
    visits.send("view_item", "b", minute=DAY_MIN)
    assert [seen.item_id for seen in visits.visitor().viewed.items] == ["b", "a"]


@pytest.mark.parametrize("name", ["select_item", "view_item_list", "add_to_cart", "add_to_wishlist"])
def test_only_an_items_own_page_is_a_view(visits: Visits, name: str) -> None:
    visits.send(name, "a")
    visits.send("view_item", "a", "b")
    assert not visits.visitor().viewed.items


def test_what_is_dismissed_is_remembered_once(visits: Visits) -> None:
    for item in "aba":
        visits.send("dismiss", item)
    assert list(visits.visitor().dismissed.items) == ["b", "a"]


def test_a_dismissed_banner_dismisses_no_item(visits: Visits) -> None:
    visits.send("dismiss", promotion={"promotion_id": "summer"})
    assert not visits.visitor().dismissed.items


def test_the_newest_event_is_the_newest_by_time(visits: Visits) -> None:
    visits.send("view_item", "a", minute=5, event_id="newest")
    visits.send("view_item", "b", minute=1, event_id="late")
    assert visits.visitor().last.event_id == "newest"


@pytest.mark.parametrize("name", ["identify", "unmerge", "due"])
def test_a_control_event_is_no_shopping(visits: Visits, name: str) -> None:
    visits.send("view_item", "a")
    assert visits.send(name, minute=1, customer_id="c1", kind="abandoned_cart") == "applied"
    assert visits.steps() == ["a"]
    assert visits.visitor().session.events == 1


def test_a_profile_is_forgotten_after_90_days(visits: Visits) -> None:
    for name in ("view_item", "add_to_cart", "dismiss"):
        visits.send(name, "a")
    visits.send("view_item", "b", minute=90 * DAY_MIN)
    assert cart(visits) == {"a": 1}
    visits.send("view_item", "c", minute=181 * DAY_MIN)
    visitor = visits.visitor()
    assert [seen.item_id for seen in visitor.viewed.items] == ["c"]
    assert not visitor.cart.items
    assert not visitor.dismissed.items

"""A placement may demand that several sessions stand behind what follows from an item, so that few push nothing."""

from __future__ import annotations

from typing import Any

import pytest

from serving.ranking.codes import Codes
from serving.ranking.row import backed, parse
from stream.item import Item
from stream.signals.relations import Link
from tests.serving.deployment import SECRET, Deployment, ids, item

BY: dict[str, list[str]] = {
    "looks": ["session_table"],
    "steps": ["second_step"],
    "orders": ["also_bought", "bought_together"],
    "cart": ["complements"],
}


@pytest.fixture
async def busy(shop: Deployment) -> Deployment:
    """Two shoppers go from a to b, one of them to c; two order a with d, one with e."""
    await shop.stock(*[item(one, category=f"of {one}") for one in "abcde"])
    await shop.view("one", "a", "b", "c")
    await shop.view("two", "a", "b")
    for order, (visitor, other) in enumerate([("three", "d"), ("four", "d"), ("four", "e")]):
        shop.now += 3_600_000
        bought = shop.event("purchase", f"{visitor}{order}", "a", other, transaction_id=f"t{order}")
        assert (await shop.call("POST", "/v1/events", bought, key=SECRET)).status_code == 202
    await shop.settle()
    return shop


async def follows(shop: Deployment, by: str, sessions: int) -> set[str]:
    told: dict[str, Any] = {
        "explain": "For a test.",
        "evidence": "hide",
        "page": True,
        "repeats": False,
        "recommenders": BY[by],
    }
    await shop.place("tried", neighbour_sessions=sessions, **told)
    return set(ids(await shop.shelf("tried", "me", item_ids=["a"])))


async def test_what_one_session_links_is_left_out_where_two_are_demanded(busy: Deployment) -> None:
    assert {"b", "c"} <= await follows(busy, "looks", 1)
    two = await follows(busy, "looks", 2)
    assert "b" in two
    assert "c" not in two


async def test_nothing_follows_where_more_are_demanded_than_came(busy: Deployment) -> None:
    assert [await follows(busy, by, 9) for by in BY] == [set()] * len(BY)


async def test_orders_are_counted_too(busy: Deployment) -> None:
    assert {"b", "d", "e"} <= await follows(busy, "cart", 1)
    two = await follows(busy, "cart", 2)
    assert {"b", "d"} <= two
    assert not two & {"c", "e"}


@pytest.mark.parametrize("sessions", [0, 101, 1.5])
async def test_a_number_that_is_none_is_refused(shop: Deployment, sessions: float) -> None:
    await shop.place("tried", status=422, explain="x", recommenders=["popular"], neighbour_sessions=sessions)


def test_a_row_without_weak_links_keeps_all_else() -> None:
    state = Item(at=1)
    state.relations.total = 3.0
    state.relations.after = {"b": Link(2.0, 2), "c": Link(9.0, 1)}
    state.relations.before = {"c": Link(1.0, 1), "d": Link(1.0, 3)}
    codes = Codes()
    row = parse("a", state, codes)
    assert backed(row, 1) is not row
    assert backed(row, 1).codes.tolist() == row.codes.tolist()
    two = backed(row, 2)
    assert {codes.ids[code] for code in two.codes.tolist()} == {"b", "d"}
    assert (two.total, two.counted, two.code) == (row.total, row.counted, row.code)
    assert codes.ids[int(two.nearest[0])] == "b"

"""Exploration: new items get their share of the impressions, by a draw whose probabilities are on record."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import jsonschema_rs
import msgspec
import numpy as np
import pytest

import schemas
from serving.config import BadDocument
from serving.decide import decide
from serving.decision import Decision, write
from serving.exploration import RECOMMENDER
from serving.newcomers import AT_ONCE, DAYS, VIEWS
from serving.off_policy.logged import decisions
from serving.placement import Explore, Placement, placement
from serving.placements import placements
from serving.request import Request, visit
from serving.shop import Shop
from serving.slate import cursor
from serving.stage import Snapshot
from serving.visited import Visited
from stream.catalogue import Catalogue
from stream.signals import popularity, session
from stream.visitor import Last, Visitor
from tests.serving.deployment import NOW, SECRET, Deployment, ids, item
from tests.stream.test_catalogue import read, record

Validator = Callable[[str], jsonschema_rs.Draft202012Validator]
OLD, NEW, N, SHARE, VISITORS = 40, 10, 12, 0.05, 6_000
DAY_MS = 86_400_000
EXPLORING = msgspec.structs.replace(placements()["home_for_you"], explore=Explore(SHARE))


def stocked(*more: Any, new: int = NEW) -> Shop:
    """40 items of a category that have been seen often, and `new` of another that nobody has seen."""
    old = [record(f"old{n}", n, at=NOW, title=f"Old {n}", category="A") for n in range(OLD)]
    fresh = [record(f"new{n}", OLD + n, at=NOW, title=f"New {n}", category="B") for n in range(new)]
    shop = Shop(read(*old, *fresh, *more))
    for n in range(OLD):
        look(shop, f"old{n}", 1_000 - n)
    shop.refresh(NOW)
    return shop


def look(shop: Shop, item_id: str, times: int) -> None:
    shop.board.put(item_id, popularity.State(at=NOW, fast=times, slow=times, seen=times))


def asked(shop: Shop, number: int, event: str = "e1", *, visited: str = "old0", **more: Any) -> Snapshot:
    """A visitor who looked at one item."""
    step = session.Step(item_id=visited, event="view_item", at=NOW, event_id=f"s-{event}")
    visitor = Visitor(last=Last(event, "view_item", NOW), last_at=NOW)
    session.SIGNAL.of(visitor).steps.append(step)
    session.SIGNAL.of(visitor).last_at = NOW
    where = visit(Request(n=N), EXPLORING, visitor, NOW)
    snapshot = Snapshot(visitor, f"pid{number}", asked_for_somebody=True, visit=where, rows={}, vector=None, shop=shop)
    return msgspec.structs.replace(snapshot, **more)


def decided(
    shop: Shop, number: int, event: str = "e1", *, n: int = N, at: Placement = EXPLORING, **more: Any
) -> Decision:
    return decide(Request(visitor_id="v", n=n), asked(shop, number, event, **more), at, "", NOW, Random(1))


def many(shop: Shop, **more: Any) -> Iterator[Decision]:
    return (decided(shop, number, **more) for number in range(VISITORS))


def drawn(decision: Decision) -> list[tuple[int, str]]:
    return [(place, one.item_id) for place, one in enumerate(decision.items) if one.recommender == RECOMMENDER]


def test_new_items_get_their_share_of_the_impressions_and_each_its_part() -> None:
    shop = stocked()
    found = Counter(one for decision in many(shop) for one in drawn(decision))
    shown = VISITORS * N
    assert found.total() / shown == pytest.approx(SHARE, rel=0.06)
    by_item, by_place = Counter[str](), Counter[int]()
    for (place, item_id), times in found.items():
        by_item[item_id] += times
        by_place[place] += times
    assert set(by_item) == {f"new{n}" for n in range(NEW)}
    assert min(by_item.values()) > 0.75 * found.total() / NEW
    assert set(by_place) == set(range(1, N))
    assert min(by_place.values()) > 0.75 * found.total() / (N - 1)


def test_at_most_one_a_shelf_and_all_others_stay_where_they_were() -> None:
    shop = stocked()
    usual = decided(shop, 0, at=msgspec.structs.replace(EXPLORING, explore=None))
    for decision in (decided(shop, number) for number in range(200)):
        changed = [n for n, (a, b) in enumerate(zip(decision.items, usual.items, strict=True)) if a != b]
        assert changed == [place for place, _ in drawn(decision)]
        assert len(changed) <= 1


def test_the_propensities_are_how_often_it_happens() -> None:
    shop = stocked()
    seen: Counter[tuple[int, str]] = Counter()
    said: dict[tuple[int, str], float] = {}
    for decision in many(shop):
        assert decision.explored is not None
        for place, one in enumerate(decision.items):
            draw = decision.explored
            seen[place, one.item_id] += 1
            said[place, one.item_id] = draw.propensity if place == draw.place else draw.usual if place else 1.0
    for what, probability in said.items():
        expected = VISITORS * probability
        assert abs(seen[what] - expected) <= 5 * np.sqrt(expected * (1 - probability)) + 1e-9, what
    assert sum(said.values()) == pytest.approx(N)


def test_an_answer_that_nothing_changed_stays_the_same_and_an_event_draws_again() -> None:
    shop = stocked()
    shelves = [drawn(decided(shop, number)) for number in range(100)]
    shop.refresh(NOW)
    assert [drawn(decided(shop, number)) for number in range(100)] == shelves
    assert [drawn(decided(shop, number, "e2")) for number in range(100)] != shelves


def test_another_new_item_moves_only_the_draws_that_it_wins() -> None:
    before = [drawn(decided(stocked(), number)) for number in range(300)]
    shop = stocked(record("newest", 99, at=NOW, title="Newest", category="B"))
    after = [drawn(decided(shop, number)) for number in range(300)]
    assert {item_id for a, b in zip(before, after, strict=True) if a != b for _, item_id in b} == {"newest"}


def test_new_items_of_the_visits_category_come_more_often() -> None:
    shop = stocked(record("alike", 99, at=NOW, title="Alike", category="A"))
    found = Counter(item_id for decision in many(shop) for _, item_id in drawn(decision))
    assert found["alike"] / found.total() == pytest.approx(np.exp(3) / (np.exp(3) + NEW), abs=0.03)


def test_an_item_that_enough_have_seen_is_not_new_any_more() -> None:
    shop = stocked(new=2)
    look(shop, "new0", VIEWS - 1)
    shop.refresh(NOW)
    assert shop.newcomers.item_ids == ["new1", "new0"]
    look(shop, "new0", VIEWS)
    shop.refresh(NOW)
    assert shop.newcomers.item_ids == ["new1"]


def test_what_the_catalogue_has_had_for_long_is_not_new_and_the_latest_come_first() -> None:
    aged = [record(f"aged{n}", 100 + n, at=NOW - (DAYS - 1 + n) * DAY_MS, title="T") for n in (0, 1)]
    assert stocked(*aged, new=2).newcomers.item_ids == ["new1", "new0", "aged0"]
    assert len(stocked(new=2 * AT_ONCE).newcomers.item_ids) == AT_ONCE


def test_a_next_page_draws_nothing_that_a_page_before_has_shown() -> None:
    shop = stocked(new=1)
    request = Request(visitor_id="v", n=N, after=(cursor.code("new0", shop),))
    found = [decide(request, asked(shop, number), EXPLORING, "", NOW, Random(1)) for number in range(50)]
    assert {one.explored for one in found} == {None}


def test_nothing_is_drawn_that_must_not_be_shown() -> None:
    catalogue: Catalogue = read(
        record("a", 0, at=NOW, title="A", category="A"),
        record("b", 1, at=NOW, title="B", category="A"),
        record("variant", 2, at=NOW, title="V", item_group_id="g"),
        record("taken", 3, at=NOW, title="T", category="A", item_group_id="g"),
        record("sold_out", 4, at=NOW, title="S"),
    )
    shop = Shop(catalogue)
    for item_id in ("a", "b", "taken"):
        look(shop, item_id, 100)
    shop.refresh(NOW)
    catalogue.apply([record("sold_out", 5, at=NOW, quantity=0)])
    for number in range(50):
        found = decided(shop, number, n=3, visited="b")
        assert (drawn(found), found.explored) == ([], None)


def test_hidden_items_are_not_drawn() -> None:
    shop = stocked(new=1)
    snapshot = asked(shop, 1)
    where = msgspec.structs.replace(snapshot.visit, hidden={"new0": "dismissed"})
    for number in range(50):
        assert decided(shop, number, visit=where).explored is None


@pytest.mark.parametrize("more", [{"visitor": None, "pid": ""}, {"pid": ""}, {"degraded": True}])
def test_without_consent_or_state_nothing_is_drawn(more: dict[str, Any]) -> None:
    shop = stocked()
    assert all(decided(shop, number, **more).explored is None for number in range(50))


def test_the_first_place_and_a_shelf_of_one_are_never_drawn_for() -> None:
    shop = stocked()
    assert all(decided(shop, number, n=1).explored is None for number in range(50))


def test_without_an_order_of_its_own_a_shelf_draws_nothing() -> None:
    shop = stocked()
    found = decided(shop, 1, visited="unknown")
    assert (found.status, found.explored) == ("fallback", None)


@pytest.mark.parametrize("more", [{"last_visit": True}, {"cart": True}, {"recommenders": ["popular"]}])
def test_mails_carts_and_shelves_that_are_not_personal_do_not_explore(more: dict[str, Any]) -> None:
    document = {"name": "x", "explain": "X.", "recommenders": ["session_table"], "explore": {"share": 0.05}}
    assert placement(document, "x").explore == Explore(0.05)
    with pytest.raises(BadDocument, match="explore"):
        placement(document | more, "x")


def test_what_is_written_tells_the_propensities_and_the_shelf_does_not(validator: Validator) -> None:
    shop = stocked()
    example = schemas.examples("decision_record", valid=True)["exploring"]
    for decision in (decided(shop, number) for number in range(20)):
        written = write(
            decision,
            example["decision_id"],
            shop.fragments,
            took_ms=1,
            asked={},
            version=1,
            pid_keys=1,
            models={},
            visit=Visited(),
        )
        told = msgspec.json.decode(written.record)
        assert all("propensity" not in one for one in msgspec.json.decode(written.shelf)["items"])
        assert "propensity" not in told["items"][0]
        for one in told["items"][1:]:
            assert ("instead_of" in one) == (one["recommender"] == RECOMMENDER) == (one["propensity"] < 0.5)
        assert validator("decision_record").is_valid(told | {"pid": None})
        (shelf,), _ = decisions([msgspec.json.encode(told | {"pid": "p"})])
        assert all(one.table is not None for one in shelf.order)
        assert len({one.item_id for one in shelf.order}) == N
        assert RECOMMENDER not in {one.recommender for one in shelf.order}


@pytest.fixture
async def known(shop: Deployment) -> Deployment:
    """Thirty items of a category, of which eight have been seen by so many that they are not new."""
    await shop.stock(*[item(f"i{n}", category="A") for n in range(30)])
    for n in range(8):
        for visitor in range(VIEWS):
            await shop.view(f"v{visitor}", f"i{n}", settle=False)
    await shop.settle()
    return shop


async def recorded(shop: Deployment, **document: Any) -> list[dict[str, Any]]:
    """What is on record of a shelf of a placement that explores as much as one can."""
    told: dict[str, Any] = {"explain": "E.", "recommenders": ["category_popular"], "explore": {"share": 0.2}}
    await shop.place("home_for_you", **told, **document)
    await shop.shelf("home_for_you", "v0")
    items: list[dict[str, Any]] = shop.broker.values("decisions")[-1]["items"]
    return items


async def test_a_page_of_a_visitor_who_agreed_explores_and_says_so(known: Deployment, validator: Validator) -> None:
    items = await recorded(known, n=5)
    for told in known.broker.values("decisions"):
        validator("decision_record").validate(told)
    (new,) = [one for one in items if one["recommender"] == RECOMMENDER]
    assert int(new["item_id"][1:]) >= 8
    assert new["propensity"] <= 1 / 4
    shelf = await known.shelf("home_for_you", "v0")
    assert ids(shelf) == [one["item_id"] for one in items]
    assert "propensity" not in shelf["items"][1]


async def test_where_a_rule_has_pinned_an_item_none_is_drawn(known: Deployment) -> None:
    rule = {"explain": "P.", "then": {"pin": [{"item_id": "i7", "position": 1}]}}
    await known._following(known.call("PUT", "/v1/admin/rules/season", rule, key=SECRET))
    items = await recorded(known, n=3)
    assert items[1]["item_id"] == "i7"
    assert ["propensity" in one for one in items] == [False, False, True]
    assert items[2]["propensity"] == pytest.approx(0.4) or items[2]["recommender"] == RECOMMENDER

"""Rules on shelves equal their words, show nothing that must not be shown, and cost a shop without any nothing."""

from __future__ import annotations

import json
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from serving.decide import decide
from serving.decision import Decision
from serving.placement import placement
from serving.request import Request, visit
from serving.rules.acting import RulesHere
from serving.rules.rule import rule
from serving.shop import Shop
from serving.stage import Snapshot
from stream.catalogue import Catalogue
from stream.fold import Record
from stream.signals import popularity
from tests.filters.test_rules import FILTERS, ITEMS
from tests.rules.naive import Document, shelf

NOW = 1_790_000_000_000
PLACEMENT = placement({"name": "here", "explain": "x", "recommenders": ["popular"]}, "here")
IDS = [f"i{n}" for n in range(8)]
PINS = st.lists(
    st.fixed_dictionaries({"item_id": st.sampled_from([*IDS, "gone"]), "position": st.integers(0, 9)}),
    min_size=1,
    max_size=3,
    unique_by=lambda pin: str(pin["item_id"]),
)
FACTORS = st.sampled_from([1.5, 2.0, 10.0])
THENS = st.one_of(
    st.sampled_from([{"filter": "only"}, {"filter": "never"}]),
    FACTORS.map(lambda factor: {"boost": factor}),
    FACTORS.map(lambda factor: {"bury": factor}),
    PINS.map(lambda pins: {"pin": pins}),
    st.tuples(st.sampled_from(["brand", "tags"]), st.integers(1, 2)).map(
        lambda cap: {"cap": {"by": cap[0], "most": cap[1]}}
    ),
)


@st.composite
def documents(draw: st.DrawFn) -> list[Document]:
    found = []
    for n in range(draw(st.integers(0, 5))):
        document: Document = {"name": f"r{n}", "explain": "x", "then": draw(THENS)}
        if draw(st.booleans()) or document["then"].keys() & {"filter", "boost", "bury"}:
            document["if"] = draw(FILTERS)
        document["priority"] = draw(st.integers(-1, 1))
        found.append(document)
    return found


def a_shop(items: list[dict[str, Any]]) -> tuple[Shop, dict[str, dict[str, Any]]]:
    catalogue, named = Catalogue(), dict(zip(IDS, items, strict=False))
    made = [{"item_id": item_id, "title": "t", **item} for item_id, item in named.items()]
    shop = Shop(catalogue)
    catalogue.apply(
        [Record("catalog", 0, n, 0, one["item_id"].encode(), json.dumps(one).encode()) for n, one in enumerate(made)]
    )
    for n, item_id in enumerate(named):
        shop.board.put(item_id, popularity.State(at=NOW, fast=10.0 - n, slow=10.0 - n, seen=1))
    shop.refresh(NOW)
    return shop, named


def decided(
    shop: Shop, rules: RulesHere | None, n: int, exclude: list[str], request: Request | None = None
) -> Decision:
    request = request or Request(n=n, exclude=exclude)
    where = visit(request, PLACEMENT, None, NOW)
    snapshot = Snapshot(None, "", asked_for_somebody=False, visit=where, rows={}, vector=None, shop=shop, rules=rules)
    return decide(request, snapshot, PLACEMENT, "", NOW, Random(0))


def compiled(some: list[Document]) -> RulesHere:
    return RulesHere([rule(one, one["name"]) for one in some])


SHOPS = st.lists(ITEMS, min_size=1, max_size=8)


@given(items=SHOPS, some=documents(), n=st.integers(1, 9), exclude=st.lists(st.sampled_from(IDS), max_size=2))
@settings(max_examples=150, deadline=None)
def test_a_shelf_is_what_the_words_of_its_rules_say(
    items: list[dict[str, Any]], some: list[Document], n: int, exclude: list[str]
) -> None:
    shop, named = a_shop(items)
    plain = [(one.item_id, one.score) for one in decided(shop, None, 100, exclude).items]
    found = decided(shop, compiled(some), n, exclude)
    assert [(one.item_id, list(one.rules)) for one in found.items] == shelf(plain, named, some, n)
    assert {one.item_id for one in found.items} <= {item_id for item_id, _ in plain}


@given(items=SHOPS, some=documents(), data=st.data())
@settings(max_examples=50, deadline=None)
def test_the_order_in_which_rules_were_made_does_not_matter(
    items: list[dict[str, Any]], some: list[Document], data: st.DataObject
) -> None:
    shop, _ = a_shop(items)
    other = data.draw(st.permutations(some))
    assert decided(shop, compiled(some), 5, []) == decided(shop, compiled(other), 5, [])


@given(items=SHOPS, some=documents(), n=st.integers(1, 9))
@settings(max_examples=50, deadline=None)
def test_rules_that_do_not_act_change_nothing(items: list[dict[str, Any]], some: list[Document], n: int) -> None:
    shop, _ = a_shop(items)
    plain = decided(shop, None, n, [])
    for when in ({"until": "2020-01-01T00:00:00Z"}, {"segment": {"not": {"cart": True}}}):
        assert decided(shop, compiled([{**one, "when": when} for one in some]), n, []) == plain


@given(
    items=SHOPS,
    changes=st.lists(st.tuples(st.integers(0, 7), ITEMS), min_size=1, max_size=4),
    some=documents(),
)
@settings(max_examples=50, deadline=None)
def test_what_was_compiled_follows_the_catalogue(
    items: list[dict[str, Any]], changes: list[tuple[int, dict[str, Any]]], some: list[Document]
) -> None:
    catalogue = Catalogue()
    shop, here = Shop(catalogue), compiled(some)
    for place, (n, item) in enumerate([*enumerate(items), *changes]):
        whole = dict.fromkeys(("brand", "category", "tags", "price", "sale_price", "quantity", "attributes"))
        record = {**whole, "item_id": f"i{n}", "title": "t", **item}
        catalogue.apply([Record("catalog", 0, place, 0, f"i{n}".encode(), json.dumps(record).encode())])
        shop.refresh(NOW)
        assert decided(shop, here, 5, []) == decided(shop, compiled(some), 5, [])


def test_more_than_sixty_four_boosts() -> None:
    shop, _ = a_shop([{"brand": "A"}, {"brand": "B"}])
    boosts = [{"name": f"r{n}", "explain": "x", "if": {"brand": "A"}, "then": {"bury": 1.01}} for n in range(70)]
    last = {"name": "z", "explain": "x", "if": {"brand": "B"}, "then": {"boost": 2}}
    found = decided(shop, compiled([*boosts, last]), 2, []).items
    assert [one.item_id for one in found] == ["i1", "i0"]
    assert (found[0].rules, len(found[1].rules)) == (("z",), 70)


def test_a_score_below_zero_is_boosted_towards_zero() -> None:
    shop, _ = a_shop([{"brand": "A"}, {"brand": "B"}])
    here = compiled([{"name": "b", "explain": "x", "if": {"brand": "B"}, "then": {"boost": 4}}])
    acting = here.acting(None, NOW)
    assert acting is not None
    candidates = [replace(one, score=-score) for one, score in zip(shop.fallback, (1.0, 2.0), strict=True)]
    moved = acting.boosts.applied(candidates, shop, acting.bits)
    assert [(one.item_id, one.score) for one in moved] == [("i1", -0.5), ("i0", -1.0)]
    assert acting.boosts.applied(candidates[:1], shop, acting.bits) == candidates[:1]

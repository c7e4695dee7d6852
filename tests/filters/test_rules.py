"""Filters: what is compiled says the same as the words, the algebra holds, and what is no filter is told so."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.filters.columns import Columns, Mask
from serving.filters.fields import CHOICES
from serving.filters.masks import Masks, Together
from serving.filters.rule import BadFilter, both, compiled
from stream import catalog_item
from stream.catalog_item import CatalogItem
from tests.filters.naive import passes

BRANDS = st.sampled_from(["A", "B", "é"])
CATEGORIES = st.sampled_from(["Kitchen", "Kitchen > Pans", "Kitchen>Pans >Iron", "Kitchens", "Garden > Pans", " > "])
TAGS = st.sampled_from(["summer", "new", "sale"])
PRICES = st.sampled_from(["0", "9.99", "10", "10.00", "10.000001", "999999999999.999999"])
BALANCES = st.sampled_from(["-10", "-0.01", "0", 0.01, -0.5, "9.99", 10])
SCALARS = st.sampled_from(["red", "1", "", 1, 1.5, 0, True, False])
TIMES = st.sampled_from([0, 1_790_000_000_000, "2026-01-31T12:00:00Z", "2026-01-31T13:00:00+01:00"])
ITEMS = st.fixed_dictionaries(
    {},
    optional={
        "brand": BRANDS,
        "category": CATEGORIES,
        "tags": st.lists(TAGS, max_size=3),
        "price": PRICES,
        "sale_price": PRICES,
        "cost": PRICES,
        "quantity": st.integers(0, 3),
        "availability": st.sampled_from(["in_stock", "preorder"]),
        "published_at": TIMES,
        "attributes": st.dictionaries(
            st.sampled_from(["colour", "size"]), st.one_of(SCALARS, st.lists(SCALARS, max_size=2)), max_size=2
        ),
    },
)
VALUES: dict[str, Any] = {
    "brand": BRANDS,
    "category": CATEGORIES.filter(lambda text: text != " > "),
    "tags": TAGS,
    "availability": st.sampled_from(["in_stock", "preorder"]),
    "on_sale": st.booleans(),
    "price": PRICES,
    "margin": BALANCES,
    "margin_percent": st.sampled_from([-100, -0.1, 0, 0.1, 40, 100, 1_000_000_000]),
    "quantity": st.integers(0, 3),
    "published_at": TIMES,
    "attributes.colour": SCALARS,
    "attributes.nobody has it": SCALARS,
}
ORDERED = {
    "price",
    "margin",
    "margin_percent",
    "quantity",
    "published_at",
    "attributes.colour",
    "attributes.nobody has it",
}


def conditions(name: str) -> st.SearchStrategy[dict[str, Any]]:
    value = VALUES[name]
    limit = value if not name.startswith("attributes") else st.sampled_from([0, 1, 1.2])
    operators = {"eq": value, "in": st.lists(value, min_size=1, max_size=3), "exists": st.booleans()}
    if name in ORDERED:
        operators |= dict.fromkeys(("lt", "lte", "gt", "gte"), limit)
    several = st.fixed_dictionaries({}, optional=operators).filter(bool)
    return st.one_of(value, st.lists(value, min_size=1, max_size=3), several).map(lambda one: {name: one})


LEAVES = st.sampled_from(sorted(VALUES)).flatmap(conditions)
FILTERS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(lambda some: {"all": some}),
        st.lists(inner, min_size=1, max_size=3).map(lambda some: {"any": some}),
        inner.map(lambda one: {"not": one}),
        st.tuples(inner, LEAVES).map(lambda two: two[0] | two[1]),
    ),
    max_leaves=6,
)


class Shop:
    """Items by code, and their columns."""

    def __init__(self, items: list[dict[str, Any]]) -> None:
        self.items: list[CatalogItem | None] = []
        self.columns = Columns(self.items.__getitem__, lambda: len(self.items))
        for item in items:
            self.put(len(self.items), item)

    def put(self, code: int, item: dict[str, Any] | None) -> None:
        made = None if item is None else read(f"i{code}", item)
        before = self.items[code] if code < len(self.items) else None
        self.items[code : code + 1] = [made]
        self.columns.change(code, before, made)

    def mask(self, document: Any) -> Mask:
        return compiled(document).mask(self.columns)


def read(item_id: str, item: dict[str, Any]) -> CatalogItem:
    whole = catalog_item.fold(None, json.dumps({"item_id": item_id, "title": "t", **item}).encode())
    assert isinstance(whole, bytes), whole
    return catalog_item.read_item(whole)


@given(items=st.lists(ITEMS, max_size=8), document=FILTERS)
@settings(max_examples=300, deadline=None)
def test_the_compiled_filter_says_what_its_words_say(items: list[dict[str, Any]], document: dict[str, Any]) -> None:
    assert Shop(items).mask(document).tolist() == [passes(document, item) for item in items]


@given(items=st.lists(ITEMS, max_size=6), one=FILTERS, other=FILTERS)
@settings(max_examples=150, deadline=None)
def test_all_any_and_not_are_an_algebra(items: list[Any], one: dict[str, Any], other: dict[str, Any]) -> None:
    shop = Shop(items)
    a, b = shop.mask(one), shop.mask(other)
    assert (shop.mask({"all": [one, other]}) == (a & b)).all()
    assert (shop.mask({"any": [one, other]}) == (a | b)).all()
    assert (shop.mask({"not": one}) == ~a).all()
    assert (shop.mask({"not": {"not": one}}) == a).all()
    assert (shop.mask({"not": {"any": [one, other]}}) == shop.mask({"all": [{"not": one}, {"not": other}]})).all()
    assert (both(compiled(one), compiled(other)).mask(shop.columns) == (a & b)).all()


@given(
    items=st.lists(ITEMS, min_size=1, max_size=4),
    changes=st.lists(st.tuples(st.integers(0, 5), st.one_of(st.none(), ITEMS)), max_size=8),
    document=FILTERS,
)
@settings(max_examples=150, deadline=None)
def test_columns_follow_every_change(items: list[Any], changes: list[Any], document: dict[str, Any]) -> None:
    shop, now = Shop(items), list(items)
    shop.mask(document)
    for place, item in changes:
        code = min(place, len(now))
        now[code : code + 1] = [item]
        shop.put(code, item)
    told = shop.mask(document)
    assert [bool(told[code]) for code, item in enumerate(now) if item is not None] == [
        passes(document, item) for item in now if item is not None
    ]


def test_values_of_the_past_are_forgotten() -> None:
    shop = Shop([{"price": "1"}])
    assert shop.mask({"price": "1"}).tolist() == [True]
    for cents in range(5_000):
        shop.put(0, {"price": f"{cents / 100:.2f}"})
    assert shop.mask({"price": {"eq": "49.99"}}).tolist() == [True]
    assert len(next(iter(shop.columns._columns.values()))._values) < 10


def test_more_items_than_a_column_had_room_for() -> None:
    shop = Shop([{"price": "1"}])
    shop.mask({"price": "1"})
    for code in range(1, 3_000):
        shop.put(code, {"price": "2"})
    assert int(shop.mask({"price": "2"}).sum()) == 2_999


def test_an_attribute_that_comes_and_goes_is_found_where_it_is_now() -> None:
    shop = Shop([{"attributes": {"a": 1}}, {}])
    for _ in range(3_000):
        shop.put(1, {"attributes": {"a": 1}})
        shop.put(1, {})
    shop.put(0, {"attributes": {"a": 2}})
    assert shop.mask({"attributes.a": {"exists": True}}).tolist() == [True, False]
    assert len(shop.columns._holders["a"]) < 2_000


def test_equal_documents_are_one_rule_whatever_the_order_of_their_names() -> None:
    one, other = {"brand": "A", "tags": "new"}, {"tags": "new", "brand": "A"}
    assert compiled(one) is compiled(other)


def test_true_is_not_one() -> None:
    shop = Shop([{"attributes": {"a": True}}, {"attributes": {"a": 1}}, {"attributes": {"a": 1.0}}])
    assert shop.mask({"attributes.a": True}).tolist() == [True, False, False]
    assert shop.mask({"attributes.a": {"gte": 1}}).tolist() == [False, True, True]


def deep(levels: int) -> dict[str, Any]:
    document: dict[str, Any] = {"brand": "A"}
    for _ in range(levels - 1):
        document = {"not": document}
    return document


@pytest.mark.parametrize(
    ("document", "pointer", "says"),
    [
        ([], "", "object"),
        ({}, "", "empty"),
        ({"colour": "red"}, "/colour", CHOICES[0]),
        ({"attributes.": "red"}, "/attributes.", "attributes.<name>"),
        ({"all": [{"brand": "A"}, {"a/b": 1}]}, "/all/1/a~1b", "no field"),
        ({"any": []}, "/any", "1 to 100"),
        ({"any": {"brand": "A"}}, "/any", "list"),
        ({"not": [{"brand": "A"}]}, "/not", "object"),
        ({"brand": {"like": "A"}}, "/brand/like", "eq, in, exists"),
        ({"brand": {"lt": "A"}}, "/brand/lt", "eq, in, exists"),
        ({"price": {"below": 5}}, "/price/below", "lt, lte, gt, gte"),
        ({"price": {}}, "/price", "operator"),
        ({"price": "cheap"}, "/price", "amount"),
        ({"price": {"lt": True}}, "/price/lt", "amount"),
        ({"price": {"lt": -1}}, "/price/lt", "amount"),
        ({"margin": "much"}, "/margin", "-1.00"),
        ({"margin": {"lt": "--1"}}, "/margin/lt", "-1.00"),
        ({"margin": True}, "/margin", "-1.00"),
        ({"margin_percent": "40 %"}, "/margin_percent", "percent"),
        ({"margin_percent": 1e300}, "/margin_percent", "percent"),
        ({"quantity": 1.5}, "/quantity", "whole number"),
        ({"quantity": 10**40}, "/quantity", "whole number"),
        ({"published_at": "yesterday"}, "/published_at", "instant"),
        ({"on_sale": "yes"}, "/on_sale", "true or false"),
        ({"brand": 5}, "/brand", "text"),
        ({"brand": []}, "/brand", "1 to 200"),
        ({"brand": ["A"] * 201}, "/brand", "1 to 200"),
        ({"brand": {"in": "A"}}, "/brand/in", "list"),
        ({"brand": {"exists": 1}}, "/brand/exists", "true or false"),
        ({"category": ">"}, "/category", "path"),
        ({"attributes.x": {"lt": "5"}}, "/attributes.x/lt", "number"),
        ({"attributes.x": None}, "/attributes.x", "number"),
        ({"attributes.x": 10**400}, "/attributes.x", "number"),
        ({"any": [{"brand": "A"}] * 101}, "/any", "1 to 100"),
        ({"any": [{"any": [{"brand": "A"}] * 60}] * 2}, "/any/1/any/40/brand", "100 conditions"),
        ({f"attributes.{n}": 1 for n in range(10, 27)}, "/attributes.26", "16 different"),
        ({"brand": "a\0"}, "/brand", "NUL"),
        ({"attributes.a\0": 1}, "/attributes.a\0", "no field"),
        ({"any": [{"brand": [f"{n:0>90}" for n in range(200)]}]}, "", "16384"),
        (deep(9), "/not" * 8, "8 levels"),
        (deep(500), "/not" * 8, "8 levels"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_is_no_filter_is_told_where_and_why(document: Any, pointer: str, says: str) -> None:
    with pytest.raises(BadFilter) as told:
        compiled(document)
    assert told.value.pointer == pointer
    assert says in told.value.detail


def test_eight_levels_and_a_hundred_conditions_are_allowed() -> None:
    shop = Shop([{"brand": "A"}, {"brand": "B"}])
    assert shop.mask(deep(8)).tolist() == [False, True]
    assert shop.mask({"any": [{"brand": f"{n}"} for n in range(99)] + [{"brand": "B"}]}).tolist() == [False, True]


def test_a_filter_without_any_items_is_an_empty_mask() -> None:
    assert np.array_equal(Shop([]).mask({"not": {"brand": "A"}}), np.zeros(0, np.bool_))


@given(
    items=st.lists(ITEMS, min_size=1, max_size=4),
    changes=st.lists(st.tuples(st.integers(0, 5), st.one_of(st.none(), ITEMS)), max_size=6),
    some=st.lists(FILTERS, min_size=1, max_size=3),
)
@settings(max_examples=100, deadline=None)
def test_kept_masks_say_what_masks_made_anew_say(items: list[Any], changes: list[Any], some: list[Any]) -> None:
    shop, now = Shop(items), list(items)
    masks, rules = Masks(shop.columns), [compiled(one) for one in some]
    together = Together([(one, place % 2 == 1) for place, one in enumerate(rules)])
    for place, item in [(0, items[0]), *changes]:
        code = min(place, len(now))
        now[code : code + 1] = [item]
        shop.put(code, item)
        for one in rules:
            assert masks.of(one).tolist() == one.mask(shop.columns).tolist()
        wanted = [~one.mask(shop.columns) if place % 2 else one.mask(shop.columns) for place, one in enumerate(rules)]
        assert together(shop.columns).tolist() == np.logical_and.reduce(wanted).tolist()


def test_a_mask_is_kept_while_only_other_fields_change() -> None:
    shop = Shop([{"brand": "A", "price": "1"}, {"brand": "B", "price": "2"}])
    masks, brand, price = Masks(shop.columns), compiled({"brand": "A"}), compiled({"price": {"gt": "1"}})
    before = masks.of(brand), masks.of(price)
    shop.put(0, {"brand": "A", "price": "3"})
    assert masks.of(brand) is before[0]
    assert (before[1].tolist(), masks.of(price).tolist()) == ([False, True], [True, True])

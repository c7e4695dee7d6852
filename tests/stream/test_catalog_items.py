"""Records of the catalogue topic add up to an item, whatever their order and size, and bad ones change nothing."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.catalog_item import MAX_ITEM_BYTES, fold, read_item
from stream.strict_json import Rejected

WHOLE: dict[str, Any] = {
    "item_id": "sku-1",
    "title": "Enamel saucepan 16 cm",
    "price": "34.90",
    "currency": "EUR",
    "availability": "in_stock",
    "quantity": 40,
    "attributes": {"colour": "sage"},
    "energy_class": "A",
}


def folded(*records: dict[str, Any] | None) -> bytes | None:
    known: bytes | None = None
    for record in records:
        after = fold(known, None if record is None else json.dumps(record).encode())
        assert not isinstance(after, Rejected), after
        known = after
    return known


def item(*records: dict[str, Any] | None) -> dict[str, Any]:
    whole = folded(*records)
    assert whole is not None
    fields: dict[str, Any] = json.loads(whole)
    return fields


def refusal(known: bytes | None, record: Any, key: bytes | None = None) -> Rejected:
    after = fold(known, orjson.dumps(record), key=key)
    assert isinstance(after, Rejected)
    return after


def test_a_stock_update_changes_the_stock_only() -> None:
    assert item(WHOLE, {"item_id": "sku-1", "quantity": 3}) == WHOLE | {"quantity": 3}


def test_a_price_update_changes_the_price_only() -> None:
    assert item(WHOLE, {"item_id": "sku-1", "price": 31.5}) == WHOLE | {"price": "31.5"}


def test_null_takes_a_field_away() -> None:
    assert "price" not in item(WHOLE, {"item_id": "sku-1", "price": None})


def test_attributes_are_replaced_whole() -> None:
    assert item(WHOLE, {"item_id": "sku-1", "attributes": {"lid": True}})["attributes"] == {"lid": True}


def test_unknown_fields_are_kept_and_updated() -> None:
    after = item(WHOLE, {"item_id": "sku-1", "energy_class": "B", "supplier": {"rating": 4.5}})
    assert (after["energy_class"], after["supplier"]) == ("B", {"rating": 4.5})


def test_the_first_record_needs_a_title() -> None:
    assert "title" in refusal(None, {"item_id": "sku-1", "quantity": 3}).detail
    assert refusal(folded(WHOLE), {"item_id": "sku-1", "title": None}).reason == "schema"


def test_a_record_without_a_value_deletes_and_the_next_starts_from_nothing() -> None:
    assert folded(WHOLE, None) is None
    assert item(WHOLE, None, {"item_id": "sku-1", "title": "Pan"}) == {"item_id": "sku-1", "title": "Pan"}
    assert refusal(folded(WHOLE, None), {"item_id": "sku-1", "quantity": 3}).reason == "schema"


def test_a_record_under_another_key_is_refused() -> None:
    assert refusal(None, WHOLE, key=b"sku-2").reason == "wrong_key"
    assert refusal(None, WHOLE, key=b"").reason == "wrong_key"
    assert isinstance(fold(None, orjson.dumps(WHOLE), key=b"sku-1"), bytes)


def test_a_bad_update_says_why_and_changes_nothing() -> None:
    verdict = refusal(folded(WHOLE), {"item_id": "sku-1", "price": "-1"})
    assert verdict.reason == "range"
    assert "price" in verdict.detail


def test_an_item_cannot_grow_without_bound() -> None:
    known = folded(WHOLE | {"note_a": "x" * 40_000})
    assert refusal(known, {"item_id": "sku-1", "note_b": "x" * 40_000}).reason == "too_large"
    assert refusal(None, WHOLE | {"note": "x" * MAX_ITEM_BYTES}).reason == "too_large"


def test_an_item_reads_as_what_was_sent() -> None:
    whole = folded(WHOLE | {"sale_price": 29.9, "tags": ["hob"], "published_at": "2026-01-05T08:00:00Z"})
    assert whole is not None
    one = read_item(whole)
    assert (one.title, one.price, one.sale_price, one.currency) == ("Enamel saucepan 16 cm", "34.90", "29.9", "EUR")
    assert (one.tags, one.attributes, one.hidden) == (["hob"], {"colour": "sage"}, False)


@pytest.mark.parametrize(
    ("fields", "sellable"),
    [
        ({}, True),
        ({"quantity": 1}, True),
        ({"quantity": 0}, False),
        ({"quantity": 0, "availability": "in_stock"}, False),
        ({"quantity": 0, "availability": "preorder"}, True),
        ({"quantity": 0, "availability": "backorder"}, True),
        ({"quantity": 5, "availability": "out_of_stock"}, False),
        ({"hidden": True}, False),
        ({"hidden": False}, True),
    ],
)
def test_what_is_hidden_or_out_of_stock_is_not_sellable(fields: dict[str, Any], sellable: bool) -> None:
    whole = folded({"item_id": "sku-1", "title": "Pan"} | fields)
    assert whole is not None
    assert read_item(whole).sellable is sellable


changes = st.fixed_dictionaries(
    {},
    optional={
        "title": st.sampled_from(["Pan", "Pot"]),
        "price": st.none() | st.sampled_from(["1.00", 2, 2.5]),
        "quantity": st.none() | st.integers(0, 9),
        "tags": st.none() | st.lists(st.sampled_from("ab"), max_size=2),
        "extra": st.none() | st.integers(0, 9),
    },
)


@given(st.lists(changes, max_size=5))
def test_whole_items_and_their_updates_add_up_to_the_same_bytes(updates: list[dict[str, Any]]) -> None:
    records = [WHOLE, *({"item_id": "sku-1"} | update for update in updates)]
    whole = folded(*records)
    assert whole is not None
    assert fold(None, whole) == whole, "what the HTTP edge writes after folding is what it folded"
    assert fold(whole, whole) == whole, "the same record twice is the same item"
    assert fold(folded(*records[:-1]) if updates else None, json.dumps(records[-1]).encode()) == whole

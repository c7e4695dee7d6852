"""The gate's code and the schemas accept the same.

Intended differences, each with its test below, are what a JSON Schema cannot say: the number of bytes, the depth, names
that occur twice, and bytes that are no JSON at all.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import schemas
from stream import catalog_item
from stream.ingest import Accepted, Rejected, validate

Validators = Callable[[str], jsonschema_rs.Draft202012Validator]
NOW = 1_769_860_800_000
KNOWN = b'{"item_id":"sku-1","title":"Enamel saucepan"}'
EVENT_SCHEMAS = [name for name in schemas.names() if name == "event" or name.startswith("events/")]
VALID_EVENTS = [one for name in EVENT_SCHEMAS for one in schemas.examples(name, valid=True).values()]
VALID_ITEMS = [
    one for name in ("catalog_item", "catalog_update") for one in schemas.examples(name, valid=True).values()
]
EVENT_FIELDS = sorted(schemas.load("event_envelope")["properties"])
ITEM_FIELDS = sorted(schemas.load("catalog_update")["properties"])


def wire(instance: Any) -> bytes:
    return json.dumps(instance, allow_nan=False).encode()


def judged(instance: Any) -> Accepted | Rejected:
    return validate(wire(instance), timestamp=NOW)


def folded(instance: Any, known: bytes | None) -> bytes | Rejected | None:
    return catalog_item.fold(known, wire(instance))


def examples_of(names: list[str], valid: bool) -> list[Any]:
    return [
        pytest.param(title, instance, id=f"{name}:{title}")
        for name in names
        for title, instance in schemas.examples(name, valid).items()
    ]


@pytest.mark.parametrize(("title", "instance"), examples_of(EVENT_SCHEMAS, valid=True))
def test_valid_events_are_accepted(title: str, instance: Any) -> None:
    assert isinstance(judged(instance), Accepted)


@pytest.mark.parametrize(("title", "instance"), examples_of(EVENT_SCHEMAS, valid=False))
def test_invalid_events_are_rejected_for_the_reason_that_they_name(title: str, instance: Any) -> None:
    verdict = judged(instance)
    assert isinstance(verdict, Rejected)
    assert verdict.reason == title.partition(".")[2]


@pytest.mark.parametrize(("title", "instance"), examples_of(["catalog_item"], valid=True))
def test_valid_items_are_taken(title: str, instance: Any) -> None:
    assert isinstance(folded(instance, None), bytes)


@pytest.mark.parametrize(("title", "instance"), examples_of(["catalog_update"], valid=True))
def test_valid_updates_of_a_known_item_are_taken(title: str, instance: Any) -> None:
    assert isinstance(folded(instance, KNOWN), bytes)


@pytest.mark.parametrize(("title", "instance"), examples_of(["catalog_item", "catalog_update"], valid=False))
def test_invalid_items_are_rejected_for_the_reason_that_they_name(title: str, instance: Any) -> None:
    verdict = folded(instance, None)
    assert isinstance(verdict, Rejected)
    assert verdict.reason == title.partition(".")[2]


@pytest.mark.parametrize(("title", "instance"), examples_of(["catalog_item"], valid=True))
def test_a_folded_item_is_a_whole_item(title: str, instance: Any, validator: Validators) -> None:
    whole = folded(instance, None)
    assert isinstance(whole, bytes)
    assert validator("catalog_item").is_valid(json.loads(whole))


# Values at the edges of what the fields allow, and values that belong nowhere.
TEXTS = [
    *("", " ", "\t\n", "\u00a0", "x", "a\u0000b", "EUR", "eur", "EUR\n", "€", "view_item", "erase", "home", "web"),
    *("in_stock", "product\n", "/p", "//cdn", "https://x", "HTTP://x", "javascript:x", "1", "-1", "-0", "+1", "1e3"),
    *("0.5", ".5", "5.", "1,5", "007.50", "NaN", "\uff11", "1_0", "1\n"),
    *("9" * 12, "9" * 13, "1." + "1" * 20, "1." + "1" * 21),
    *("2026-01-31T12:00:00Z", "2026-01-31t12:00:00.123456789z", "2026-02-29T12:00:00Z", "2024-02-29T12:00:00Z"),
    *("2026-01-31T24:00:00Z", "2026-01-31T12:00:60Z", "2026-01-31T12:00:00+23:59", "2026-01-31T12:00:00+24:00"),
    *("2026-01-31 12:00:00Z", "2026-01-31T12:00:00", "1969-12-31T23:59:59Z", "1970-01-01T00:00:00+14:00"),
    *("9999-12-31T23:59:59-23:59", "2026-13-01T12:00:00Z", "20260131T120000Z", "2026-01-31T12:00:00Z\n"),
    *("x" * n for n in (64, 65, 128, 129, 200, 201, 256, 257, 1000, 1001, 4096, 4097)),
    *("é" * 64, "😀" * 64, "😀" * 65),
]
NUMBERS = [
    *(0, 1, 2, -1, 200, 1_000_000, 1_000_001, 10**9, 10**9 + 1, 10**12 - 1, 10**12, 2**53, 2**53 + 1, -(2**53), 2**64),
    *(253_402_300_799_999, 253_402_300_800_000, 10**30, NOW),
    *(0.0, -0.0, 1.0, 2.0, 1.5, 1e-7, 5e-324, 1e12, 999_999_999_999.99, 1e16, 1e300, -1e300, NOW + 0.5),
]
SHAPES: list[Any] = [
    *(None, True, False, [], {}, [None], [[]], {"": 1}, {"a\u0000": 1}, {"x": {"y": [1, {"z": None}]}}),
    *([{"item_id": "a"}], [{"item_id": "a"}, {"item_id": " "}], {"item_id": "a"}, {"promotion_id": "p"}),
    *({"type": "cart"}, {"channel": "app"}, {"analytics": False}, {"n": 2**53 + 1}, {"signed": True}, ["a"], [1, 2.5]),
    *([{"item_id": f"i{n}"} for n in range(200)], [{"item_id": f"i{n}"} for n in range(201)]),
    *(["t" * 200], ["t" * 201], [f"t{n}" for n in range(200)], [f"t{n}" for n in range(201)], ["a", None], [["a"]]),
    *({"n" * 200: 1}, {"n" * 201: 1}, {"n": ["a", 1, True]}, {"n": [None]}, {"n": [[]]}, {"n": {}}),
    *({f"n{n}": n for n in range(1000)}, {f"n{n}": n for n in range(1001)}),
]
EDGES = [*TEXTS, *NUMBERS, *SHAPES]
PARTS: dict[str, dict[str, str]] = {
    **{part: {} for part in ("consent", "consent_default", "edge", "page", "context")},
    "promotion": {"promotion_id": "p"},
}
OWN_FIELDS = {"erase": "epoch", "due": "kind", "search": "search_term", "identify": "customer_id"}
EVENT = {"event_id": "e", "event": "page_view", "occurred_at": NOW, "visitor_id": "v"}


def one_field_at_its_edges() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every field of the envelope and of its parts, with every value of `EDGES`."""
    for value in EDGES:
        for field in EVENT_FIELDS:
            yield field, EVENT | {field: value}
        for field in schemas.load("event_item")["properties"]:
            yield f"items.{field}", EVENT | {"items": [{"item_id": "sku-1", field: value}]}
        for part, least in PARTS.items():
            for field in schemas.load(part.removesuffix("_default"))["properties"]:
                yield f"{part}.{field}", EVENT | {part: least | {field: value}}
        for name, field in OWN_FIELDS.items():
            yield f"{name}: {field}", EVENT | {"event": name, field: value}
        for name in ("view_item", "purchase", "refund", "view_promotion", "dismiss"):
            for field in ("items", "value", "transaction_id", "promotion", "decision_id"):
                yield f"{name}: {field}", EVENT | {"event": name, field: value}


def test_code_and_schema_agree_on_each_field_of_an_event_at_its_edges(validator: Validators) -> None:
    schema, known = validator("event"), set()
    for field, document in one_field_at_its_edges():
        verdict = judged(document)
        known.add((field, isinstance(verdict, Accepted)))
        assert isinstance(verdict, Accepted) == schema.is_valid(document), (field, document, verdict)
    fields = {field for field, _ in known if ":" not in field}
    assert fields == {field for field in fields if {(field, True), (field, False)} <= known}, "right once, wrong once"


def test_code_and_schema_agree_on_each_field_of_an_item_at_its_edges(validator: Validators) -> None:
    schema, known = validator("catalog_item"), set()
    for value in EDGES:
        for field in ITEM_FIELDS:
            document = {"item_id": "sku-1", "title": "Enamel saucepan", field: value}
            verdict = folded(document, None)
            known.add((field, isinstance(verdict, bytes)))
            assert isinstance(verdict, bytes) == schema.is_valid(document), (field, document, verdict)
    assert len(known) == 2 * len(ITEM_FIELDS)


VALUES = st.one_of(
    st.sampled_from(TEXTS),
    st.sampled_from(NUMBERS),
    st.sampled_from(SHAPES),
    st.text(max_size=20),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.datetimes(timezones=st.timezones()).map(lambda at: at.isoformat()),
    st.decimals(min_value=-10, max_value=10**13, places=3).map(str),
)


def places(node: Any) -> Iterator[tuple[Any, Any]]:
    """Every (container, key) inside."""
    pairs = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, one in pairs:
        yield node, key
        yield from places(one)


@st.composite
def changed(draw: st.DrawFn, originals: list[Any], fields: list[str]) -> Any:
    """A valid document with up to three changes, most of which make it invalid."""
    document = copy.deepcopy(draw(st.sampled_from(originals)))
    for _ in range(draw(st.integers(0, 3))):
        value = copy.deepcopy(draw(VALUES))
        found = list(places(document))
        what = draw(st.sampled_from(["field", "replace", "remove", "unknown"]))
        if what == "field":
            document[draw(st.sampled_from(fields))] = value
        elif found:
            holder, key = draw(st.sampled_from(found))
            if what == "replace":
                holder[key] = value
            elif what == "remove":
                del holder[key]
            elif isinstance(holder, dict):
                holder[draw(st.text(max_size=5))] = value
    return document


@given(document=changed(VALID_EVENTS, EVENT_FIELDS))
@example(document={"event_id": "e", "event": "page_view", "occurred_at": 0, "visitor_id": "v", "schema_version": 1.0})
@example(document={"event_id": "e", "event": "erase", "occurred_at": 0.5, "visitor_id": "v", "epoch": 3.0})
@settings(max_examples=400, deadline=None)
def test_code_and_schema_agree_on_events(document: Any, validator: Validators) -> None:
    verdict = judged(document)
    assert isinstance(verdict, Accepted) == validator("event").is_valid(document), verdict


@given(document=changed(VALID_ITEMS, ITEM_FIELDS))
@settings(max_examples=200, deadline=None)
def test_code_and_schema_agree_on_items(document: Any, validator: Validators) -> None:
    first, later = folded(document, None), folded(document, KNOWN)
    assert isinstance(first, bytes) == validator("catalog_item").is_valid(document), first
    assert isinstance(later, bytes) == validator("catalog_update").is_valid(document), later


def test_only_the_code_counts_bytes(validator: Validators) -> None:
    large = EVENT | {"note": "x" * 65_536}
    assert validator("event").is_valid(large)
    verdict = judged(large)
    assert isinstance(verdict, Rejected)
    assert verdict.reason == "too_large"


def test_only_the_code_counts_levels(validator: Validators) -> None:
    deep = EVENT | {"note": json.loads("[" * 16 + "]" * 16)}
    assert validator("event").is_valid(deep)
    verdict = judged(deep)
    assert isinstance(verdict, Rejected)
    assert verdict.reason == "too_deep"


def test_only_the_code_sees_names_that_occur_twice_and_takes_the_last(validator: Validators) -> None:
    twice = b'{"event_id":"e","event":"view_item","event":"page_view","occurred_at":1,"occurred_at":2,"visitor_id":"v"}'
    assert validator("event").is_valid(json.loads(twice))
    verdict = validate(twice, timestamp=NOW)
    assert isinstance(verdict, Accepted)
    assert (verdict.name, verdict.event.occurred_at) == ("page_view", 2)

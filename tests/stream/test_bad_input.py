"""Every kind of bad input has its reason, on both ways in, and what is said about it repeats nothing of it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.fold import Record
from stream.ingest import (
    EDGE_FORBIDDEN,
    REASONS,
    Accepted,
    Rejected,
    admit,
    edge_refusal,
    stamp,
    validate,
)
from stream.topics import partition_of

NOW = 1_769_860_800_000
PARTITIONS = 48
GOOD: dict[str, Any] = {
    "event_id": "e-1",
    "event": "add_to_cart",
    "occurred_at": NOW,
    "visitor_id": "v-1",
    "items": [{"item_id": "sku-1", "quantity": 2, "price": "19.90"}],
}


def wire(**fields: Any) -> bytes:
    return json.dumps(GOOD | fields).encode()


def with_raw(field: str, raw: bytes) -> bytes:
    """The good event with one more field whose JSON text is `raw`."""
    return wire()[:-1] + b',"' + field.encode() + b'":' + raw + b"}"


def one(**fields: Any) -> bytes:
    return wire(items=[{"item_id": "sku-1"} | fields])


BAD: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "not_json"),
    "text": (b"hello", "not_json"),
    "cut off": (wire()[:-10], "not_json"),
    "two documents": (wire() + wire(), "not_json"),
    "a byte order mark": (b"\xef\xbb\xbf" + wire(), "not_json"),
    "UTF-16": (wire().decode().encode("utf-16"), "not_json"),
    "invalid UTF-8 in a known field": (wire().replace(b"v-1", b"v-\xff"), "not_json"),
    "invalid UTF-8 in an unknown field": (with_raw("note", b'"\xff"'), "not_json"),
    "invalid UTF-8 in an unknown name": (wire()[:-1] + b',"\xc0\x80":1}', "not_json"),
    "a surrogate in UTF-8": (with_raw("note", b'"\xed\xa0\x80"'), "not_json"),
    "a lone high surrogate": (with_raw("note", rb'"\ud800 and on"'), "not_json"),
    "a lone low surrogate": (with_raw("note", rb'"\udc00 and on"'), "not_json"),
    "NaN": (with_raw("value", b"NaN"), "not_json"),
    "Infinity": (with_raw("value", b"-Infinity"), "not_json"),
    "NaN in an unknown field": (with_raw("note", b"[NaN]"), "not_json"),
    "a raw NUL in a text": (wire().replace(b"v-1", b"v\x001"), "not_json"),
    "a raw NUL after the end": (wire() + b"\x00", "not_json"),
    "a raw line feed in a text": (wire().replace(b"v-1", b"v\n1"), "not_json"),
    "a number with a leading zero": (with_raw("value", b"01"), "not_json"),
    "a trailing comma": (wire()[:-1] + b",}", "not_json"),
    "single quotes": (wire().replace(b'"', b"'"), "not_json"),
    "an escaped NUL": (wire(visitor_id="v\x001"), "schema"),
    "an escaped NUL in an unknown field": (wire(note=["a", {"b": "\x00"}]), "schema"),
    "an escaped NUL in an unknown name": (wire(note={"a\x00": 1}), "schema"),
    "an array": (b"[" + wire() + b"]", "schema"),
    "a number": (b"1", "schema"),
    "null": (b"null", "schema"),
    "no fields": (b"{}", "schema"),
    "no visitor": (wire(visitor_id=None), "schema"),
    "an empty visitor": (wire(visitor_id=""), "schema"),
    "a blank visitor": (wire(visitor_id=" \n"), "schema"),
    "an empty event id": (wire(event_id=""), "schema"),
    "an empty item id": (one(item_id=""), "schema"),
    "an item id that is a number": (one(item_id=7), "schema"),
    "items that are no list": (wire(items={"item_id": "sku-1"}), "schema"),
    "an item that is a text": (wire(items=["sku-1"]), "schema"),
    "a currency that is no code": (wire(currency="Euro"), "schema"),
    "a currency in small letters": (wire(currency="eur"), "schema"),
    "a price that is no number": (one(price="cheap"), "schema"),
    "a price that is NaN": (one(price="NaN"), "schema"),
    "a price with an exponent": (one(price="1e3"), "schema"),
    "a price that is true": (one(price=True), "schema"),
    "a quantity that is a text": (one(quantity="2"), "schema"),
    "a quantity that is a fraction": (one(quantity=1.5), "schema"),
    "consent that is a text": (wire(consent={"analytics": "granted"}), "schema"),
    "a time that is no time": (wire(occurred_at="2026-01-31 at noon"), "schema"),
    "a time without an offset": (wire(sent_at="2026-01-31T12:00:00"), "schema"),
    "a promotion without an id": (wire(promotion={"creative_slot": "top"}), "schema"),
    "an event name that is a number": (wire(event=1), "schema"),
    "an unknown event": (wire(event="hack_the_shop"), "unknown_event"),
    "a quantity of zero": (one(quantity=0), "range"),
    "a negative quantity": (one(quantity=-1), "range"),
    "a quantity over a million": (one(quantity=1_000_001), "range"),
    "a negative price": (one(price=-0.01), "range"),
    "a negative price as text": (one(price="-0.01"), "range"),
    "a price beyond any price": (one(price=1e12), "range"),
    "a price of 400 digits": (one(price=10**400), "range"),
    "a negative value": (wire(value="-1"), "range"),
    "a negative index": (one(index=-1), "range"),
    "a negative time": (wire(occurred_at=-1), "range"),
    "a time after the year 9999": (wire(received_at=253_402_300_800_000), "range"),
    "an endless number": (with_raw("value", b"1e999"), "range"),
    "an endless number in an unknown field": (with_raw("note", b'{"a":[-1e999]}'), "range"),
    "an integer beyond 2^53": (wire(schema_version=2**53 + 1), "range"),
    "an integer beyond 2^53 in an unknown field": (wire(note={"a": [2**53 + 1]}), "range"),
    "an integer below -2^53 in an unknown field": (wire(note=-(2**53) - 1), "range"),
    "an integer of 5,000 digits in an unknown field": (with_raw("note", b"9" * 5000), "range"),
    "an event id of 65 characters": (wire(event_id="e" * 65), "too_large"),
    "a visitor id of 129 characters": (wire(visitor_id="v" * 129), "too_large"),
    "an item id of 129 characters": (one(item_id="i" * 129), "too_large"),
    "201 items": (wire(items=[{"item_id": f"sku-{n}"} for n in range(201)]), "too_large"),
    "more than 64 KiB": (wire(note="x" * (65_537 - len(wire(note="")))), "too_large"),
    "more than 64 KiB of nonsense": (b"x" * 65_537, "too_large"),
    "17 levels": (with_raw("note", b"[" * 16 + b"]" * 16), "too_deep"),
    "17 levels of objects": (with_raw("note", b'{"a":' * 16 + b"1" + b"}" * 16), "too_deep"),
    "30,000 levels": (with_raw("note", b"[" * 30_000 + b"]" * 30_000), "too_deep"),
    "version 2": (wire(schema_version=2), "unsupported_version"),
    "version 0": (wire(schema_version=0), "unsupported_version"),
    "version 2 of another shape": (wire(schema_version=2, event="like", items=None), "unsupported_version"),
}
BAD_AT_THE_EDGE = {what: one for what, one in BAD.items() if b"received_at" not in one[0]}  # which the edge overwrites
FINE: dict[str, bytes] = {
    "as it is": wire(),
    "with space around it": b" \n" + wire() + b"\r\n",
    "with escaped letters and a whole pair of surrogates": with_raw("note", rb'"\u00e4 \ud83d\ude00"'),
    "with a backslash before u0000": with_raw("note", rb'"C:\\u0000"'),
    "with 16 levels": with_raw("note", b"[" * 15 + b"]" * 15),
    "with brackets in a text": wire(note="[" * 100),
    "with 2^53": wire(note=[2**53, -(2**53)]),
    "with 40 digits in a text": wire(note="9" * 40),
    "with names that occur twice": wire()[:-1] + b',"visitor_id":"v-1","note":1,"note":{}}',
    "with a million of them": one(quantity=1_000_000),
    "for nothing": one(price="0"),
    "with the most items": wire(items=[{"item_id": f"sku-{n}"} for n in range(200)]),
    "with exactly 64 KiB": wire(note="x" * (65_536 - len(wire(note="")))),
    "with unknown fields everywhere": wire(a={"b": None}, items=[{"item_id": "sku-1", "c": [1.5]}], page={"d": "e"}),
}


def record(value: bytes | None, *, key: bytes | None = b"v-1", partition: int | None = None) -> Record:
    place = partition_of(b"v-1", PARTITIONS) if partition is None else partition
    return Record("events", place, 7, NOW, key, value)


def stamped(value: bytes) -> bytes:
    return stamp(value, received_at=NOW, edge={"key": "pk_1", "signed": False}, consent_default={"analytics": False})


@pytest.mark.parametrize(("value", "reason"), BAD.values(), ids=BAD)
def test_bad_input_is_rejected_by_the_worker(value: bytes, reason: str) -> None:
    verdict = admit(record(value), PARTITIONS)
    assert isinstance(verdict, Rejected)
    assert verdict.reason == reason


@pytest.mark.parametrize(("value", "reason"), BAD_AT_THE_EDGE.values(), ids=BAD_AT_THE_EDGE)
def test_bad_input_is_rejected_by_the_edge_for_the_same_reason(value: bytes, reason: str) -> None:
    verdict = validate(stamped(value), timestamp=NOW)
    assert isinstance(verdict, Rejected)
    assert verdict.reason == reason


@pytest.mark.parametrize("value", FINE.values(), ids=FINE)
def test_unusual_but_good_input_is_accepted(value: bytes) -> None:
    assert isinstance(admit(record(value), PARTITIONS), Accepted)


def test_every_reason_of_the_closed_set_occurs() -> None:
    assert {reason for _, reason in BAD.values()} | {"wrong_key", "wrong_partition"} == REASONS


@pytest.mark.parametrize("value", [value for value, _ in BAD.values()], ids=BAD)
def test_what_is_said_is_short_and_says_what_to_do(value: bytes) -> None:
    verdict = validate(value, timestamp=NOW)
    assert isinstance(verdict, Rejected)
    assert verdict.detail.startswith("Not accepted, and nothing was changed by it: ")
    assert verdict.detail.endswith(".")
    assert len(verdict.detail) < 600


SECRET = "jane.doe@example.com"


@pytest.mark.parametrize(
    "fields",
    [
        {"event": SECRET},
        {"visitor_id": SECRET * 10},
        {"value": SECRET},
        {"currency": SECRET},
        {"occurred_at": SECRET},
        {"page": {"type": SECRET}},
        {"context": {"channel": SECRET}},
        {"schema_version": SECRET},
        {SECRET: 2**60},
        {SECRET: {SECRET: "\x00"}},
        {"items": [{SECRET: SECRET}]},
    ],
)
def test_what_is_said_repeats_no_data(fields: dict[str, Any]) -> None:
    verdict = validate(wire(**fields), timestamp=NOW)
    assert isinstance(verdict, Rejected)
    assert "jane" not in verdict.detail


def test_what_is_said_names_the_field() -> None:
    verdict = validate(wire(items=[{"item_id": "a"}, {"item_id": "b", "quantity": 0}]), timestamp=NOW)
    assert isinstance(verdict, Rejected)
    assert "items[1].quantity" in verdict.detail


@pytest.mark.parametrize("key", [None, b"", b"v-2", b"V-1", b"v-1 ", b"\xff"])
def test_a_record_with_another_key_is_a_dead_letter(key: bytes | None) -> None:
    verdict = admit(record(wire(), key=key), PARTITIONS)
    assert isinstance(verdict, Rejected)
    assert verdict.reason == "wrong_key"


def test_a_key_is_the_visitor_id_in_utf_8() -> None:
    key = "vísitör-😀".encode()
    value = json.dumps(GOOD | {"visitor_id": "vísitör-😀"}).encode()
    placed = record(value, key=key, partition=partition_of(key, PARTITIONS))
    assert isinstance(admit(placed, PARTITIONS), Accepted)


def test_a_record_in_another_partition_is_a_dead_letter() -> None:
    beside = (partition_of(b"v-1", PARTITIONS) + 1) % PARTITIONS
    verdict = admit(record(wire(), partition=beside), PARTITIONS)
    assert isinstance(verdict, Rejected)
    assert verdict.reason == "wrong_partition"


def test_a_record_without_a_value_is_a_dead_letter() -> None:
    verdict = admit(record(None), PARTITIONS)
    assert isinstance(verdict, Rejected)
    assert verdict.reason == "not_json"


def test_control_events_are_refused_at_the_edge_and_pass_from_kafka() -> None:
    more: dict[str, dict[str, Any]] = {"unmerge": {"customer_id": "c-1"}, "due": {"kind": "abandoned_cart"}}
    for name in EDGE_FORBIDDEN:
        assert isinstance(admit(record(wire(event=name, **more.get(name, {}))), PARTITIONS), Accepted)
        refusal = edge_refusal(name)
        assert refusal is not None
        assert refusal.reason == "unknown_event"
    assert edge_refusal("purchase") is None


def test_only_the_edge_says_what_the_edge_says() -> None:
    forged = wire(
        received_at=1,
        edge={"key": "sk", "signed": True, "purchase_confirmed": True},
        consent_default={"marketing": True},
    )
    verdict = validate(stamped(forged), timestamp=1)
    assert isinstance(verdict, Accepted)
    assert verdict.received_at == NOW
    assert verdict.event.edge is not None
    assert (verdict.event.edge.key, verdict.event.edge.signed) == ("pk_1", False)
    assert verdict.event.edge.purchase_confirmed is False
    assert verdict.event.consent_default is not None
    assert verdict.event.consent_default.marketing is None


def test_a_forged_field_that_occurs_twice_is_overwritten_too() -> None:
    twice = wire()[:-1] + b',"edge":{"signed":true},"edge":{"signed":true},"received_at":1,"received_at":2}'
    assert stamped(twice).count(b'"edge"') == 1
    verdict = validate(stamped(twice), timestamp=1)
    assert isinstance(verdict, Accepted)
    assert verdict.event.edge is not None
    assert verdict.event.edge.signed is False


def test_without_a_default_the_edge_takes_a_forged_one_away() -> None:
    bare = stamp(wire(consent_default={"analytics": True}), received_at=NOW, edge={}, consent_default=None)
    assert b"consent_default" not in bare


def test_the_edge_keeps_all_else() -> None:
    sent = json.loads(wire(loyalty={"tier": "gold", "points": 2**53}, note="ä\u2028😀", ratio=0.1))
    passed_on = json.loads(stamped(json.dumps(sent).encode()))
    assert {name: passed_on[name] for name in sent} == sent


@given(value=st.binary(max_size=300))
@settings(max_examples=300, deadline=None)
def test_no_bytes_make_the_gate_raise(value: bytes) -> None:
    assert isinstance(validate(stamped(value), timestamp=NOW), Rejected)


@given(at=st.integers(0, len(wire()) - 1), byte=st.integers(0, 255), cut=st.booleans())
@settings(max_examples=500, deadline=None)
def test_a_broken_byte_makes_a_verdict_and_never_raises(at: int, byte: int, cut: bool) -> None:
    whole = wire()
    broken = whole[:at] + (b"" if cut else bytes([byte])) + whole[at + 1 :]
    plain, edge = validate(broken, timestamp=NOW), validate(stamped(broken), timestamp=NOW)
    assert type(plain) is type(edge)
    if isinstance(edge, Accepted):
        assert edge.event.edge is not None

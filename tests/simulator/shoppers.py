"""What shoppers do, and what goes wrong on the way: strategies for events, and the broken records of every kind."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from hypothesis import strategies as st

from stream.choice import packed
from stream.features import CHOICE_FEATURES
from stream.tokens import DecisionToken, decision_id
from stream.topics import partition_of
from tests.simulator.log import Place
from tests.simulator.world import PARTITIONS

FAY = "fay".ljust(26, "a")
"""Her id could be a pseudonym, so that a decision can be hers: a pseudonym is the id itself here."""
VISITORS = ("ann", "bob", "cy", "dee", "eve", FAY)
CUSTOMERS = ("c1", "c2")
ITEMS = tuple(f"i{n}" for n in range(8))
QUERIES = ("red pan", " RED  pan", "lamp", "me@example.com")
MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
CLAIM: dict[str, Any] = {
    "offer": "stay",
    "revision": 1,
    "coupons": 3,
    "per_visitor": 4,
    "code": "STAY",
    "says": "5 % off",
}


class Gesture(NamedTuple):
    """One event to be, with times relative to the world's clock."""

    visitor: str
    event: str
    items: tuple[str, ...]
    wait_ms: int
    late_ms: int
    session_id: str | None
    consent: tuple[bool | None, bool | None] | None
    default: bool | None
    straight: bool
    customer: str | None = None
    signed: bool = False
    query: str | None = None
    results: int | None = None

    def document(self, event_id: str, now_ms: int) -> dict[str, Any]:
        document: dict[str, Any] = {
            "event_id": event_id,
            "event": self.event,
            "occurred_at": now_ms - self.late_ms,
            "visitor_id": self.visitor,
            "items": [{"item_id": item, "quantity": 1 + n} for n, item in enumerate(self.items)],
        }
        if self.query is not None:
            document["search_term"] = self.query
        if self.event == "due":
            document |= {"kind": "coupon", "claim": CLAIM | {"until": now_ms + HOUR_MS}}
        if self.results is not None:
            document["results"] = self.results
        if self.customer is not None:
            document["customer_id"] = self.customer
        if self.session_id is not None:
            document["session_id"] = self.session_id
        if self.consent is not None:
            said = zip(("analytics", "personalization"), self.consent, strict=True)
            document["consent"] = {purpose: word for purpose, word in said if word is not None}
        if self.default is not None:
            document["consent_default"] = {"analytics": self.default, "personalization": self.default}
        if not self.straight:
            document |= {"received_at": now_ms, "sent_at": now_ms}
            document["edge"] = {"key": "pk_test", "signed": self.signed, "purchase_confirmed": len(self.items) == 1}
            document["edge"]["teaches"] = self.late_ms != 3_000
        return document


_one = st.tuples(st.sampled_from(ITEMS))
_some = st.lists(st.sampled_from(ITEMS), min_size=2, max_size=4).map(tuple)
_none: st.SearchStrategy[tuple[str, ...]] = st.just(())
_actions = st.one_of(
    st.tuples(st.just("view_item"), _one),
    st.tuples(st.just("view_item"), _one),
    st.tuples(st.just("view_item"), _one),
    st.tuples(st.sampled_from(("add_to_cart", "purchase", "dismiss", "refund", "remove_from_cart")), _one | _some),
    st.tuples(st.sampled_from(("view_item", "select_item", "view_item_list", "add_to_wishlist")), _some),
    st.tuples(st.sampled_from(("page_view", "view_cart", "begin_checkout")), _none),
    st.tuples(st.sampled_from(("consent_update", "identify", "unmerge")), _none),
    st.tuples(st.sampled_from(("erase", "reset")), _none),
    st.tuples(st.just("due"), _none),
)
_waits = st.sampled_from((0, 1_000, 1_000, 1_000, 20_000, 61_000, 10 * MINUTE_MS, 31 * MINUTE_MS))
_lateness = st.sampled_from((0, 0, 0, 0, 0, 3_000, -2_000, 5 * MINUTE_MS, 40 * MINUTE_MS, 25 * HOUR_MS))
_words = st.sampled_from((None, True, False))
_consents = st.one_of(st.none(), st.none(), st.none(), st.none(), st.tuples(_words, _words))
_defaults = st.sampled_from((True, True, True, True, True, True, False, None))


@st.composite
def gestures(draw: st.DrawFn) -> Gesture:
    event, items = draw(_actions)
    customers = CUSTOMERS if event in {"identify", "unmerge"} else (*CUSTOMERS, *(None,) * 6)
    consent = draw(st.tuples(_words, _words)) if event == "consent_update" else draw(_consents)
    return Gesture(
        visitor=draw(st.sampled_from(VISITORS)),
        event=event,
        items=items,
        wait_ms=draw(_waits),
        late_ms=draw(_lateness),
        session_id=draw(st.sampled_from((None, None, None, "s1", "s2"))),
        consent=consent,
        default=draw(_defaults),
        straight=draw(st.booleans()),
        customer=draw(st.sampled_from(customers)),
        signed=draw(st.booleans()),
    )


class Searching(NamedTuple):
    """A search, what was seen of its answer, and what was taken of that; `named`: they name the answer's decision."""

    query: str
    seen: tuple[str, ...]
    taken: tuple[tuple[str, str], ...]
    results: int | None
    named: bool

    def gestures(self, by: Gesture) -> list[Gesture]:
        """The same in events by the visitor of another gesture, one a second."""
        calm = by._replace(late_ms=0, wait_ms=1_000, consent=None, default=True, customer=None, query=None)
        search = calm._replace(event="search", items=(), query=self.query, results=self.results)
        taken = [calm._replace(event=event, items=(item,)) for event, item in self.taken]
        return [search, calm._replace(event="view_item_list", items=self.seen), *taken]

    @staticmethod
    def decision(number: int, now_ms: int) -> str:
        return decision_id(b"key", DecisionToken("search", "", now_ms, "", 1, 3_600, 600, b"s%07d" % number))


searchings = st.builds(
    Searching,
    st.sampled_from(QUERIES),
    st.lists(st.sampled_from(ITEMS), min_size=1, max_size=4, unique=True).map(tuple),
    st.lists(
        st.tuples(st.sampled_from(("select_item", "view_item", "add_to_cart", "purchase")), st.sampled_from(ITEMS)),
        max_size=4,
    ).map(tuple),
    st.sampled_from((None, 0, 7)),
    st.booleans(),
)


class Shelf(NamedTuple):
    """A decision for Fay: what was shown, and whether its record is lost."""

    items: tuple[str, ...]
    lost: bool = False

    def token(self, number: int, now_ms: int) -> str:
        return decision_id(b"key", DecisionToken("home", "", now_ms, FAY, 1, 3_600, 600, b"n%07d" % number))

    def record(self, token: str, now_ms: int) -> bytes:
        numbers = np.arange(len(self.items) * len(CHOICE_FEATURES)) / 8
        return json.dumps(
            {
                "decision_id": token,
                "decided_at": now_ms,
                "placement": "home",
                "items": [{"item_id": item} for item in self.items],
                "choices": {
                    "model": "clicks",
                    "version": 0,
                    "features": packed(numbers.reshape(len(self.items), -1).astype(np.float16)),
                },
            }
        ).encode()


shelves = st.builds(
    Shelf, st.lists(st.sampled_from(ITEMS), min_size=2, max_size=4, unique=True).map(tuple), st.booleans()
)


class Poison(NamedTuple):
    """A record that must become a dead letter."""

    key: bytes | None
    value: bytes | None
    partition: int
    reason: str


def home_of(visitor: str) -> Place:
    """Where a visitor's events belong."""
    return Place("events", partition_of(visitor.encode(), PARTITIONS["events"]))


def poison(kind: str, document: dict[str, Any]) -> Poison:
    """A good event, broken in one way."""
    visitor = document["visitor_id"]
    key, partition = visitor.encode(), home_of(visitor).partition
    if kind == "wrong_key":
        return Poison(b"somebody else", json.dumps(document).encode(), partition, "wrong_key")
    if kind == "no_key":
        return Poison(None, json.dumps(document).encode(), partition, "wrong_key")
    if kind == "wrong_partition":
        return Poison(key, json.dumps(document).encode(), 1 - partition, "wrong_partition")
    value, reason = _BREAKS[kind](document)
    return Poison(key, value, partition, reason)


def _json(document: dict[str, Any], **changes: Any) -> bytes:
    return json.dumps({**document, **changes}).encode()


def _deep(levels: int) -> Any:
    return [_deep(levels - 1)] if levels else []


_BREAKS: dict[str, Callable[[dict[str, Any]], tuple[bytes | None, str]]] = {
    "no_value": lambda _: (None, "not_json"),
    "empty": lambda _: (b"", "not_json"),
    "cut_short": lambda d: (_json(d)[:-1], "not_json"),
    "two_texts": lambda d: (_json(d) * 2, "not_json"),
    "not_utf8": lambda d: (_json(d, note="x").replace(b'"x"', b'"\xff"'), "not_json"),
    "lone_surrogate": lambda d: (_json(d, note="x").replace(b'"x"', b'"\\ud800"'), "not_json"),
    "nan": lambda d: (_json(d, note=float("nan")), "not_json"),
    "pickle": lambda _: (b"\x80\x04K\x01.", "not_json"),
    "array": lambda d: (b"[" + _json(d) + b"]", "schema"),
    "no_event_id": lambda d: (_json({k: v for k, v in d.items() if k != "event_id"}), "schema"),
    "items_not_a_list": lambda d: (_json(d, items={"item_id": "i1"}), "schema"),
    "nul": lambda d: (_json(d, note="a\0b"), "schema"),
    "bad_time": lambda d: (_json(d, occurred_at="yesterday"), "schema"),
    "unknown_event": lambda d: (_json(d, event="view_itme"), "unknown_event"),
    "quantity_zero": lambda d: (_json(d, items=[{"item_id": "i1", "quantity": 0}]), "range"),
    "price_negative": lambda d: (_json(d, items=[{"item_id": "i1", "price": "-1"}]), "range"),
    "huge_integer": lambda d: (_json(d, note=2**53 + 1), "range"),
    "infinite": lambda d: (_json(d, note=0).replace(b'"note": 0', b'"note": 1e999'), "range"),
    "too_deep": lambda d: (_json(d, note=_deep(17)), "too_deep"),
    "very_deep": lambda d: (_json(d)[:-1] + b', "n": ' + b"[" * 5_000 + b"]" * 5_000 + b"}", "too_deep"),
    "too_large": lambda d: (_json(d, note="x" * 70_000), "too_large"),
    "other_version": lambda d: (_json(d, schema_version=2), "unsupported_version"),
}
POISONS = ("wrong_key", "no_key", "wrong_partition", *_BREAKS)

GARBAGE = (
    None,
    b"",
    b"\xc1",
    b"{}",
    b"\x82\xa6source\x92\xa1\xff\x00\xa7entries\x90",  # a text that is not UTF-8
    b"\x83\xa6source\x92\xa6events\x00\xa7entries\x90\xa1x" + b"\x91" * 5_000 + b"\xc0",  # nested without end
    b"\x82\xa6source\x92\xa6events\x00\xa7entries\x91\x93\xa4seen\x00",  # cut short
)
"""Derived records that no worker wrote."""

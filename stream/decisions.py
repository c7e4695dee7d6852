"""The decision agent: what was shown, as far as a model may learn from it.

Owns ``{decisions:p}``, which is nothing but its position and counts. A record of a shelf that a model ranked says what
the model was told of each item; it becomes an offer, which waits in the learner agent for what the shopper did. So does
a record of a banner that was shown (`stream.bandits.record`). All other records are counted. Nothing of whose decision
it was goes on.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterable, Sequence
from typing import Annotated

import msgspec
import numpy as np
from msgspec import Meta, Struct

from stream.bandits.record import Banner, Chosen, chosen
from stream.choice import LONGEST
from stream.entries import BANNERS, CHOICES, BannerOffer, Offer
from stream.fold import CLOCK, Clock, Emit, Family, Record, State
from stream.tokens import read_decision_id

NONCE_BYTES = 16

Version = Annotated[int, Meta(ge=0, le=2**53)]


class Choices(Struct, frozen=True, gc=False):
    """By which model a shelf was ranked, and what it was told: base64 of float16, little-endian, row by row."""

    model: str
    version: Version
    features: str


class Item(Struct, frozen=True, gc=False):
    """One item of a shelf."""

    item_id: str


class Decided(Struct, frozen=True, gc=False):
    """What is read of a decision's record; it has many more fields, and other kinds of decisions have others."""

    decision_id: str
    decided_at: Version = 0
    placement: str = ""
    choices: Choices | None = None
    banner: Banner | None = None
    items: msgspec.Raw = msgspec.Raw(b"[]")


class Broken(Struct, frozen=True):
    """Why a record cannot be used."""

    detail: str


class Offered(Struct, frozen=True):
    """An offer's fields."""

    nonce: bytes
    at: int
    placement: str
    model: str
    version: int
    item_ids: list[str]
    features: bytes


_decided = msgspec.json.Decoder(Decided).decode
_items = msgspec.json.Decoder(list[Item]).decode
Decoded = Offered | Chosen | Broken | None


class DecisionFold:
    """One partition's fold."""

    name = "decision"
    topic = "decisions"
    made_with = 1
    families = (CLOCK,)
    ranking: Family | None = None

    def decode(self, record: Record) -> Decoded:
        """An offer, None where there is nothing to learn from, or what is wrong."""
        try:
            decided = _decided(record.value or b"")
            if decided.banner is not None:
                return chosen(decided.banner, _nonce(decided), decided.decided_at)
            return None if decided.choices is None else _offered(decided, decided.choices)
        except (ValueError, RecursionError) as error:  # msgspec's and base64's errors and `BadToken` are ValueErrors
            return Broken(f"not a decision's record: {error}; only the API writes to this topic")

    def keys(self, decoded: Sequence[Decoded], state: State) -> Iterable[str]:
        return ()

    def fold(self, record: Record, decoded: Decoded, state: State, emit: Emit) -> None:
        clock = state.read("clock") or Clock()
        clock.record_at = max(clock.record_at, record.timestamp)
        state.put("clock", clock)
        if isinstance(decoded, Broken):
            clock.dead += 1
            emit.dead_letter(record, "schema", decoded.detail)
            return
        clock.applied += 1
        if isinstance(decoded, Chosen):
            emit.entry("feedback", BANNERS, BannerOffer, *msgspec.structs.astuple(decoded))
        elif decoded is not None:
            emit.entry("feedback", CHOICES, Offer, *msgspec.structs.astuple(decoded))

    def views(self, state: State, changed: Iterable[str]) -> dict[str, bytes | None]:
        return {}


def _nonce(decided: Decided) -> bytes:
    """Raises ValueError."""
    nonce = read_decision_id(None, decided.decision_id).nonce
    if len(nonce) > NONCE_BYTES:
        raise ValueError(f"a decision's nonce has {NONCE_BYTES} bytes at most, this one {len(nonce)}")
    return nonce


def _offered(decided: Decided, choices: Choices) -> Offered:
    """Raises ValueError."""
    nonce = _nonce(decided)
    item_ids = [item.item_id for item in _items(decided.items)]
    features = b64decode(choices.features, validate=True)
    if not 0 < len(item_ids) <= LONGEST:
        raise ValueError(f"a decision that can be learnt from shows 1 to {LONGEST} items, this one {len(item_ids)}")
    if not features or len(features) % (2 * len(item_ids)):
        raise ValueError(f"{len(features)} bytes of features are no rows for {len(item_ids)} items")
    if not np.isfinite(np.frombuffer(features, "<f2")).all():
        raise ValueError("a feature is not a finite number")
    return Offered(nonce, decided.decided_at, decided.placement, choices.model, choices.version, item_ids, features)

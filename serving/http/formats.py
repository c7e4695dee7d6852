"""What ``POST /v1/events`` may be sent: our own events, or another system's document that an adapter reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from serving.http import problem
from stream.adapter import Adapted, Ignored, ItemKey, Outcome, Refused
from stream.adapters import adapters
from stream.strict_json import Rejected

OWN = "liveshelf"
MOST_EVENTS = 500
_UNREADABLE = 'The body is not one event as a JSON object, nor {"events": […]} with a list; nothing was stored.'


class Sent(Struct, frozen=True):
    """One event as it was sent: its bytes in our words, or `instead` why there are none.

    `at` says where each field stood, `source` where the event did; both are empty if it was in our words.
    """

    value: bytes = b""
    instead: Ignored | Refused | None = None
    source: str = ""
    at: Mapping[str, str] = {}

    def told(self, refusal: Rejected) -> Rejected:
        """A refusal with the place in the document that was sent."""
        where = _place(self.at, refusal.field)
        if where is None:
            return refusal
        return Rejected(refusal.reason, f"{refusal.detail} In what was sent, that is `{where}`.", where)


class _Body(Struct):
    events: list[Raw] | UnsetType = UNSET
    visitor_token: str | None = None


_split = msgspec.json.Decoder(_Body).decode
_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


def read(body: bytes, parameters: Mapping[str, str]) -> tuple[list[Sent], str | None]:
    """The events of a body in the `format` that the query names, and the visitor token beside them."""
    name = parameters.get("format", OWN)
    if name == OWN:
        values, token = _own(body)
        return _bounded([Sent(value) for value in values]), token
    adapter = adapters().get(name)
    if adapter is None:
        known = ", ".join([OWN, *adapters()])
        raise problem.bad_request(f"There is no such `format`; nothing was stored. Those known are {known}.")
    payload = _document(body)
    found = adapter.adapt(payload, _item_key(parameters.get("item_id", "sku")))
    if isinstance(found, Rejected):
        raise problem.unreadable(found.detail)
    token = payload.get("visitor_token") if isinstance(payload, dict) else None
    return _bounded([_sent(one) for one in found]), token if isinstance(token, str) else None


def _own(body: bytes) -> tuple[list[bytes], str | None]:
    """Each event's own bytes."""
    try:
        split = _split(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise problem.unreadable(_UNREADABLE) from None
    found = split.events
    if found is UNSET:
        return [body], None
    if not found:
        raise problem.unreadable("The list of events is empty; nothing was stored. Send at least one.")
    return [bytes(one) for one in found], split.visitor_token


def _bounded(sent: list[Sent]) -> list[Sent]:
    if len(sent) > MOST_EVENTS:
        raise problem.too_large(f"There are {len(sent)} events, {MOST_EVENTS} are allowed; none was stored.")
    return sent


def _document(body: bytes) -> Any:
    try:
        return _decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise problem.unreadable("The body is not one JSON text in UTF-8; nothing was stored.") from None


def _item_key(text: str) -> ItemKey:
    for key in get_args(ItemKey):
        if key == text:
            found: ItemKey = key
            return found
    raise problem.bad_request("`item_id` is neither `sku` (where there is one, else the id) nor `id`.")


def _sent(outcome: Outcome) -> Sent:
    if isinstance(outcome, Adapted):
        return Sent(_encode(outcome.event), None, outcome.source, outcome.at)
    return Sent(instead=outcome, source=outcome.source)


def _place(at: Mapping[str, str], field: str) -> str | None:
    """Where a field of ours stood: itself, or what holds it."""
    while field and field not in at:
        field = field[: max(field.rfind("."), field.rfind("["), 0)]
    return at.get(field)

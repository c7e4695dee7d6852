"""What an adapter is: another system's document goes in, our events come out, and what cannot be one is named.

A file in `stream/adapters/` is one format and exposes ``ADAPTER``; nothing else has to be told of it. An adapter is
pure and never raises, whatever JSON it is given. It translates names and looks for what an event cannot do without;
whether it is valid stays the one gate's business (`stream.ingest`), and `Adapted.at` says where in the source each
field came from, so that the gate's refusal can be told in the sender's own words.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, TypeAlias

from msgspec import Struct

from stream.source import Flaw, Spot
from stream.strict_json import Document, Rejected, flaw, rejected

ItemKey = Literal["sku", "id"]
"""Which of a source's two ids is the `item_id`: the SKU where there is one and else the id, or always the id."""


class Adapted(Struct, frozen=True):
    """An event in our words; `at` says for each of its fields, by path, where in the source it came from."""

    source: str
    event: Document
    at: Mapping[str, str]


class Ignored(Struct, frozen=True):
    """Nothing is wrong with it, but there is no event of ours in it; `why` is a sentence."""

    source: str
    why: str
    event_id: str | None = None


class Refused(Struct, frozen=True):
    """It should have been an event, and something is missing or wrong."""

    source: str
    why: Rejected
    event_id: str | None = None


Outcome: TypeAlias = Adapted | Ignored | Refused


class Adapter(Struct, frozen=True):
    """One format.

    Parameters
    ----------
    name: as `POST /v1/events?format=` has it.
    explain: one sentence for those who have such events.
    adapt: the outcomes in the order sent, at least one for each message; `Rejected` if no message can be found.
    events: the source's event names and ours; `unused`: names that are known and mean nothing here.
    fields: the source's fields and ours, as paths; where several give the same, the first that is there.
    """

    name: str
    explain: str
    adapt: Callable[[Any, ItemKey], list[Outcome] | Rejected]
    events: Mapping[str, str]
    unused: frozenset[str]
    fields: Mapping[str, str]


def gathered(payload: Any, name: str) -> list[Spot] | Rejected:
    """The messages in the list `name` of a payload, or the payload itself if it is one message."""
    fix = f'Send one message as an object, or {{"{name}": [message, …]}}.'
    if not isinstance(payload, dict):
        return rejected("schema", "it is not an object with messages in it", fix)
    if name not in payload:
        return [Spot(payload)]
    beyond = flaw({field: value for field, value in payload.items() if field != name})
    if beyond is not None:
        return beyond
    try:
        return Spot(payload).at(name).listed(fix)
    except Flaw as wrong:
        return wrong.rejected


def outcomes(messages: Iterable[Spot], read: Callable[[Spot], Iterable[Outcome]]) -> list[Outcome]:
    """What becomes of each message, none of which harms another."""
    found: list[Outcome] = []
    for message in messages:
        beyond = flaw(message.value)
        if beyond is not None:
            found.append(Refused(message.path, beyond))
            continue
        try:
            found += read(message)
        except Flaw as wrong:
            found.append(Refused(message.path, wrong.rejected))
    return found


def unknown(source: str, name: Spot, *, carries_items: bool, event_id: str | None = None) -> Outcome:
    """A name that is not in the table: a mistake if there are items with it, else an event of the shop's own."""
    if not carries_items:
        return Ignored(source, f"`{name.path}` is not a shopping event, and there are no items with it.", event_id)
    fix = "Correct the name; stream/adapters/DESIGN.md lists those that are known."
    why = rejected("unknown_event", f"`{name.path}` is not an event name known here", fix, name.path)
    return Refused(source, why, event_id)

"""How well the data that arrives can be used: one measure each, in a sentence, with what to do about it.

Pure: a sample of the log and the catalogue go in, measures come out. They name nobody: only event names, and ids of
items that the catalogue lacks. `serving/DESIGN.md` has the table of what each measure counts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Literal

from msgspec import Struct

from serving.sample import Part, Sample
from stream.catalog_item import CatalogItem
from stream.consent import PURPOSES
from stream.ingest import Accepted, Rejected, admit
from stream.instants import instant_ms

Verdict = Literal["ok", "warn", "bad"]
NEEDED = ("view_item_list", "select_item", "view_item", "add_to_cart", "purchase")
"""Event names without which something does not work: impressions, clicks, views, carts, orders."""

SKEW_MS = 60_000
EXAMPLES = 5
_NOTHING = "There is nothing to judge yet."
_NO_VISIT = frozenset({"purchase", "refund", "identify", "consent_update"})


class Measure(Struct, frozen=True):
    """`value` of so many (`of`) are as they should be."""

    name: str
    value: int
    of: int
    verdict: Verdict
    sentence: str
    fix: str = ""


class Evidence(Struct, frozen=True):
    """What the measures look at.

    Parameters
    ----------
    events: what the gate accepts; `refused` counts its reasons for the rest.
    purchases: each with whether its visitor came before, if the sample goes back far enough to tell.
    items: the catalogue's; `ours` says whether a decision id was signed here.
    """

    events: list[Accepted]
    refused: Counter[str]
    purchases: list[tuple[Accepted, bool]]
    items: dict[str, CatalogItem]
    ours: Callable[[str], bool]


def evidence(sample: Sample, items: dict[str, CatalogItem], ours: Callable[[str], bool]) -> Evidence:
    """The sample as the workers will see it."""
    found = Evidence([], Counter(), [], items, ours)
    for part in sample.parts:
        _collect(part, sample.partitions, found)
    return found


def _collect(part: Part, partitions: int, found: Evidence) -> None:
    """Add a partition's events. A visitor's are all in one partition, so one pass tells who came before."""
    visited: set[str] = set()
    for number, record in enumerate(part.records):
        judged = admit(record, partitions)
        if isinstance(judged, Rejected):
            found.refused[judged.reason] += 1
            continue
        found.events.append(judged)
        visitor = judged.event.visitor_id
        if judged.name == "purchase" and (part.whole or number >= len(part.records) // 2):
            found.purchases.append((judged, visitor in visited))
        if judged.name not in _NO_VISIT:
            visited.add(visitor)


def measures(found: Evidence) -> list[Measure]:
    """All of them, in the order in which a shop should mend them."""
    return [
        _arrived(found), _names(found), _distinct(found), *_consents(found), _known(found), *_catalogue(found),
        _attributed(found), _matched(found), _confirmed(found), _clocks(found), _times_kept(found),
    ]  # fmt: skip


def unknown_items(found: Evidence) -> list[str]:
    """Some ids that the catalogue lacks, those that occur most first."""
    ids = (item.item_id for accepted in found.events for item in accepted.event.items)
    return [id_ for id_, _ in Counter(id_ for id_ in ids if id_ not in found.items).most_common(EXAMPLES)]


def names(found: Evidence) -> dict[str, int]:
    """Events by name, the most frequent first."""
    return dict(Counter(accepted.name for accepted in found.events).most_common())


def worst(of: Iterable[Measure]) -> Verdict:
    """The worst of all verdicts."""
    return max((one.verdict for one in of), key=("ok", "warn", "bad").index, default="ok")


def _judged(name: str, value: int, of: int, ok: float, warn: float, sentence: str, fix: str) -> Measure:
    """A measure that is ok from one share on, and a warning from another; `{}` in its sentence is the share."""
    if not of:
        return Measure(name, 0, 0, "ok", _NOTHING)
    share = value / of
    verdict: Verdict = "ok" if share >= ok else "warn" if share >= warn else "bad"
    return Measure(name, value, of, verdict, sentence.format(_percent(value, of)), "" if verdict == "ok" else fix)


def _percent(value: int, of: int) -> str:
    """A share in words that never round a few to none, nor nearly all to all."""
    if value in (0, of):
        return "None" if not value else "All"
    return f"{min(99.9, max(0.1, 100 * value / of)):.1f} %"


def _arrived(found: Evidence) -> Measure:
    records = len(found.events) + found.refused.total()
    if not records:
        fix = "Send events to POST /v1/events, or produce them into liveshelf.events.v1."
        return Measure("events_valid", 0, 0, "warn", "No event arrived within the last 24 hours.", fix)
    told = ", ".join(f"{reason} ({count})" for reason, count in found.refused.most_common())
    sentence = "{} of the newest records are events" + (f"; the others were refused: {told}." if told else ".")
    fix = "See `liveshelf dead-letters list` for what was refused and why."
    return _judged("events_valid", len(found.events), records, 0.99, 0.95, sentence, fix)


def _names(found: Evidence) -> Measure:
    seen = names(found)
    missing = [name for name in NEEDED if name not in seen]
    sentence = "All of the events that matter arrive."
    fix = ""
    if missing:
        sentence = f"Among the newest events there is no {', no '.join(missing)}."
        fix = "Send each of them where it happens: without it, what depends on it stays unknown."
    if not found.events:
        return Measure("event_names", 0, 0, "ok", _NOTHING)
    verdict: Verdict = "ok" if not missing else "bad" if "view_item" in missing else "warn"
    return Measure("event_names", len(NEEDED) - len(missing), len(NEEDED), verdict, sentence, fix)


def _distinct(found: Evidence) -> Measure:
    ids = {(accepted.event.visitor_id, accepted.event.event_id) for accepted in found.events}
    fix = "Give every event an id of its own, and the same one only when it is sent again."
    return _judged("events_distinct", len(ids), len(found.events), 0.98, 0.9, "{} of the events came once.", fix)


def _consents(found: Evidence) -> list[Measure]:
    """How many events say themselves what their visitor allows; others rest on what is known, or on the default."""
    fix = "Send `consent` with every event, or the visitor's word to PUT /v1/visitors/{visitor_id}/consent."
    made = []
    for purpose in PURPOSES:
        words = [None if one.event.consent is None else one.event.consent.word(purpose) for one in found.events]
        said = [word for word in words if word is not None]
        yes = f"; {_percent(sum(said), len(said)).lower()} of those say yes." if said else "."
        sentence = f"{{}} of the events say whether {purpose} is allowed{yes}"
        made.append(_judged(f"consent_{purpose}", len(said), len(words), 0.8, 0.0, sentence, fix))
    return made


def _known(found: Evidence) -> Measure:
    about = [accepted for accepted in found.events if accepted.event.items]
    known = [one for one in about if all(item.item_id in found.items for item in one.event.items)]
    fix = "Use the catalogue's item_id in events (`unknown_items` has examples), or import the items that are missing."
    if not found.items:
        fix = "Import a product feed (`liveshelf import`), or PUT /v1/catalog/items: the catalogue is empty."
    sentence = "{} of the events about items name only items of the catalogue."
    return _judged("items_known", len(known), len(about), 0.98, 0.9, sentence, fix)


def _catalogue(found: Evidence) -> list[Measure]:
    items, of = found.items.values(), len(found.items)
    has = {
        "title": sum(item.title.strip() not in ("", item.item_id) for item in items),
        "price": sum(item.price is not None and item.currency is not None for item in items),
        "image": sum(item.image_url is not None for item in items),
    }
    words = {"title": "a title of their own", "price": "a price with its currency", "image": "an image"}
    return [
        _judged(
            f"items_with_{name}", count, of, 0.98, 0.8, f"{{}} of the catalogue's items have {words[name]}.",
            f"Add {words[name]} to the feed: shelves show the items, and without it shoppers pass over them.",
        )
        for name, count in has.items()
    ]  # fmt: skip


def _attributed(found: Evidence) -> Measure:
    impressions = [accepted.event for accepted in found.events if accepted.name == "view_item_list"]
    ids = [event.decision_id for event in impressions if event.decision_id is not None]
    signed = sum(map(found.ours, ids))
    forged = f" {len(ids) - signed} carry an id that was not made here." if signed < len(ids) else ""
    sentence = "{} of the impressions carry the decision that they show." + forged
    fix = "Send a shelf's `decision_id` with its view_item_list and select_item; lists of the shop's own need none."
    return _judged("impressions_attributed", signed, len(impressions), 0.1, 0.001, sentence, fix)


def _matched(found: Evidence) -> Measure:
    matched = [came or one.event.decision_id is not None for one, came in found.purchases]
    fix = "Send purchases with the visitor_id of the browser that views came from, also when a server sends them."
    sentence = "{} of the purchases carry a decision, or are of a visitor who was seen before them."
    return _judged("purchases_matched", sum(matched), len(matched), 0.9, 0.5, sentence, fix)


def _confirmed(found: Evidence) -> Measure:
    edges = [accepted.event.edge for accepted in found.events if accepted.name == "purchase"]
    confirmed = sum(edge is None or edge.purchase_confirmed for edge in edges)
    fix = "Send purchases from a server with the secret key; small shops may set LIVESHELF_TRUST_BROWSER_PURCHASES."
    sentence = "{} of the purchases are confirmed, and count as revenue."
    return _judged("purchases_confirmed", confirmed, len(edges), 0.9, 0.5, sentence, fix)


def _clocks(found: Evidence) -> Measure:
    sent = [one.event.sent_at if one.event.sent_at is not None else one.event.occurred_at for one in found.events]
    skews = [one.received_at - instant_ms(at) for one, at in zip(found.events, sent, strict=True)]
    near = sum(abs(skew) <= SKEW_MS for skew in skews)
    sentence = "{} of the events were sent within a minute of their receipt" + _spread(sorted(skews))
    fix = "Set `sent_at` when a request is sent, by the clock that `occurred_at` is from: that corrects wrong clocks."
    return _judged("clocks_right", near, len(skews), 0.95, 0.8, sentence, fix)


def _spread(skews: Sequence[int]) -> str:
    if not skews:
        return "."
    low, middle, high = (skews[int(share * (len(skews) - 1))] / 1000 for share in (0.05, 0.5, 0.95))
    return f" (5th, 50th and 95th percentile: {low:.1f}, {middle:.1f} and {high:.1f} s)."


def _times_kept(found: Evidence) -> Measure:
    kept = sum(_is_kept(accepted) for accepted in found.events)
    fix = "Send events within a day, with `occurred_at` in epoch milliseconds or RFC 3339, and with `sent_at`."
    others = "" if kept == len(found.events) else "; the others are more than a day old, or of the future"
    sentence = f"{{}} of the events keep their own time{others}."
    return _judged("times_kept", kept, len(found.events), 0.99, 0.95, sentence, fix)


def _is_kept(accepted: Accepted) -> bool:
    occurred, sent = instant_ms(accepted.event.occurred_at), accepted.event.sent_at
    return accepted.at == (occurred if sent is None else accepted.received_at - (instant_ms(sent) - occurred))

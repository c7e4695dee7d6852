"""``POST /v1/events``: from a page or a server into Kafka.

```
bytes ─▶ split ─▶ each event's own bytes ─▶ stamp ─▶ validate ─▶ what consent allows ─▶ produce, await ─▶ verdicts
```
An event is answered `accepted` only once the broker has acknowledged it. `duplicate` means: in the same request, or
already in the state as read; the fold decides in the end. `not_stored` means that the visitor allows neither analytics
nor personalization: then nothing is produced but a withdrawal that the event carries. If the state cannot be read, the
event is produced and the worker decides.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Literal

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType, structs

from serving.http import metrics, problem
from serving.http.answer import Answer
from serving.http.exchange import Exchange
from serving.http.keys import Access, ApiKeys
from serving.http.rate import Rate
from serving.privacy import Ledger
from serving.sends import Sends
from serving.visitors import Visitors
from stream.backpressure import Full
from stream.consent import PURPOSES, Known, learn, purposes
from stream.ingest import Accepted, Rejected, edge_refusal, stamp, validate
from stream.producer import NotAcknowledged
from stream.state.store import Unavailable
from stream.tokens import FreshToken, fresh_token
from stream.topics import TOPICS, partition_of
from stream.visitor import seen_before

MOST_EVENTS = 500
MOST_BYTES = 1_000_000
REMEMBERED = 20_000
REMEMBERED_S = 60.0
_TOPIC = "events"

Status = Literal["accepted", "duplicate", "rejected", "not_stored"]


class Verdict(Struct, frozen=True, omit_defaults=True):
    """What became of one event; `detail` says what to do about a rejection."""

    event_id: str | None
    status: Status
    reason: str | None = None
    fresh_token: str | None = None
    detail: str | None = None


class _Body(Struct):
    events: list[Raw] | UnsetType = UNSET


class _Named(Struct):
    event_id: str | None = None


class Place(Struct, frozen=True):
    """An event that is to be produced, for the verdict `status`; `words` on consent are to be known at once."""

    number: int
    accepted: Accepted
    value: bytes
    status: Status = "accepted"
    words: Known = {}


_split = msgspec.json.Decoder(_Body).decode
_named = msgspec.json.Decoder(_Named).decode
_encode = msgspec.json.Encoder().encode


class Grants:
    """Visitors who said yes in an event that this process took a moment ago, which the state may not know yet."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._said: dict[str, tuple[int, float]] = {}

    def note(self, accepted: Accepted) -> None:
        """Remember a yes; a no ends what was remembered."""
        said, visitor_id = accepted.event.consent, accepted.event.visitor_id
        words = set() if said is None else {said.word("analytics"), said.word("personalization")}
        if not (words & {True, False}):
            return
        self._said.pop(visitor_id, None)
        if True in words:
            self._said[visitor_id] = (accepted.at, self._clock() + REMEMBERED_S)
        if len(self._said) > REMEMBERED:
            del self._said[next(iter(self._said))]

    def pending(self, visitor_id: str, consent: Known) -> bool:
        """Whether a yes is newer than what the state knows."""
        at, until = self._said.get(visitor_id, (0, 0.0))
        return until > self._clock() and all(at > word.at for word in consent.values())


class Events:
    """The route.

    Parameters
    ----------
    partitions: how many partitions the events topic has; 0 while that is not known, or while the broker is away.
    consent_default: what the shop assumes of visitors of whom nothing is known, stamped into each event.
    trust_browser_purchases: whether a purchase with the publishable key counts as revenue.
    clock: now, in ms.
    """

    def __init__(
        self,
        keys: ApiKeys,
        rate: Rate,
        producer: Sends,
        visitors: Visitors,
        ledger: Ledger,
        signing_key: bytes,
        partitions: Callable[[], int],
        *,
        consent_default: bool,
        trust_browser_purchases: bool,
        clock: Callable[[], float] = lambda: time.time() * 1000,
    ) -> None:
        self._keys, self._rate, self._producer, self._visitors = keys, rate, producer, visitors
        self._ledger = ledger
        self._signing_key, self._partitions, self._clock = signing_key, partitions, clock
        self._default = {"analytics": consent_default, "personalization": consent_default, "marketing": False}
        self._trust_browser = trust_browser_purchases
        self._grants = Grants(lambda: clock() / 1000)

    async def answer(self, exchange: Exchange) -> Answer:
        access = self._keys.access(exchange, "publishable", in_query=True)
        values = _events(await exchange.body(MOST_BYTES))
        wait_s = self._rate.wait_s(access, len(values))
        if wait_s:
            raise problem.too_many("This key sends more events than it may; none of these was stored.", int(wait_s))
        # Global Privacy Control: the browser itself objects to profiling
        verdicts = await self._take(values, access, objects=exchange.header(b"sec-gpc") == b"1")
        for verdict in verdicts:
            metrics.EVENTS.labels(verdict.status, verdict.reason or "").inc()
        return Answer(_encode({"verdicts": verdicts}), 202)

    async def _take(self, values: Sequence[bytes], access: Access, *, objects: bool) -> list[Verdict]:
        verdicts: list[Verdict | None] = [None] * len(values)
        places = self._judge(values, access, verdicts, objects=objects)
        places = await self._allowed(places, verdicts)
        await self._produce(places, verdicts)
        await self._record(places)
        return [verdict for verdict in verdicts if verdict is not None]

    def _judge(
        self, values: Sequence[bytes], access: Access, verdicts: list[Verdict | None], *, objects: bool
    ) -> list[Place]:
        """Stamp and validate; what is to be produced, and verdicts for the rest."""
        received_at = int(self._clock())
        trusted = access == "secret"
        edge = {"key": access, "signed": trusted, "purchase_confirmed": trusted or self._trust_browser}
        places: list[Place] = []
        seen: set[tuple[str, str]] = set()
        for number, value in enumerate(values):
            stamped = stamp(value, received_at=received_at, edge=edge, consent_default=self._default, objects=objects)
            judged = validate(stamped, timestamp=received_at)
            refused = judged if isinstance(judged, Rejected) else edge_refusal(judged.name)
            if refused is not None:
                verdicts[number] = Verdict(_event_id(value), "rejected", refused.reason, None, refused.detail)
                continue
            assert isinstance(judged, Accepted)  # narrowed above
            place = (judged.event.visitor_id, judged.event.event_id)
            if place in seen:
                verdicts[number] = Verdict(judged.event.event_id, "duplicate")
            else:
                seen.add(place)
                places.append(Place(number, judged, stamped))
        return places

    async def _allowed(self, places: list[Place], verdicts: list[Verdict | None]) -> list[Place]:
        """What consent allows to produce, by the state as it is now."""
        try:
            known = await self._visitors.many([place.accepted.event.visitor_id for place in places])
        except Unavailable:
            return [structs.replace(place, words=_urgent({}, place.accepted)) for place in places]
        kept = []
        for place in places:
            visitor = known[place.accepted.event.visitor_id]
            if visitor is not None and seen_before(visitor.recent, place.accepted):
                verdicts[place.number] = Verdict(place.accepted.event.event_id, "duplicate")
                continue
            decided = self._by_consent(place, {} if visitor is None else visitor.consent)
            if decided is None:
                verdicts[place.number] = Verdict(place.accepted.event.event_id, "not_stored")
            else:
                kept.append(decided)
        return kept

    def _by_consent(self, place: Place, consent: Known) -> Place | None:
        """The event itself, only the withdrawal that it carries, or nothing."""
        accepted = place.accepted
        event = accepted.event
        known = dict(consent)
        learn(known, accepted)
        allowed = purposes(known, accepted)
        said = {} if event.consent is None else {purpose: event.consent.word(purpose) for purpose in PURPOSES}
        refused = False in {said.get("analytics"), said.get("personalization")}
        pending = self._grants.pending(event.visitor_id, consent)
        stored = allowed.analytics or allowed.personalization or accepted.name == "consent_update"
        if stored or refused:
            self._grants.note(accepted)
        words = {
            purpose: word
            for purpose, word in _urgent(consent, accepted).items()
            if word.granted or pending or (purpose in consent and consent[purpose].granted)
        }
        if stored or (pending and not refused):
            return structs.replace(place, words=words)
        withdrawn = [purpose for purpose, word in words.items() if not word.granted]
        if not withdrawn:
            return None
        return Place(place.number, accepted, _withdrawal(accepted, withdrawn), "not_stored", words)

    async def _record(self, places: Sequence[Place]) -> None:
        """What was withdrawn, or granted for its own sake, holds from now on, also while workers lag."""
        try:
            for place in places:
                if place.words:
                    await self._ledger.consent(place.accepted.event.visitor_id, place.words)
        except (Full, NotAcknowledged, Unavailable):
            raise _unacknowledged() from None

    async def _produce(self, places: Sequence[Place], verdicts: list[Verdict | None]) -> None:
        """Send in order, await all acknowledgements, and sign the places; `Problem` 503 if the broker can't."""
        if not places:
            return
        partitions = self._partitions()
        if not partitions:
            raise problem.unavailable("The broker cannot be reached; none of the events was stored. Send them again.")
        name = TOPICS[_TOPIC].name
        sent: list[tuple[Place, int, Awaitable[int]]] = []
        try:
            for place in places:
                key = place.accepted.event.visitor_id.encode()
                partition = partition_of(key, partitions)
                sent.append((place, partition, self._producer.send(name, partition, key, place.value)))
        except Full:
            await _settled(sent)
            raise problem.unavailable(
                "More events wait for the broker than there is room for. Send all of these again: those that were "
                "stored are recognised by their event_id."
            ) from None
        except NotAcknowledged:
            await _settled(sent)
            raise _unacknowledged() from None
        for (place, partition, _), offset in zip(sent, await _settled(sent), strict=True):
            if isinstance(offset, BaseException):
                raise _unacknowledged() from None
            token = fresh_token(self._signing_key, FreshToken(_TOPIC, partition, offset))
            verdicts[place.number] = Verdict(place.accepted.event.event_id, place.status, None, token)


def _events(body: bytes) -> list[bytes]:
    """Each event's own bytes."""
    try:
        found = _split(body).events
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise problem.unreadable(
            'The body is not one event as a JSON object, nor {"events": […]} with a list; nothing was stored.'
        ) from None
    if found is UNSET:
        return [body]
    if not found:
        raise problem.unreadable("The list of events is empty; nothing was stored. Send at least one.")
    if len(found) > MOST_EVENTS:
        raise problem.too_large(f"There are {len(found)} events, {MOST_EVENTS} are allowed; none was stored.")
    return [bytes(one) for one in found]


def _event_id(value: bytes) -> str | None:
    """The id of an event that is not valid, as far as it can be read."""
    try:
        found = _named(value).event_id
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return None if found is None else found[:64]


def _urgent(known: Known, accepted: Accepted) -> Known:
    """What must be known before the visitor's owner has folded it: each no, and each word that was said for itself."""
    changed = learn(dict(known), accepted)
    return {purpose: word for purpose, word in changed.items() if not word.granted or accepted.name == "consent_update"}


def _withdrawal(accepted: Accepted, withdrawn: Sequence[str]) -> bytes:
    """Nothing of an event but that its visitor withdraws consent."""
    event = accepted.event
    said: dict[str, Any] = {
        "event": "consent_update",
        "event_id": event.event_id,
        "visitor_id": event.visitor_id,
        "occurred_at": event.occurred_at,
        "sent_at": event.sent_at,
        "received_at": event.received_at,
        "edge": event.edge,
        "consent": dict.fromkeys(withdrawn, False),
    }
    return _encode({name: value for name, value in said.items() if value is not None})


async def _settled(sent: Sequence[tuple[Place, int, Awaitable[int]]]) -> list[int | BaseException]:
    return list(await asyncio.gather(*[awaitable for _, _, awaitable in sent], return_exceptions=True))


def _unacknowledged() -> problem.Problem:
    return problem.unavailable(
        "The broker did not acknowledge all of the events. Send all of them again: those that were stored are "
        "recognised by their event_id."
    )

"""``POST /v1/events``: from a page or a server into Kafka.

```
bytes ─▶ formats: each event's bytes ─▶ stamp ─▶ validate ─▶ what consent allows ─▶ produce, await ─▶ verdicts
```
An event is answered `accepted` only once the broker has acknowledged it. `duplicate` means: in the same request, or
already in the state as read; the fold decides in the end. `not_stored` means that the visitor allows neither analytics
nor personalization: then nothing is produced but a withdrawal that the event carries. With the reason `ignored` it
means that what came in another format is no event of ours. If the state cannot be read, the event is produced and the
worker decides.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Literal

import msgspec
from msgspec import Struct, structs

from serving.http import formats, metrics, problem
from serving.http.access import Served
from serving.http.answer import Answer
from serving.http.exchange import Caller, Exchange
from serving.http.formats import Sent
from serving.http.proofs import Proofs
from serving.http.rate import Limits
from serving.http.stamps import Stamps
from serving.privacy import Ledger
from serving.sends import Sends
from serving.visitors import Visitors
from stream.adapter import Ignored, Refused
from stream.backpressure import Full
from stream.consent import PURPOSES, Known, assumed, learn, purposes
from stream.ingest import Accepted, Rejected
from stream.producer import NotAcknowledged
from stream.state.store import Unavailable
from stream.tokens import FreshToken, fresh_token
from stream.topics import TOPICS, partition_of
from stream.visitor import seen_before

MOST_BYTES = 1_000_000
REMEMBERED = 20_000
REMEMBERED_S = 60.0
IGNORED = "ignored"
_TOPIC = "events"

Status = Literal["accepted", "duplicate", "rejected", "not_stored"]


class Verdict(Struct, frozen=True, omit_defaults=True):
    """What became of one event; `detail` says what to do about a rejection, `source` where another format had it."""

    event_id: str | None
    status: Status
    reason: str | None = None
    fresh_token: str | None = None
    detail: str | None = None
    source: str | None = None


class _Named(Struct):
    event_id: str | None = None


class Place(Struct, frozen=True):
    """An event that is to be produced, for the verdict `status`; `words` on consent are to be known at once."""

    number: int
    accepted: Accepted
    value: bytes
    status: Status = "accepted"
    words: Known = {}


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
    clock: now, in ms.
    """

    def __init__(
        self,
        proofs: Proofs,
        limits: Limits,
        stamps: Stamps,
        producer: Sends,
        visitors: Visitors,
        ledger: Ledger,
        signing_key: bytes,
        partitions: Callable[[], int],
        *,
        clock: Callable[[], float] = lambda: time.time() * 1000,
    ) -> None:
        self._proofs, self._limits, self._stamps = proofs, limits, stamps
        self._producer, self._visitors, self._ledger = producer, visitors, ledger
        self._signing_key, self._partitions, self._clock = signing_key, partitions, clock
        self._grants = Grants(lambda: clock() / 1000)

    @property
    def routes(self) -> Served:
        """What it answers."""
        return (("POST", "/v1/events", self.answer),)

    async def answer(self, exchange: Exchange) -> Answer:
        sent, token = formats.read(await exchange.body(MOST_BYTES), dict(exchange.parameters()))
        caller = exchange.caller if token is None else exchange.caller._replace(token=self._proofs.read(token))
        self._limits.charge(caller, len(sent) - 1)
        verdicts = await self._take(sent, caller)
        for verdict in verdicts:
            metrics.EVENTS.labels(verdict.status, verdict.reason or "").inc()
        return Answer(_encode({"verdicts": verdicts}), 202)

    async def _take(self, sent: Sequence[Sent], caller: Caller) -> list[Verdict]:
        verdicts: list[Verdict | None] = [None] * len(sent)
        places = self._judge(sent, caller, verdicts)
        places = await self._allowed(places, verdicts)
        await self._produce(places, verdicts)
        await self._record(places)
        found = zip(sent, verdicts, strict=True)
        return [_placed(verdict, one.source) for one, verdict in found if verdict is not None]

    def _judge(self, sent: Sequence[Sent], caller: Caller, verdicts: list[Verdict | None]) -> list[Place]:
        """Stamp and validate; what is to be produced, and verdicts for the rest."""
        received_at = int(self._clock())
        places: list[Place] = []
        seen: set[tuple[str, str]] = set()
        for number, one in enumerate(sent):
            if one.instead is not None:
                verdicts[number] = _instead(one.instead)
                continue
            stamped, judged = self._stamps.read(one.value, caller, received_at)
            if isinstance(judged, Rejected):
                verdicts[number] = _rejected(_event_id(one.value), one.told(judged))
                continue
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
            if word.granted or pending or (consent[purpose].granted if purpose in consent else assumed(purpose, event))
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


def _rejected(event_id: str | None, why: Rejected) -> Verdict:
    return Verdict(event_id, "rejected", why.reason, None, why.detail)


def _instead(outcome: Ignored | Refused) -> Verdict:
    """The verdict on what an adapter found no event in."""
    if isinstance(outcome, Refused):
        return _rejected(outcome.event_id, outcome.why)
    return Verdict(outcome.event_id, "not_stored", IGNORED, None, outcome.why)


def _placed(verdict: Verdict, source: str) -> Verdict:
    return structs.replace(verdict, source=source) if source else verdict


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

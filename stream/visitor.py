"""The visitor agent: events → the visitor's own state, and what other agents learn from it.

Owns ``{events:p}``. Order matters and is the log's: consent first, then the dedupe, then the session's boundary, then
the signals, then the closing of sessions whose 30 minutes are over by the event time that two visitors have reached.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import Any

import msgspec
from msgspec import Struct, field

from stream import customers
from stream.consent import Known, learn, newest, purposes, refused, withdrawn
from stream.entries import Example
from stream.events import Due, Erase, Event
from stream.features import intent_features
from stream.fold import CLOCK, Clock, Emit, Family, Record, State
from stream.ingest import LATEST_AFTER_MS, Accepted, Rejected, admit
from stream.privacy import consent_record, erase_records
from stream.pseudonyms import Pseudonyms
from stream.signals import bought, cart, coupons, promotions, searched, session, shelves, signals
from stream.tokens import BadToken, DecisionToken, read_decision_id, sealed
from stream.topics import partition_of

_pack = msgspec.msgpack.Encoder().encode
DAY_MS = 86_400_000
LARGEST_BYTES = 64 * 1024
RETENTION_MS = 90 * DAY_MS
SHORT = 48
DEDUPE_IDS = 64
DEDUPE_MINUTES = 24 * 60
CLOSED_A_RECORD = 16
AHEAD_MS = 7 * DAY_MS
SAMPLED = frozenset({1, 2, 4, 8, 16, 32})
CONTROL = frozenset({"identify", "consent_update", "erase", "unmerge", "reset", "due"})


class Last(Struct, array_like=True, frozen=True, gc=False):
    """The visitor's newest event."""

    event_id: str
    event: str
    at: int


class VisitorBase(Struct):
    """What every visitor's value has beside its signals.

    `epoch` is the pseudonym's; `recent` maps 64-bit hashes of event ids to the minute of their event time; `wide`: an
    id was long or not ASCII, so that bounded numbers of them no longer bound the bytes; `taught`: when (ms) the
    sessions began that taught within a day; `customer`: whose visitor this is (cid), with
    `customer_partition` of the profile topic (-1: as the cid says), told of to other devices at `shared_at`.
    """

    epoch: int = 0
    last_at: int = 0
    last: Last | None = None
    consent: Known = field(default_factory=dict)
    recent: dict[int, int] = field(default_factory=dict)
    taught: list[int] = field(default_factory=list)
    wide: bool = False
    customer: str = ""
    customer_partition: int = -1
    shared_at: int = 0

    @property
    def lasts(self) -> bool:
        """A refusal with nothing beside it is remembered for as long as there may be events that do not know of it."""
        return self.last is None and any(word.withdrawn_at for word in self.consent.values())


# the session decides first whether an event may teach (floods, late events)
SIGNALS = tuple(sorted(signals("visitor"), key=lambda signal: signal is not session.SIGNAL))
Visitor: Any = msgspec.defstruct(
    "Visitor",
    [(signal.name, signal.state, field(default_factory=signal.state)) for signal in SIGNALS],
    bases=(VisitorBase,),
    module=__name__,
    omit_defaults=True,
)
"""A visitor's value: the base and one field per visitor-scope signal."""


def _renamed(visitor: Any, rename: Callable[[str], str], partitions: Mapping[str, int]) -> Any:
    if visitor.customer:
        visitor.customer_partition = customers.partition_of_customer(visitor, partitions)
        visitor.customer = rename(visitor.customer)
    return visitor


VISITOR = Family(
    "visitor",
    Visitor,
    "one visitor: consent, dedupe, signals",
    "pid",
    ttl_s=2 * RETENTION_MS // 1000,
    renamed=_renamed,
)
VECTOR = Family("vector", bytes, "the session vector: 64 float32, little-endian", "pid", ttl_s=2 * 86_400, view=True)
OPEN = Family("ranking", float, "open sessions: pid by its session's last event time (ms)", "pid")

Vectorize = Callable[[session.State], bytes | None]


class VisitorFold:
    """One partition's fold. `pid_of` makes a visitor's pseudonym; `partitions` is how many the events topic has.

    `vectorize` gives a session's vector (a view: `rebuild` and folds know nothing of it). `cid_of` makes a customer's
    pseudonym; without it visitors are nobody's. `pseudonyms` is the chain that both make their names by.
    """

    name = "visitor"
    topic = "events"
    families = (VISITOR, CLOCK, VECTOR)
    ranking: Family | None = OPEN

    def __init__(
        self,
        pid_of: Callable[[str], str],
        partitions: int,
        vectorize: Vectorize | None = None,
        *,
        cid_of: Callable[[str], str] | None = None,
        pseudonyms: Pseudonyms | None = None,
    ) -> None:
        self._pid_of, self._cid_of = pid_of, cid_of
        self._pseudonyms, self.made_with = pseudonyms, 1 if pseudonyms is None else pseudonyms.length
        self._partitions = partitions
        self._vectorize = vectorize
        self._folds = {
            name: tuple((signal.of, signal.fold) for signal in SIGNALS if name in signal.on)
            for name in {name for signal in SIGNALS for name in signal.on}
        }
        self._queue: list[tuple[float, str]] | None = None

    def decode(self, record: Record) -> tuple[str, Accepted | Rejected]:
        admitted = admit(record, self._partitions)
        return ("", admitted) if isinstance(admitted, Rejected) else (self._pid_of(admitted.event.visitor_id), admitted)

    def keys(self, decoded: Sequence[tuple[str, Accepted | Rejected]], state: State) -> Iterable[str]:
        clock = state.read("clock")
        newest = clock.newest_at if clock else 0
        for pid, admitted in decoded:
            if isinstance(admitted, Accepted):
                newest = max(newest, admitted.at)
                yield f"visitor:{pid}"
        yield from (f"visitor:{pid}" for pid in self._due(state, newest, len(decoded)))

    def fold(self, record: Record, decoded: tuple[str, Accepted | Rejected], state: State, emit: Emit) -> None:
        pid, admitted = decoded
        clock = state.read("clock") or Clock()
        clock.record_at = max(clock.record_at, record.timestamp)
        state.put("clock", clock)
        if isinstance(admitted, Rejected):
            clock.dead += 1
            emit.dead_letter(record, admitted.reason, admitted.detail)
            return
        counted = self._apply(pid, admitted, state, emit)
        setattr(clock, counted, getattr(clock, counted) + 1)
        if counted == "applied":
            clock.advance(admitted.event.visitor_id, admitted.at)
            self._close_due(clock.newest_at, state, emit)

    def views(self, state: State, changed: Iterable[str]) -> dict[str, bytes | None]:
        if self._vectorize is None:
            return {}
        out = {}
        for key in changed:
            family, _, pid = key.partition(":")
            if family == "visitor" and (visitor := state.read(key)) is not None:
                out[f"vector:{pid}"] = self._vectorize(session.SIGNAL.of(visitor))
        return out

    def _apply(self, pid: str, accepted: Accepted, state: State, emit: Emit) -> str:
        """Apply one event to its visitor; says what it is counted as."""
        key = f"visitor:{pid}"
        visitor = self._known(pid, accepted, state, emit)
        if isinstance(accepted.event, Erase):
            return self._erase(pid, visitor, accepted, state, emit)
        told = self._learn(pid, visitor, accepted, emit) | self._unmerge(pid, visitor, accepted, emit)
        if told:
            state.put(key, visitor)
        held = visitor.last or visitor.customer or pid in state.rank or coupons.SIGNAL.of(visitor).coupons
        if held and refused(visitor.consent, "personalization"):
            self._forget(pid, visitor, state, emit)
        allowed = purposes(visitor.consent, accepted)
        if not (allowed.analytics or allowed.personalization):
            return "applied" if told else "dropped"
        if not _first_time(visitor.recent, accepted):
            return "duplicates"
        state.put(key, visitor)
        visitor.last_at = max(visitor.last_at, accepted.at)
        if accepted.name == "reset":
            self._forget(pid, visitor, state, emit)
        if allowed.personalization:
            self._use(pid, visitor, accepted, state, emit)
        return "applied"

    def _known(self, pid: str, accepted: Accepted, state: State, emit: Emit) -> Any:
        """The visitor's value; of one who was away for longer than the retention only the consents."""
        visitor: Any = state.read(f"visitor:{pid}")
        if visitor is None:
            return Visitor()
        if accepted.at - visitor.last_at <= RETENTION_MS:
            return visitor
        if customers.part(pid, visitor, emit):
            state.put(f"visitor:{pid}", visitor)
        return Visitor(epoch=visitor.epoch, consent=visitor.consent)

    def _use(self, pid: str, visitor: Any, accepted: Accepted, state: State, emit: Emit) -> None:
        """What the consent to personalization allows: the customer, the profile, and the customer's other devices."""
        customer_id = customers.named(accepted)
        if customer_id is not None and self._cid_of is not None:
            cid = self._cid_of(customer_id)
            if cid != visitor.customer:
                customers.tie(pid, visitor, cid, self._partition_of(customer_id, emit), emit)
        if accepted.name not in CONTROL:
            self._profile(pid, visitor, accepted, state, emit)
        elif isinstance(accepted.event, Due) and accepted.event.claim is not None:
            coupons.claim(coupons.SIGNAL.of(visitor), accepted.event.claim, accepted.at, emit)
        customers.tell(pid, visitor, accepted, emit)

    def _partition_of(self, customer_id: str, emit: Emit) -> int:
        """Where a customer's entries go, which a migration does not change."""
        first_of = self._cid_of if self._pseudonyms is None else self._pseudonyms.first_of_customer
        assert first_of is not None
        return partition_of(first_of(customer_id).encode(), emit.partitions["profile"])

    def _learn(self, pid: str, visitor: Any, accepted: Accepted, emit: Emit) -> bool:
        """Fold what the event says of consent; each no, and what was said for its own sake, goes on record.

        What an event only assumes is proven by the value that it is used with, and ends with it.
        """
        before = visitor.consent.copy()
        changed = learn(visitor.consent, accepted)
        for purpose, word in changed.items():
            was = before.get(purpose)
            new = not word.granted and (was is None or was.granted)
            if new or accepted.name == "consent_update":
                record = consent_record(pid, emit.source[1], visitor.epoch, purpose, word, self.made_with)
                emit.record("privacy", *record)
        return bool(changed)

    def _erase(self, pid: str, visitor: Any, accepted: Accepted, state: State, emit: Emit) -> str:
        """Leave a tombstone: pseudonym, epoch, time; what comes later counts once the visitor consents anew."""
        assert isinstance(accepted.event, Erase)
        epoch = accepted.event.epoch or visitor.epoch + 1
        if epoch <= visitor.epoch:
            return "duplicates"
        at = max(accepted.at, newest(visitor.consent))
        self._forget(pid, visitor, state, emit)
        state.put(f"visitor:{pid}", Visitor(epoch=epoch, consent=withdrawn(at)))
        earlier = [] if self._pseudonyms is None else self._pseudonyms.earlier(accepted.event.visitor_id)
        for key, value in erase_records(pid, emit.source[1], epoch, at, earlier):
            emit.record("privacy", key, value)
        return "applied"

    def _unmerge(self, pid: str, visitor: Any, accepted: Accepted, emit: Emit) -> bool:
        return self._cid_of is not None and customers.unmerge(pid, visitor, accepted, self._cid_of, emit)

    def _profile(self, pid: str, visitor: Any, accepted: Accepted, state: State, emit: Emit) -> None:
        """Signals, and the session's boundary and samples: what personalization's consent allows."""
        event = accepted.event
        if visitor.last is None or accepted.at >= visitor.last.at:
            visitor.last = Last(event.event_id, accepted.name, accepted.at)
        running = session.SIGNAL.of(visitor)
        emit.learning = not _runs_ahead(accepted, state.read("clock"))
        emit.decision = None if event.decision_id is None else self._decision(pid, visitor, accepted)
        if not session.continues(running, accepted) and not session.late(running, accepted):
            _close(visitor, emit)
            muted = not session.may_teach(visitor.taught, accepted.at)
            visitor.session = running = session.begin(accepted, running, muted=muted)
        for of, fold in self._folds.get(accepted.name, ()):
            fold(of(visitor), accepted, emit)
        if accepted.name == "purchase":
            session.relate_bought(running, bought.before(bought.SIGNAL.of(visitor), event.event_id), accepted, emit)
        if emit.learning and running.events in SAMPLED and not (running.bought or running.claimed):
            running.samples.append(intent_features(running, cart.SIGNAL.of(visitor), accepted.at))
        visitor.wide = visitor.wide or not _short(event)
        if visitor.wide:
            _keep_small(visitor)
        if state.rank.get(pid) != running.last_at and not running.closed:
            state.rerank(pid, running.last_at)
            heapq.heappush(self._queue_of(state), (running.last_at, pid))

    def _decision(self, pid: str, visitor: Any, accepted: Accepted) -> DecisionToken | None:
        """The decision of the last hour that an event follows from, if it was made for this visitor, of this epoch.

        Its signature is the edge's business; what came straight from Kafka is believed.
        """
        event, chain = accepted.event, self._pseudonyms
        if event.decision_id is None or not (event.edge is None or event.edge.decision_verified):
            return None
        try:
            token = read_decision_id(None, event.decision_id)
            named = token.pid if chain is None or token.sealed else chain.of_token(token.pid, token.keys)
        except BadToken:
            return None
        if chain is not None and visitor.epoch:
            pid = chain.of_visitor(event.visitor_id, visitor.epoch)
        if token.sealed:
            pid = sealed(pid, token.nonce)
        recent = -LATEST_AFTER_MS <= accepted.at - token.at <= shelves.LIFE_MS
        return token if named == pid and recent else None

    def _forget(self, pid: str, visitor: Any, state: State, emit: Emit) -> None:
        """Personalization was withdrawn, or the shopper starts anew: nothing but consent and the dedupe stays."""
        customers.part(pid, visitor, emit)
        for signal in SIGNALS:
            setattr(visitor, signal.name, signal.state())
        visitor.last, visitor.taught = None, session.used_up(visitor.taught)
        state.put(f"visitor:{pid}", visitor)
        state.put(f"vector:{pid}", None)
        state.rerank(pid, None)

    def _queue_of(self, state: State) -> list[tuple[float, str]]:
        """Open sessions by last event time: a heap over the ranking, whose stale entries are passed over."""
        if self._queue is None:
            self._queue = [(at, pid) for pid, at in state.rank.items()]
            heapq.heapify(self._queue)
        return self._queue

    def _due(self, state: State, newest: int, records: int) -> list[str]:
        """Visitors whose open session may close while these records are folded."""
        queue, before = self._queue_of(state), newest - session.GAP_MS
        due: list[tuple[float, str]] = []
        most = (CLOSED_A_RECORD + 1) * records
        while queue and queue[0][0] < before and len(due) < most:
            entry = heapq.heappop(queue)
            if state.rank.get(entry[1]) == entry[0]:
                due.append(entry)
        for entry in due:
            heapq.heappush(queue, entry)
        return [pid for _, pid in due]

    def _close_due(self, newest: int, state: State, emit: Emit) -> None:
        queue, before = self._queue_of(state), newest - session.GAP_MS
        closed = 0
        while queue and queue[0][0] < before and closed < CLOSED_A_RECORD:
            at, pid = heapq.heappop(queue)
            if state.rank.get(pid) != at:
                continue
            closed += 1
            state.rerank(pid, None)
            visitor: Any = state.read(f"visitor:{pid}")
            if visitor is not None:
                _close(visitor, emit)
                if visitor.customer and visitor.last_at > visitor.shared_at:
                    customers.share(pid, visitor, emit)
                state.put(f"visitor:{pid}", visitor)


def _close(visitor: Any, emit: Emit) -> None:
    """The session is over: its samples become the intent model's labelled examples.

    Where only the browser told of a purchase nobody knows the label, and there are none.
    """
    running = session.SIGNAL.of(visitor)
    if not running.muted and (running.bought or not running.claimed):
        for features in running.samples:
            emit.entry("feedback", "intent", Example, "intent", running.last_at, features, running.bought)
    running.samples = []
    running.closed = True
    shelves.close(shelves.SIGNAL.of(visitor), running.last_at, emit, learning=not running.muted)
    searched.close(searched.SIGNAL.of(visitor))
    promotions.close(promotions.SIGNAL.of(visitor))


def _runs_ahead(accepted: Accepted, clock: Clock) -> bool:
    """Whether a producer's own clock is so far ahead of all others that its events would spoil what decays by time.

    What the edge passed on carries the edge's clock. The first visitor after a week's silence is not learnt from until
    a second one has come.
    """
    return accepted.event.edge is None and 0 < clock.newest_at < accepted.at - AHEAD_MS


def seen_before(recent: dict[int, int], accepted: Accepted) -> bool:
    """Whether this event id is among the visitor's last 64 within 24 h; the edge may ask, the fold decides."""
    seen = recent.get(_hash(accepted.event.event_id))
    return seen is not None and abs(accepted.at // 60_000 - seen) < DEDUPE_MINUTES


def _hash(event_id: str) -> int:
    return int.from_bytes(blake2b(event_id.encode(), digest_size=8).digest(), "big")


def _short(event: Event) -> bool:
    """Whether as many such ids as a visitor's value may hold stay well below `LARGEST_BYTES`."""
    ids = [event.event_id, event.session_id or "", *[item.item_id for item in event.items]]
    return all(len(id_) <= SHORT and id_.isascii() for id_ in ids)


def _keep_small(visitor: Any) -> None:
    """Ids of 128 characters may have 512 bytes. Whoever sends many of them is remembered less (`GUARANTEES.md` §3)."""
    while len(_pack(visitor)) > LARGEST_BYTES:
        largest = max(SIGNALS, key=lambda signal: len(_pack(signal.of(visitor))))
        largest.halve(largest.of(visitor))


def _first_time(recent: dict[int, int], accepted: Accepted) -> bool:
    """Whether this event id was not among the visitor's last 64 within 24 h; remembers it."""
    event_hash = _hash(accepted.event.event_id)
    minute = accepted.at // 60_000
    seen = recent.get(event_hash)
    if seen is not None and abs(minute - seen) < DEDUPE_MINUTES:
        return False
    recent.pop(event_hash, None)
    recent[event_hash] = minute
    if len(recent) > DEDUPE_IDS:
        del recent[next(iter(recent))]
    return True

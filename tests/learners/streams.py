"""Seeded streams: sessions whose intent is known, and a driver for the learner agent's fold."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import msgspec

from stream.entries import Example
from stream.features import INTENT_FEATURES
from stream.fold import Batch, Emit, Record, State, Writes
from stream.learner import LearnerFold
from stream.live import Working

ALWAYS = [family.name for family in LearnerFold.families if not family.id]
BASE_MS = 1_700_000_000_000


class Labelled(NamedTuple):
    features: list[float]
    label: bool


def visits(sessions: int, *, seed: int, buyers: float = 0.12) -> Iterator[list[Labelled]]:
    """Sessions of 1..6 examples each. Those who will buy look longer, come back to items and fill the cart."""
    rng = random.Random(seed)
    for _ in range(sessions):
        buys = rng.random() < buyers
        pace = 1.6 if buys else 1.0
        yield [
            Labelled(_vector(rng, 2**step, pace, carts=0.3 if buys else 0.08), buys)
            for step in range(rng.randint(2, 6) if buys else rng.randint(1, 5))
        ]


def _vector(rng: random.Random, events: int, pace: float, carts: float) -> list[float]:
    known = {
        "events": events,
        "views": events * rng.random(),
        "carts": sum(rng.random() < carts for _ in range(events)),
        "repeats": sum(rng.random() < 0.1 * pace for _ in range(events)),
        "seconds": (events - 1) * rng.expovariate(1 / (30 * pace)),
        "dwell": rng.expovariate(1 / (20 * pace)),
    }
    return [round(16 * math.log1p(known.get(name, 0.0))) for name in INTENT_FEATURES]


def shuffled(sessions: Iterable[list[Labelled]], *, seed: int) -> Iterator[list[Labelled]]:
    """The same sessions, labels dealt out anew among them."""
    kept = list(sessions)
    labels = [session[0].label for session in kept]
    random.Random(seed).shuffle(labels)
    for session, label in zip(kept, labels, strict=True):
        yield [Labelled(one.features, label) for one in session]


class Agent:
    """The learner agent's fold over one partition, with a store that keeps bytes only."""

    def __init__(self, model: str = "intent") -> None:
        self.model = model
        self.fold = LearnerFold()
        self.stored: dict[str, bytes] = {}
        self.dead: list[Any] = []
        self.state = State(self.fold.families)
        self.log: list[bytes] = []
        self.source = 0

    def restart(self) -> None:
        """Another process takes over: it knows what is stored and nothing else."""
        self.fold, self.state = LearnerFold(), State(self.fold.families)

    def teach(self, sessions: Iterable[list[Labelled]], *, entries: int = 7) -> None:
        """Deliver the examples in records of so many entries."""
        examples: list[Any] = []
        for session in sessions:
            self.source += 1
            examples += [
                Example(self.source, seq, self.model, BASE_MS + self.source, features, label)
                for seq, (features, label) in enumerate(session)
            ]
        for at in range(0, len(examples), entries):
            self.deliver(msgspec.msgpack.encode(Batch(("events", 0), examples[at : at + entries])))

    def deliver(self, *values: bytes) -> None:
        """One batch of records, folded and written."""
        records = [Record("feedback", 0, len(self.log) + n, BASE_MS, None, value) for n, value in enumerate(values)]
        self.log += values
        decoded = [self.fold.decode(record) for record in records]
        for key in self.state.missing([*ALWAYS, *self.fold.keys(decoded, self.state)]):
            self.state.load(key, self.stored.get(key))
        emit = Emit(("feedback", 0), {})
        for record, one in zip(records, decoded, strict=True):
            self.fold.fold(record, one, self.state, emit)
        self.dead += emit.dead
        self._write(self.state.writes())
        self.state.settle()

    def _write(self, writes: Writes) -> None:
        self.stored |= {key: value for key, (value, _) in writes.values.items()}
        for key in writes.deleted:
            self.stored.pop(key, None)

    def working(self) -> Working:
        return msgspec.msgpack.decode(self.stored[f"learner:{self.model}"], type=Working)

    @property
    def models(self) -> dict[str, bytes]:
        """What is stored of models: without the clock and the marks, which count deliveries."""
        return {key: value for key, value in self.stored.items() if key not in {"clock", "marks"}}

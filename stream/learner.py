"""The learner agent: labelled examples and choices → online models and their published versions.

Owns ``{feedback:p}``. Each example is first predicted, then learnt (test, then learn), so every published version says
how good the model was on examples that it had not seen. A version is published after a number of examples, never after
a time: the fold knows no clock, and a replay publishes the same versions.

Models of choices learn from shelves: an offer (the decision agent's) waits for its outcome (the visitor agent's), and
both together are an example for each of them (`stream.joining`). Banners and what came of them teach their slot's
bandit (`stream.bandits`); what serving reads of it is a view of its state.

An operator's rollback is a record in the same topic. It makes an earlier version current and lets learning go on from
there; the validation begins anew, as the old scores were another model's. A model of choices also goes back by itself
(`stream.tested`).

It also counts what declared offers give away (`stream.budgets`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from stream.bandits import joining as banners
from stream.bandits.published import seal
from stream.bandits.slot import published
from stream.budgets import BUDGET, budget_key, count
from stream.chooser import Chooser
from stream.derived import CONTROL, DerivedFold
from stream.entries import BannerOffer, BannerOutcome, Claimed, Example, FeedbackEntry, Offer, Outcome, Rollback
from stream.estimator import Estimator
from stream.fold import CLOCK, MARKS, Batch, Emit, Family, Record, State
from stream.joining import JOINED, LEARNS, RANKED_BY, WAITING, Joined, Waiting, choice_of, fits, slot_of, take
from stream.learners import models
from stream.live import KEPT, LiveBinary, LiveChoices, Working, version_key
from stream.published import Sealed

LEARNER = Family("learner", Working, "one model while it learns: weights, scales, validation, counts", "model")
MODEL = Family("model", Sealed, "one model's current version, as serving reads it", "model")
VERSION = Family("version", Sealed, f"one of a model's last {KEPT} versions, to roll back to", "model:version")
POLICY = Family("policy", Sealed, "one slot's bandit as serving reads it, with its arms' counts", "slot", view=True)
_pack = msgspec.msgpack.Encoder().encode


class LearnerFold(DerivedFold[FeedbackEntry]):
    """Learns every model of `stream/learners/` from its examples."""

    name = "learner"
    topic = "feedback"
    families = (
        LEARNER, MODEL, VERSION, WAITING, JOINED, BUDGET,
        banners.BANDIT, POLICY, banners.BANNER, banners.CLICKED, banners.SHOWN,
        CLOCK, MARKS,
    )  # fmt: skip
    ranking: Family | None = None
    entry_type = FeedbackEntry

    def __init__(self) -> None:
        super().__init__()
        self._models = models()
        self._live: dict[str, LiveBinary | LiveChoices] = {}
        self._unknown: set[str] = set()

    def entry_keys(self, entries: Sequence[FeedbackEntry]) -> Iterable[str]:
        for entry in entries:
            if isinstance(entry, Claimed):
                yield budget_key(entry.offer)
                continue
            if isinstance(entry, Offer | Outcome):
                yield slot_of(entry.nonce)
                yield from (f"learner:{model}" for model in LEARNS)
                continue
            if isinstance(entry, BannerOffer | BannerOutcome):
                yield from (*banners.places(entry.nonce), f"bandit:{entry.slot}")
                continue
            yield f"learner:{entry.model}"
            if isinstance(entry, Rollback):
                yield version_key(entry.model, entry.version)

    def fold(self, record: Record, decoded: Any, state: State, emit: Emit) -> None:
        self._live.clear()
        self._unknown.clear()
        super().fold(record, decoded, state, emit)
        for model, live in self._live.items():
            state.put(f"learner:{model}", live.keep())
        if self._unknown:
            names = ", ".join(sorted(self._unknown))
            emit.dead_letter(record, "schema", f"no model is called {names}: was it removed, or is this release older?")

    def apply(self, entry: FeedbackEntry, state: State, emit: Emit) -> None:
        if isinstance(entry, Offer):
            self._offer(entry, state)
        elif isinstance(entry, Outcome):
            self._outcome(entry, state)
        elif isinstance(entry, Claimed):
            count(entry, state)
        elif isinstance(entry, BannerOffer):
            banners.offered(entry, state)
        elif isinstance(entry, BannerOutcome):
            banners.came(entry, state)
        else:
            self._of_one_model(entry, state)

    def views(self, state: State, changed: Iterable[str]) -> dict[str, bytes | None]:
        """The changed slots, as serving reads them."""
        slots = [slot for family, _, slot in (key.partition(":") for key in changed) if family == "bandit"]
        return {f"policy:{slot}": _pack(seal(published(slot, state.read(f"bandit:{slot}")))) for slot in slots}

    def _of_one_model(self, entry: Example | Rollback, state: State) -> None:
        live = self._model(entry.model, state)
        if isinstance(entry, Rollback) and live is not None:
            live.roll_back(entry.version)
        elif isinstance(entry, Example) and isinstance(live, LiveBinary):
            live.learn(entry)
        else:
            self._unknown.add(entry.model)

    def _offer(self, offer: Offer, state: State) -> None:
        """Let it wait, unless it does already: a record that comes twice does not open a shelf again."""
        key, joined = slot_of(offer.nonce), _joined(state)
        waiting = state.read(key)
        if waiting is not None and waiting.offer.nonce == offer.nonce:
            return
        live = self._model(RANKED_BY[offer.model], state) if offer.model in RANKED_BY else None
        if live is None or not fits(offer, len(live.model.features), live.working.anew):
            joined.refused += 1
            return
        joined.offers += 1
        state.put(key, Waiting(offer))

    def _outcome(self, outcome: Outcome, state: State) -> None:
        key = slot_of(outcome.nonce)
        waiting: Waiting | None = state.read(key)
        if not take(waiting, outcome, _joined(state)):
            return
        assert waiting is not None
        state.put(key, waiting)
        choice = choice_of(waiting.offer, outcome)
        for model, kinds in LEARNS.items():
            live = self._model(model, state) if choice is not None and outcome.kind in kinds else None
            if isinstance(live, LiveChoices) and choice is not None:
                live.learn(choice, waiting.offer.placement, outcome.at)

    def _model(self, name: str, state: State) -> LiveBinary | LiveChoices | None:
        live, make = self._live.get(name), self._models.get(name)
        if live is None and make is not None:
            working = state.read(f"learner:{name}") or Working()
            live = self._live[name] = _revived(working, make(), state)
        return live


def rollback_record(model: str, version: int) -> bytes:
    """The value of the record, keyed by the model's `key`, that brings a version back."""
    return msgspec.msgpack.encode(Batch((CONTROL, 0), [Rollback(0, 0, model, version)]))


def _revived(working: Working, model: Estimator | Chooser, state: State) -> LiveBinary | LiveChoices:
    if isinstance(model, Chooser):
        return LiveChoices(working, model, state)
    return LiveBinary(working, model, state)


def _joined(state: State) -> Joined:
    joined: Joined = state.read("joined") or Joined()
    state.put("joined", joined)
    return joined

"""A request for a banner from its reading to its ready bytes."""

from __future__ import annotations

import time
from base64 import b64encode
from collections.abc import Callable, Sequence
from random import Random
from typing import Any, NamedTuple, cast

import msgspec
from msgspec import Struct

from serving.banners.context import context_of
from serving.banners.decide import Choice, Draw, Seed, choose
from serving.banners.policy import NOTHING, Chosen, Policies
from serving.banners.slots import Slots
from serving.banners.standing import Limits, Reason, Whom
from serving.decide import NONCE_BYTES, fresh_of
from serving.decision import Decision, Rung, Status, heading
from serving.decision_log import DecisionLog
from serving.placement import DAY_S
from serving.request import Request
from serving.rules.segment import Shopper
from serving.snapshot import Snapshots
from serving.stage import Snapshot
from stream.bandits.features import Vector
from stream.signals import device
from stream.tokens import DecisionToken, FreshToken, decision_id

CLICK_WINDOW_S, VIEW_WINDOW_S = 7 * DAY_S, DAY_S

_encode = msgspec.json.Encoder().encode


class Banner(NamedTuple):
    """A slot's answer as JSON, with the decision and why there is no banner, if there is none."""

    body: bytes
    decision: Decision
    reason: Reason | None


class Shadow(Struct, frozen=True):
    """What a policy that decides nothing would have drawn by."""

    policy: str
    version: int
    probabilities: Sequence[float]


class Noted(Struct, frozen=True):
    """What a decision's record says of a banner; `context` is base64 of float16, little-endian.

    `goal`: what the chosen arm is shown for; `shadow`: another policy's probabilities of the arms, if one was asked.
    """

    slot: str
    arms: list[str]
    goal: str
    chosen: int
    reason: Reason | None
    probabilities: list[float]
    policy: str
    version: int
    context: str
    shadow: Shadow | None


class Banners:
    """Answers requests.

    Parameters
    ----------
    limits: what ends for everybody alike.
    pid_keys: with how many keys pseudonyms are made.
    clock: now, in ms; `timer` in seconds, for `took_ms`.
    rng: makes decisions' nonces.
    """

    def __init__(
        self,
        slots: Slots,
        snapshots: Snapshots,
        policies: Policies,
        decisions: DecisionLog,
        signing_key: bytes,
        *,
        limits: Limits,
        pid_keys: int = 1,
        clock: Callable[[], float] = lambda: time.time() * 1000,
        timer: Callable[[], float] = time.perf_counter,
        rng: Random | None = None,
    ) -> None:
        self._slots, self._snapshots, self._policies, self._decisions = slots, snapshots, policies, decisions
        self._key, self._limits, self._pid_keys = signing_key, limits, pid_keys
        self._clock, self._timer, self._rng = clock, timer, rng or Random()

    async def banner(self, slot: str, request: Request, wanted: FreshToken | None = None) -> Banner:
        """Decide, and note what was decided if the visitor has agreed to that."""
        began = self._timer()
        snapshot = await self._snapshots.read_visitor(request, wanted, int(self._clock()))
        now = int(self._clock())
        whom = Whom(shopper_of(request, snapshot, now), self._limits, now)
        by = self._policies.of(slot)
        choice = choose(self._slots.of(slot), whom, seed_of(snapshot, slot), by, told_of(whom.shopper, snapshot))
        decision = _decision(slot, choice, snapshot, now, self._rng.randbytes(NONCE_BYTES))
        head = heading(decision, self._signed(decision, choice, snapshot), (self._timer() - began) * 1000)
        if snapshot.visitor is not None and choice.reason != "no_campaign":
            self._decisions.write(request.visitor_id, self._record(head, decision, choice, by))
        shown = "null" if choice.arm is None else choice.arm.banner(slot)
        return Banner(f'{head}"banner":{shown},"reason":{_json(choice.reason)}}}'.encode(), decision, choice.reason)

    def _signed(self, decision: Decision, choice: Choice, snapshot: Snapshot) -> str:
        """The id of the decision, as its token."""
        token = DecisionToken(
            decision.placement, decision.variation, decision.at, snapshot.whose(decision.nonce), _version(choice),
            CLICK_WINDOW_S, VIEW_WINDOW_S, decision.nonce, self._pid_keys,
        )  # fmt: skip
        return decision_id(self._key, token)

    def _record(self, head: str, decision: Decision, choice: Choice, by: Chosen) -> bytes:
        keys = f'"pid_keys":{self._pid_keys},' if self._pid_keys > 1 else ""
        return (
            f'{head}"decided_at":{decision.at},"kind":"banner","pid":"{decision.pid}",{keys}'
            f'"policy_version":{_version(choice)},"variation":"{decision.variation}","candidates":{decision.candidates},'
            f'"request":{{}},"models":{{}},"banner":{_json(_noted(decision.placement, choice, by))},"items":[]}}'
        ).encode()


def shopper_of(request: Request, snapshot: Snapshot, now: int) -> Shopper | None:
    """Who asks, as far as they agree."""
    visitor = cast("Any", snapshot.visitor)
    if visitor is None:
        return None
    return Shopper(visitor, bool(request.customer_id or visitor.customer), snapshot.visit.others, snapshot.shop, now)


def told_of(shopper: Shopper | None, snapshot: Snapshot) -> Vector:
    """What policies are told of who asks: nothing of whom nothing may be known."""
    if shopper is None:
        return NOTHING
    return context_of(shopper, snapshot.vector, device.SIGNAL.of(shopper.visitor).device)


def seed_of(snapshot: Snapshot, slot: str) -> Seed:
    """What the draw is made from: nothing in it changes as long as nothing happened."""
    visitor = cast("Any", snapshot.visitor)
    last = None if visitor is None else visitor.last
    return Seed(snapshot.pid, "" if last is None else last.event_id, slot)


def _decision(slot: str, choice: Choice, snapshot: Snapshot, now: int, nonce: bytes) -> Decision:
    return Decision(
        placement=slot,
        variation="",
        status=_status(choice, snapshot),
        rung=_rung(choice, snapshot),
        at=now,
        pid=snapshot.pid,
        nonce=nonce,
        fresh=fresh_of(snapshot, now),
        items=(),
        candidates=len(choice.arms),
    )


def _status(choice: Choice, snapshot: Snapshot) -> Status:
    if snapshot.degraded:
        return "degraded"
    if snapshot.visitor is not None:
        return "ok"
    if snapshot.asked_for_somebody:
        return "no_consent"
    return "insufficient_data" if choice.arm is None else "fallback"


def _rung(choice: Choice, snapshot: Snapshot) -> Rung:
    if not snapshot.degraded:
        return "live"
    if choice.arm is None:
        return "empty"
    return "local" if snapshot.visitor is None else "partial"


def _version(choice: Choice) -> int:
    return 0 if choice.campaign is None else choice.campaign.version


def _noted(slot: str, choice: Choice, by: Chosen) -> Noted:
    draw, arm = choice.draw, choice.arm
    return Noted(
        slot=slot,
        arms=[one.id for one in choice.arms],
        goal="clicks" if arm is None else arm.goal,
        chosen=choice.chosen,
        reason=choice.reason,
        probabilities=[] if draw is None else list(draw.probabilities),
        policy=by.policy.name,
        version=by.policy.version,
        context="" if draw is None else b64encode(draw.context.astype("<f2").tobytes()).decode(),
        shadow=None if draw is None else _shadow(draw, by),
    )


def _shadow(draw: Draw, by: Chosen) -> Shadow | None:
    if by.shadow is None or draw.shadow is None:
        return None
    return Shadow(by.shadow.name, by.shadow.version, draw.shadow)


def _json(value: object) -> str:
    return _encode(value).decode()

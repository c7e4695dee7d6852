"""Banners and what came of them: whichever is told first waits for the other, and each reward counts once.

They wait in a fixed number of places by their decision's nonce, the newer of two in one place is kept: as with shelves
(`stream.joining`) their room is bounded whatever is decided, and what is found depends on nothing but the log. A banner
that was clicked and may still be followed by an order moves to places of its own, which fill as slowly as clicks come.
"""

from __future__ import annotations

from zlib import crc32

from msgspec import Struct, field

from stream.bandits.features import unpacked
from stream.bandits.shadow import Estimate, weight
from stream.bandits.slot import Slot
from stream.entries import BannerOffer, BannerOutcome
from stream.fold import Family, State
from stream.joining import KEPT_S, SLOTS, Joined

LIFE_MS = 7 * 24 * 3_600_000
"""How long after a decision something may come of it."""
SHADOWS = 4


class Pending(Struct, array_like=True, gc=False):
    """A banner's offer, or what came of it and waits for the offer; `told` are kinds of outcomes with when (ms).

    `view` is the number of its view in the slot, 0 before it was seen.
    """

    nonce: bytes
    offer: BannerOffer | None = None
    view: int = 0
    told: dict[str, int] = field(default_factory=dict)


BANNER = Family("banner", Pending, "a banner that waits for what comes of it, or the other way round", "place", KEPT_S)
CLICKED = Family("clicked", Pending, "a clicked banner that waits for an order", "place", KEPT_S)
BANDIT = Family("bandit", Slot, "one slot's arms while they are learnt: counts, regressions, shadows", "slot")
SHOWN = Family("shown", Joined, "what became of banners and what was done with them, in counts")


def places(nonce: bytes) -> tuple[str, str]:
    """The short keys of the two places in which a banner may wait."""
    place = crc32(nonce) % SLOTS
    return f"banner:{place}", f"clicked:{place}"


def offered(offer: BannerOffer, state: State) -> None:
    """Let a banner wait; what came of it before is learnt now. A record that comes twice opens nothing again."""
    key, _ = places(offer.nonce)
    pending, shown = state.read(key), _shown(state)
    if pending is None or pending.nonce != offer.nonce:
        pending = Pending(offer.nonce)
    elif pending.offer is not None:
        return
    shown.offers += 1
    early, pending.told, pending.offer = pending.told, {}, offer
    state.put(key, pending)
    for kind, at in early.items():
        _learn(pending, kind, at, shown, state)


def came(outcome: BannerOutcome, state: State) -> None:
    """Learn what came of a banner, or keep it until the banner's own record is there."""
    key, key_clicked = places(outcome.nonce)
    shown = _shown(state)
    pending = next(
        (one for one in (state.read(key), state.read(key_clicked)) if one is not None and one.nonce == outcome.nonce),
        None,
    )
    if pending is None:
        state.put(key, Pending(outcome.nonce, told={outcome.kind: outcome.at}))
    elif pending.offer is None:
        pending.told.setdefault(outcome.kind, outcome.at)
        state.put(key, pending)
    elif pending.offer.slot != outcome.slot:
        shown.unmatched += 1
    else:
        _learn(pending, outcome.kind, outcome.at, shown, state)


def _learn(pending: Pending, kind: str, at: int, shown: Joined, state: State) -> None:
    """Take one outcome of a banner that is known, once; whatever came of it, it was seen."""
    offer = pending.offer
    assert offer is not None
    if abs(at - offer.at) > LIFE_MS:
        shown.unmatched += 1
    elif kind in pending.told:
        shown.repeated += 1
    else:
        shown.matched += 1
        pending.told[kind] = at
        slot: Slot = state.read(f"bandit:{offer.slot}") or Slot()
        if not pending.view:
            pending.view = _seen(slot, offer, at)
        _count(slot, pending, kind, at)
        state.put(f"bandit:{offer.slot}", slot)
        _keep(pending, state)


def _seen(slot: Slot, offer: BannerOffer, at: int) -> int:
    view = slot.trial(offer.arm, unpacked(offer.context), at)
    if (shadow := _shadow(slot, offer)) is not None:
        shadow.trial(weight(offer.shadow_probability, offer.probability))
    return view


def _count(slot: Slot, pending: Pending, kind: str, at: int) -> None:
    offer = pending.offer
    assert offer is not None
    if (arm := slot.arms.get(offer.arm)) is not None:
        arm.counts.clicks += kind == "click"
        arm.counts.dismissals += kind == "dismiss"
        arm.counts.conversions += kind == "convert"
    if kind == _REWARDS[offer.goal]:
        slot.reward(offer.arm, unpacked(offer.context), pending.view, at)
        if (shadow := _shadow(slot, offer)) is not None:
            shadow.reward(weight(offer.shadow_probability, offer.probability))


def _shadow(slot: Slot, offer: BannerOffer) -> Estimate | None:
    """The estimate of the policy that was asked beside; None if there was none, or there are too many."""
    name = offer.shadow_policy
    if name and name not in slot.shadows and len(slot.shadows) < SHADOWS:
        slot.shadows[name] = Estimate()
    return slot.shadows.get(name)


def _keep(pending: Pending, state: State) -> None:
    """Put back what waits on: of clicked banners also where newer ones do not take its place."""
    key, key_clicked = places(pending.nonce)
    held = state.read(key)
    if held is not None and held.nonce == pending.nonce:
        state.put(key, pending)
    if "click" in pending.told:
        state.put(key_clicked, pending)


def _shown(state: State) -> Joined:
    shown: Joined = state.read("shown") or Joined()
    state.put("shown", shown)
    return shown


_REWARDS = {"clicks": "click", "conversions": "convert"}

"""Promotions: which decisions' banners the visitor saw of late, clicked or sent away, and what they bought after it.

Each of it goes to the learner agent once, by the decision's nonce and without a word of whose it was. Only banners that
we decided on for this visitor count; which banner it was is the decision's own record's word, not the page's.
"""

from __future__ import annotations

from msgspec import Struct, field

from stream.entries import BANNERS, BannerOutcome
from stream.fold import Emit
from stream.ingest import Accepted
from stream.signal import Signal

KEPT = 8
OUTCOMES = 30
"""That a session tells of, at most."""

_KINDS = {"view_promotion": "seen", "select_promotion": "click", "dismiss": "dismiss"}


class Banner(Struct, array_like=True, gc=False):
    """One decision's banner; a purchase until `click_until` (ms) comes of a click. `told`: what is known of it."""

    nonce: bytes
    slot: str
    click_until: int
    told: list[str] = field(default_factory=list)


class State(Struct, array_like=True, gc=False):
    """`banners` oldest first; `told`: the session's outcomes."""

    banners: list[Banner] = field(default_factory=list)
    told: int = 0


def fold(state: State, accepted: Accepted, emit: Emit) -> None:
    """One banner seen, clicked or sent away; or an order, which is a success of all that were clicked in time."""
    if not emit.learning:
        return
    if accepted.name == "purchase":
        _bought(state, accepted, emit)
    elif (banner := _of(state, accepted, emit)) is not None:
        _tell(state, banner, _KINDS[accepted.name], accepted.at, emit)


def close(state: State) -> None:
    """The session is over."""
    state.told = 0


def _of(state: State, accepted: Accepted, emit: Emit) -> Banner | None:
    """The banner that the event is about, if its decision was made for this visitor and this slot."""
    promotion, decision = accepted.event.promotion, emit.decision
    if promotion is None or decision is None or promotion.creative_slot not in (None, decision.placement):
        return None
    for banner in state.banners:
        if banner.nonce == decision.nonce:
            return banner
    made = Banner(decision.nonce, decision.placement, decision.at + decision.click_window_s * 1_000)
    state.banners.append(made)
    del state.banners[:-KEPT]
    return made


def _bought(state: State, accepted: Accepted, emit: Emit) -> None:
    if accepted.event.confirmed:
        for banner in state.banners:
            if "click" in banner.told and accepted.at <= banner.click_until:
                _tell(state, banner, "convert", accepted.at, emit)


def _tell(state: State, banner: Banner, kind: str, at: int, emit: Emit) -> None:
    if kind not in banner.told and state.told < OUTCOMES:
        banner.told.append(kind)
        state.told += 1
        emit.entry("feedback", BANNERS, BannerOutcome, banner.nonce, at, banner.slot, kind)


def halve(state: State) -> None:
    """Forget the older half of the banners."""
    del state.banners[: (len(state.banners) + 1) // 2]


SIGNAL = Signal(
    name="promotions",
    scope="visitor",
    state=State,
    on=frozenset({*_KINDS, "purchase"}),
    fold=fold,
    halve=halve,
    explain="Which banners you saw of late, and whether you clicked them or sent them away.",
)

"""Coupons: what the visitor may be given of the shop's declared offers, one at a time.

A claim is not yet a coupon: the offer's counter says by its place in the log whether one was left (`stream.budgets`).
So nobody is shown a coupon that the budget does not hold.
"""

from __future__ import annotations

from msgspec import Struct, field

from stream.entries import OFFERS, Claimed
from stream.events import Claim
from stream.fold import Emit
from stream.ingest import Accepted
from stream.signal import Signal

COUPONS = 24
KEPT_MS = 90 * 86_400_000


class Coupon(Struct, array_like=True, gc=False):
    """A claim made at `at` (ms) that stands at `offset` of the visitor's partition, and its terms until `until` (ms).

    `ended`: something was bought since.
    """

    offer: str
    revision: int
    at: int
    until: int
    offset: int
    code: str
    says: str
    ended: bool = False

    def holds(self, now: int) -> bool:
        """Whether it is the visitor's at `now`, if it was given."""
        return not self.ended and now < self.until


class State(Struct, array_like=True, gc=False):
    """`coupons` oldest first, at most `COUPONS`."""

    coupons: list[Coupon] = field(default_factory=list)


def fold(state: State, accepted: Accepted, emit: Emit) -> None:  # noqa: ARG001  # as all signals
    """A purchase ends the coupon that there was."""
    for one in state.coupons:
        one.ended = one.ended or one.at <= accepted.at


def claim(state: State, asked: Claim, at: int, emit: Emit) -> None:
    """Ask the offer's counter for a coupon, unless the visitor has one or has had as many as the offer gives to one."""
    kept = [one for one in state.coupons if one.offset not in asked.refused and at - one.at < KEPT_MS]
    state.coupons = kept[-COUPONS:]
    if had(kept, asked.offer, at) >= asked.per_visitor or any(one.holds(at) for one in kept):
        return
    made = Coupon(asked.offer, asked.revision, at, asked.until, emit.offset, asked.code, asked.says)
    state.coupons = [*kept, made][-COUPONS:]
    emit.entry("feedback", OFFERS, Claimed, asked.offer, emit.source[1], asked.coupons)


def had(known: list[Coupon], offer: str, at: int) -> int:
    """How many coupons of an offer are among these that are not forgotten at `at` (ms)."""
    return sum(one.offer == offer and at - one.at < KEPT_MS for one in known)


def halve(state: State) -> None:
    """Forget the older half."""
    del state.coupons[: len(state.coupons) // 2]


SIGNAL = Signal(
    name="coupons",
    scope="visitor",
    state=State,
    on=frozenset({"purchase"}),
    fold=fold,
    halve=halve,
    explain="Which coupons you were given, and until when each of them holds.",
)

"""Reference prices counted again from a list of offers, millisecond for millisecond, in the plainest way."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from stream.prices import WINDOW_MS, Options


class Offered(NamedTuple):
    """What the shop asked from `at` on; without a price the item was not on offer."""

    at: int
    price: str | None
    sale_price: str | None
    currency: str | None

    @property
    def paid(self) -> Decimal | None:
        text = self.sale_price or self.price
        return None if text is None else Decimal(text)

    @property
    def reduced(self) -> bool:
        return bool(self.price and self.sale_price and Decimal(self.sale_price) < Decimal(self.price))


def changes(offers: Sequence[Offered]) -> list[Offered]:
    """The offers that differ from the one before."""
    return [one for place, one in enumerate(offers) if place == 0 or one[1:] != offers[place - 1][1:]]


def reference(offers: Sequence[Offered], now: int, options: Options) -> Decimal | None:
    """The reference price that may be announced at `now`."""
    past = [one for one in changes(offers) if one.at <= now]
    if not past or not past[-1].reduced:
        return None
    began = _began(past, options)
    era = _era(past)
    spans = [
        (one, max(one.at, 0), past[place + 1].at if place + 1 < len(past) else now + 1)
        for place, one in enumerate(past)
        if place >= era and one.paid is not None
    ]
    start = began - WINDOW_MS
    window = [one.paid for one, since, until in spans if since < began and until > start and one.paid is not None]
    reaches = any(since <= start and until > start - WINDOW_MS for _, since, until in spans)
    paid = past[-1].paid
    assert paid is not None
    if not window or not (reaches or options.new) or min(window) <= paid:
        return None
    return min(window)


def _began(past: Sequence[Offered], options: Options) -> int:
    place = len(past) - 1
    while place > 0:
        before, one = past[place - 1], past[place]
        if not before.reduced or before.currency != one.currency:
            break
        assert before.paid is not None
        assert one.paid is not None
        if before.paid < one.paid or (before.paid > one.paid and not options.progressive):
            break
        place -= 1
    return past[place].at


def _era(past: Sequence[Offered]) -> int:
    """From which place on everything is in today's currency."""
    other = [place for place, one in enumerate(past) if one.paid is not None and one.currency != past[-1].currency]
    return other[-1] + 1 if other else 0

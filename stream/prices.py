"""Every price of an item with its time, and what may be announced as a reduction.

Article 6a of Directive 98/6/EC: whoever announces a reduction names the prior price, which is the lowest price applied
during the 30 days before the reduction began. `record` writes a history, `reduction` reads it: a `sale_price` below the
`price` is the announcement, and without a history of 30 days none may be made.

A history is bounded. What ended more than `KEPT_MS` before the newest reduction began goes; of more than `MOST` prices
the two neighbours that were in force together for the shortest time become one, at the lower of their prices. So a
reference price of a crowded history may be too low, and is never too high.

References
----------
Directive 98/6/EC, Article 6a, as Directive (EU) 2019/2161 added it.
Commission notice 2021/C 526/02: guidance on Article 6a.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Literal, TypeAlias

from msgspec import Struct, structs

DAY_MS = 86_400_000
WINDOW_MS = 30 * DAY_MS
"""30 times 24 hours, exactly: an instant has no time zone."""
KEPT_MS = 2 * WINDOW_MS
MOST = 256

Why: TypeAlias = Literal["no_reduction", "no_history", "not_lower"]
"""Why no reduction may be announced: the shop announces none; the ledger does not reach
30 days back; the price is not
below the lowest of the 30 days."""


class Price(Struct, array_like=True, frozen=True, gc=False):
    """What an item cost from `from_ms` to the next entry; without `price` and `sale_price` it was not on offer.

    `began_ms`: since when this reduction is announced, 0 without one; `first_ms`: since when reductions have been
    announced that only grew, without a break.
    """

    from_ms: int
    price: str | None = None
    sale_price: str | None = None
    currency: str | None = None
    began_ms: int = 0
    first_ms: int = 0

    @property
    def paid(self) -> str | None:
        """What one paid."""
        return self.sale_price or self.price


class Reduction(Struct, frozen=True):
    """An item's price at an instant, and the reference price if a reduction may be announced, else `why` not.

    In force from `from_ms` until `until_ms` (None: nothing else is planned); `began_ms`: since when it is announced.
    """

    paid: str
    currency: str | None
    from_ms: int
    until_ms: int | None = None
    reference_price: str | None = None
    began_ms: int | None = None
    why: Why | None = None


class Options(Struct, frozen=True):
    """What member states may allow: reductions of goods that are `new` on the market, and `progressive` ones.

    `new` (Article 6a(4)): fewer than 30 days of history are enough, as long as there was an earlier price.
    `progressive` (6a(5)): a reduction that only grows, without a break, counts from its first day.
    """

    new: bool = False
    progressive: bool = False


STRICT = Options()


def record(prices: Sequence[Price], changes: Sequence[Price]) -> tuple[Price, ...]:
    """The history with `changes` (in order of time) instead of what it planned from the first of them on."""
    made = [one for one in prices if one.from_ms < changes[0].from_ms]
    for change in changes:
        before = made[-1] if made else Price(0)
        if _offer(before) != _offer(change):
            made.append(_announced(before, change))
    return _bounded(_kept(made, changes[0].from_ms))


def at(prices: Sequence[Price], now: int) -> int:
    """The place of the price in force at `now` (ms), -1 where there is none."""
    for place in range(len(prices) - 1, -1, -1):
        if prices[place].from_ms <= now:
            return place
    return -1


def reduction(prices: Sequence[Price], now: int, options: Options = STRICT) -> Reduction | None:
    """What may be said of the price at `now` (ms); None where the item is not on offer."""
    place = at(prices, now)
    if place < 0 or (paid := prices[place].paid) is None:
        return None
    one = prices[place]
    until = prices[place + 1].from_ms if place + 1 < len(prices) else None
    began = one.first_ms if options.progressive else one.began_ms
    lowest = _lowest(prices[: place + 1], began, options) if began else None
    why: Why | None = None
    if not began:
        why = "no_reduction"
    elif lowest is None:
        why = "no_history"
    elif amount(lowest) <= amount(paid):
        why = "not_lower"
    reference = None if why else lowest
    return Reduction(paid, one.currency, one.from_ms, until, reference, began if reference else None, why)


def reduced(price: str | None, sale_price: str | None) -> bool:
    """Whether these two announce a reduction."""
    return price is not None and sale_price is not None and amount(sale_price) < amount(price)


@lru_cache(maxsize=65_536)
def amount(text: str) -> Decimal:
    """An amount of money that `stream.money` wrote."""
    return Decimal(text)


def _offer(one: Price) -> tuple[str | None, ...]:
    return one.price, one.sale_price, one.currency


def _announced(before: Price, change: Price) -> Price:
    """The change with since when its reduction is announced: it goes on while nobody pays anything else."""
    if not reduced(change.price, change.sale_price):
        return change
    began = first = change.from_ms
    if before.first_ms and before.currency == change.currency:
        step = amount(change.paid or "0").compare(amount(before.paid or "0"))
        began = before.began_ms if step == 0 else began
        first = before.first_ms if step <= 0 else first
    return structs.replace(change, began_ms=began, first_ms=first)


def _kept(prices: list[Price], now: int) -> list[Price]:
    oldest = min([now, *(one.first_ms for one in prices[-2:] if one.first_ms)]) - KEPT_MS
    gone = 0
    while gone + 1 < len(prices) and prices[gone + 1].from_ms <= oldest:
        gone += 1
    return prices[gone:]


def _bounded(prices: list[Price]) -> tuple[Price, ...]:
    while len(prices) > MOST:
        # the newest and what comes before and after it stay as they are
        spans = [
            (prices[place + 2].from_ms - prices[place].from_ms, place)
            for place in range(len(prices) - 4)
            if _alike(prices[place], prices[place + 1])
        ]
        place = min(spans)[1] if spans else -1
        if place < 0:
            prices = prices[1:]
            continue
        first, second = prices[place : place + 2]
        lower = min(first, second, key=lambda one: amount(one.paid or "0"))
        prices = [*prices[:place], structs.replace(lower, from_ms=first.from_ms), *prices[place + 2 :]]
    return tuple(prices)


def _alike(first: Price, second: Price) -> bool:
    return first.paid is not None and second.paid is not None and first.currency == second.currency


def _lowest(prices: Sequence[Price], began: int, options: Options) -> str | None:
    """The lowest price in force during the 30 days before `began`; None if the history does not reach them.

    It reaches them if the item was on offer at their beginning, or within the 30 days before that. A change of currency
    begins anew: amounts in two currencies do not compare.
    """
    start, until = began - WINDOW_MS, began
    reaches, lowest = options.new, None
    for one in reversed(prices):
        if until <= start - WINDOW_MS or (one.paid is not None and one.currency != prices[-1].currency):
            break
        if one.from_ms < began and one.paid is not None:
            reaches |= one.from_ms <= start
            if until > start and (lowest is None or amount(one.paid) < amount(lowest)):
                lowest = one.paid
        until = one.from_ms
    return lowest if reaches else None

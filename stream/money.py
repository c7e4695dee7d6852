"""Amounts of money: exact decimals that cannot be negative, endless or anything but a number.

A shop sends `"19.90"` or `19.9`; both become a `Money`, a `Decimal` with at most six decimals, so that `str()` of it is
always plain digits (`"19.90"`, never `"1.99E+1"`) and is what answers carry. A number that a browser computed arrives
with the noise of binary fractions (`59.970000000000006`); rounding to six decimals takes it away.
"""

from __future__ import annotations

import re
from decimal import ROUND_HALF_EVEN, Decimal

MONEY_LIMIT = 1_000_000_000_000
"""Amounts are below this: large enough for any currency, small enough for exact sums in a double."""

_PLAIN = re.compile(r"(-?)([0-9]{1,40})(?:\.[0-9]{1,20})?").fullmatch
_SMALLEST = Decimal("0.000001")
_MOST_DIGITS = len(str(MONEY_LIMIT)) - 1


class Money(Decimal):
    """An amount from 0 to `MONEY_LIMIT` with at most six decimals. Made by `money`."""

    __slots__ = ()


class MoneyShapeError(ValueError):
    """What was sent is not an amount at all."""

    reason = "schema"


class MoneyRangeError(ValueError):
    """What was sent is an amount, but negative or too large."""

    reason = "range"


def money(value: object) -> Money:
    """The amount that a JSON string or number stands for.

    MoneyShapeError is raised for anything else (also `"1e3"`, `"1,50"`, `" 1"`), MoneyRangeError for one out of range.
    """
    if isinstance(value, str):
        return _from_text(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise MoneyShapeError("Expected an amount as a decimal string or a number")
    if not 0 <= value < MONEY_LIMIT:
        raise MoneyRangeError(f"Expected an amount from 0 to below {MONEY_LIMIT}")
    return _rounded(repr(int(value) if value == int(value) else value))


def read_money(kind: type, value: object) -> Money:
    """The `dec_hook` for msgspec: what a field of type `Money` is decoded with."""
    if kind is Money:
        return money(value)
    raise NotImplementedError(f"no reader for {kind!r}")


def _from_text(text: str) -> Money:
    match = _PLAIN(text)
    if match is None:
        raise MoneyShapeError('Expected an amount in plain digits with a point, such as "19.90"')
    if match[1] or len(match[2]) > _MOST_DIGITS:
        raise MoneyRangeError(f"Expected an amount from 0 to below {MONEY_LIMIT}")
    return _rounded(text)


def _rounded(text: str) -> Money:
    amount = Money(text)
    if len(text) < len("0.000000") and "e" not in text:
        return amount
    places = amount.as_tuple().exponent
    if isinstance(places, int) and places >= -6:
        return amount
    return Money(format(amount.quantize(_SMALLEST, rounding=ROUND_HALF_EVEN).normalize(), "f"))

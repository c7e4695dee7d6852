"""Exact counts of late, by the hour and by the day.

Hours are dropped by how many there are, not by how old they are: an event with a wrong clock costs one of them.
"""

from __future__ import annotations

from msgspec import Struct

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
HOURS = 24


class Counts(Struct, array_like=True, gc=False):
    """In how many sessions an item was seen, put into a cart, bought by a confirmed order, and how many units."""

    visits: int = 0
    carts: int = 0
    orders: int = 0
    units: int = 0


def count(buckets: dict[int, Counts], bucket: int, new: Counts) -> bool:
    """Add to a bucket; whether it is a new one."""
    known = buckets.get(bucket)
    if known is None:
        buckets[bucket] = Counts(new.visits, new.carts, new.orders, new.units)
        return True
    known.visits += new.visits
    known.carts += new.carts
    known.orders += new.orders
    known.units += new.units
    return False


def trim(buckets: dict[int, Counts], most: int) -> None:
    """Of more than `most` the oldest go."""
    while len(buckets) > most:
        del buckets[min(buckets)]


def between(buckets: dict[int, Counts], first: int, last: int) -> Counts:
    """The sum of the buckets from `first` to `last`."""
    total = Counts()
    for bucket, one in buckets.items():
        if first <= bucket <= last:
            total.visits += one.visits
            total.carts += one.carts
            total.orders += one.orders
            total.units += one.units
    return total

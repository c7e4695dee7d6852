"""What shoppers took of what a query found: a row of items for each query, from which serving ranks.

An item is judged by how often it was taken for how likely it was looked at, 1 / (place + 1), so that a click far
down says more than one at the top ("clicks over expected clicks"). Nobody is believed twice: of the last `MARKS`
visitors who had to do with an item for a query each counts once as having seen it, clicked it, put it into the cart,
bought it.

Counts are halved every `HALF_MS`, by whole hours, so that a row is rescaled at most once an hour. That it is 30 days is
not measured: no public log has a shop's queries, clicks and orders over months. It is short enough for a season,
and long enough for a query that is asked once a day.

References
----------
Craswell, N., Zoeter, O., Taylor, M. and Ramsey, B. (2008). An experimental comparison of click position-bias models.
WSDM.
Chapelle, O. and Zhang, Y. (2009). A dynamic Bayesian network click model for web search ranking. WWW.
"""

from __future__ import annotations

from msgspec import Struct, field

from stream.entries import Listed, Taken

HOUR_MS = 3_600_000
HALF_MS = 30 * 24 * HOUR_MS
RETENTION_MS = 90 * 24 * HOUR_MS
FULL = 64
KEPT = 32
MARKS = 16
_SEEN = 8
_BITS = {"click": 1, "cart": 2, "purchase": 4}


class Found(Struct, array_like=True, gc=False):
    """One item of a query's row: by how much it was looked at, and how often it was taken.

    `by`: visitors' marks, the newest last → what they are counted for, in bits.
    """

    seen: float = 0.0
    clicks: float = 0.0
    carts: float = 0.0
    bought: float = 0.0
    by: dict[int, int] = field(default_factory=dict)

    @property
    def takers(self) -> int:
        """How many visitors took it, of those that are remembered."""
        return sum(bits != _SEEN for bits in self.by.values())


class Items(Struct, array_like=True):
    """One query's row; counts are as of the `hour` since 1970, `at` (ms) is its newest entry.

    More than `FULL` items are cut to the `KEPT` of which most is known.
    """

    at: int = 0
    hour: int = 0
    items: dict[str, Found] = field(default_factory=dict)


def look(row: Items, entry: Listed) -> None:
    """Items were seen in their places."""
    unit = _unit(row, entry.at)
    for item_id, place in entry.items:
        found = _found(row, item_id)
        if _first(found, entry.mark, _SEEN):
            found.seen += unit * examined(place)
    _trim(row)


def take(row: Items, entry: Taken) -> None:
    """An item was taken, and so had been seen."""
    unit = _unit(row, entry.at)
    found = _found(row, entry.item_id)
    if _first(found, entry.mark, _SEEN):
        found.seen += unit * examined(max(0, entry.place))
    if not _first(found, entry.mark, _BITS[entry.kind]):
        return
    weight = unit * entry.weight
    if entry.kind == "click":
        found.clicks += weight
    elif entry.kind == "cart":
        found.carts += weight
    else:
        found.bought += weight
    _trim(row)


def examined(place: int) -> float:
    """How likely a place (from 0) was looked at."""
    return 1.0 / (place + 1)


def _unit(row: Items, at: int) -> float:
    """What something at `at` counts; the row is brought to its hour, or if it is late, it has decayed on its way."""
    row.at = max(row.at, at)
    hour = at // HOUR_MS
    if hour <= row.hour:
        return float(2.0 ** ((hour - row.hour) * HOUR_MS / HALF_MS))
    factor = 2.0 ** ((row.hour - hour) * HOUR_MS / HALF_MS)
    for found in row.items.values():
        found.seen *= factor
        found.clicks *= factor
        found.carts *= factor
        found.bought *= factor
    row.hour = hour
    return 1.0


def _found(row: Items, item_id: str) -> Found:
    found = row.items.get(item_id)
    if found is None:
        found = row.items[item_id] = Found()
    return found


def _first(found: Found, mark: int, bit: int) -> bool:
    """Whether this visitor is counted for this for the first time."""
    bits = found.by.pop(mark, 0)
    found.by[mark] = bits | bit
    if len(found.by) > MARKS:
        del found.by[next(iter(found.by))]
    return not bits & bit


def _trim(row: Items) -> None:
    if len(row.items) > FULL:
        kept = sorted(row.items.items(), key=_least_known)[:KEPT]
        row.items = dict(kept)


def _least_known(pair: tuple[str, Found]) -> tuple[float, float, str]:
    item_id, found = pair
    return -(found.clicks + found.carts + found.bought), -found.seen, item_id

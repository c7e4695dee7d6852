"""Relations: which items follow an item, which come before it, which go with it, and what is bought after it.

One row per item holds what a nearest-neighbour search over sessions would add up anew for every request: without its
cut to the k nearest sessions, session-kNN is a sum over the session's items, and a sum can be kept as it grows. A step
at distance d (1 = the next one) weighs e^(-(d-1)/1.5); see `stream/signals/session.py` for which pairs count.

Weights use forward decay: an event at time t counts exp((t - origin) / TAU_MS), so that the present size of a weight is
its stored size times `scale`, and no row ever has to be rescaled when time passes.

References
----------
Ludewig, M., Jannach, D. (2018). Evaluation of session-based recommendation algorithms. UMUAI 28.
Cormode, G. et al. (2009). Forward decay: a practical time decay model for streaming systems. ICDE.
"""

from __future__ import annotations

from math import exp

from msgspec import Struct, field

from stream.entries import Followed, Seen
from stream.signal import Signal

DAY_MS = 86_400_000
# HR@20 of a prototype at 14, 30, 60, 90, 365 days: .637 .638 .638 .638 .638 on Serenade (27 days),
# .372 .401 .412 .417 .419 on Online Retail (9 months)
TAU_MS = 90 * DAY_MS
FULL = 128
KEPT = 64
ROLL = 100.0


class Link(Struct, array_like=True, gc=False):
    """How strongly two items are related: a weight in the row's own scale, and how many times it was counted."""

    weight: float
    count: int


class State(Struct, array_like=True):
    """One item's row.

    `origin` (ms) is where the row's scale is 1, 0 in an empty row; `total` is the decayed number of sessions it was
    seen in; `after`, `before`, `together` and `bought` are keyed by the other item: `together` are in one cart or order
    with the item, `bought` what was bought once it had been looked at, or bought before. More than `FULL` neighbours
    are cut to the `KEPT` heaviest (of equal ones the smaller id): a row stays below 16 KiB with ids of 12 characters.
    """

    origin: int = 0
    total: float = 0.0
    after: dict[str, Link] = field(default_factory=dict)
    before: dict[str, Link] = field(default_factory=dict)
    together: dict[str, Link] = field(default_factory=dict)
    bought: dict[str, Link] = field(default_factory=dict)

    def links(self, relation: str) -> dict[str, Link]:
        """Those that an entry of this relation adds to."""
        return self.together if relation == "together" else self.bought if relation == "bought" else self.after


def scale(state: State, now: int) -> float:
    """What a stored weight has to be multiplied by at `now` (ms)."""
    return exp((state.origin - now) / TAU_MS)


def fold(state: State, entry: Seen | Followed) -> None:
    """One step, or one pair of items, more."""
    at = entry.at
    age = (at - state.origin) / TAU_MS
    if not state.origin or age > ROLL:
        _roll(state, at)
        age = 0.0
    unit = exp(age)
    if isinstance(entry, Seen):
        state.total += unit if entry.counts and not entry.repeat else 0.0
        for other, weight in entry.back:
            _add(state.before, other, unit * weight)
    else:
        _add(state.links(entry.relation), entry.other, unit * entry.weight)


def _add(links: dict[str, Link], other: str, weight: float) -> None:
    link = links.get(other)
    if link is not None:
        link.weight += weight
        link.count += 1
        return
    links[other] = Link(weight, 1)
    if len(links) > FULL:
        _trim(links)


def _trim(links: dict[str, Link]) -> None:
    kept = sorted(links.items(), key=lambda pair: (-pair[1].weight, pair[0]))[:KEPT]
    links.clear()
    links.update(kept)


def _roll(state: State, origin: int) -> None:
    """Move the origin before exp() leaves a double's range; what is so old rounds to nothing."""
    if state.origin:
        factor = exp((state.origin - origin) / TAU_MS)
        state.total *= factor
        for links in (state.after, state.before, state.together, state.bought):
            for link in links.values():
                link.weight *= factor
    state.origin = origin


SIGNAL = Signal(
    name="relations",
    scope="item",
    state=State,
    on=frozenset({"seen", "followed"}),
    fold=fold,
    explain="Other shoppers went on from this item to that one, came to it from there, took both or bought that one.",
)

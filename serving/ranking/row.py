"""An item's row as it is added up: arrays by code, made once per version of the row, 0.2 µs for each neighbour."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
from msgspec import Struct
from msgspec.structs import replace
from numpy.typing import NDArray

from serving.ranking.best import largest
from serving.ranking.codes import Codes
from stream.signals import relations, repeats

BEFORE = 0.7
STEP_NEIGHBOURS = 15
STEP_LENT = 30
_NONE, _NO_CODES, _NO_STEPS = np.zeros(0, np.float32), np.zeros(0, np.int32), np.zeros((3, 0), np.float32)


class Links(Struct, frozen=True, gc=False):
    """Other items' `codes` with their `weights`, and how many sessions each comes from."""

    codes: NDArray[np.int32] = _NO_CODES
    weights: NDArray[np.float32] = _NONE
    counts: NDArray[np.float32] = _NONE

    def __len__(self) -> int:
        return len(self.codes)


UNLINKED = Links()


class Beyond(NamedTuple):
    """What an item's neighbours say together, as of `at` (ms): items and their weights, the `BEYOND` heaviest."""

    at: int
    codes: NDArray[np.int32]
    weights: NDArray[np.float32]


class Row(Struct, frozen=True, gc=False):
    """One item's row as of `at` (ms), ready to be added; made once per version of the row, 0.2 µs for each neighbour.

    `codes` are the neighbours, ascending, `weights` what they weigh after the item + 0.7 * before it, `steps` both of
    these weights and how often each came after, [3, neighbours].
    The `STEP_NEIGHBOURS` heaviest are `nearest`, heaviest first; the `STEP_LENT` heaviest, `lent`, are what the row
    lends to those one step before it. `total` is in how many sessions the item was seen, decayed. `together` are those
    that were in one cart or order with it, as (code, weight), `bought` those that shoppers bought after it. `counts` is
    how often each neighbour was counted, after or before, `counted` the sum of that, `returns` how many sessions came
    back to the item, and how many there were; `evident` keeps what `serving/slate/evidence.py` made of that, `beyond`
    what `further` made of the neighbours' rows, for `BEYOND_MS` or until this row changes.
    """

    code: int
    at: int
    total: float
    repeat_rate: float
    codes: NDArray[np.int32]
    weights: NDArray[np.float32]
    nearest: NDArray[np.int32] = _NO_CODES
    nearest_weights: NDArray[np.float32] = _NONE
    lent: NDArray[np.int32] = _NO_CODES
    lent_weights: NDArray[np.float32] = _NONE
    steps: NDArray[np.float32] = _NO_STEPS
    together: Links = UNLINKED
    bought: Links = UNLINKED
    counts: NDArray[np.float32] = _NONE
    counted: int = 0
    returns: tuple[int, int] = (0, 0)
    evident: dict[str, float] = {}
    beyond: list[Beyond] = []


def parse(item_id: str, item: Any, codes_: Codes) -> Row:
    """The row of an item's value (`stream.item.Item`)."""
    code, state = codes_.code(item_id), relations.SIGNAL.of(item)
    scale = relations.scale(state, item.at)
    links = dict.fromkeys((*state.after, *state.before))
    codes = codes_.array(links)
    order = codes.argsort()
    after = _column((link.weight if (link := state.after.get(one)) else 0.0 for one in links), order, scale)
    before = _column((link.weight if (link := state.before.get(one)) else 0.0 for one in links), order, scale)
    codes, weights = codes[order], after + np.float32(BEFORE) * before
    lent = largest(weights, STEP_LENT)
    near, returns = lent[:STEP_NEIGHBOURS], repeats.SIGNAL.of(item)
    times = _column((link.count if (link := state.after.get(one)) else 0 for one in links), order)
    counts = times + _column((link.count if (link := state.before.get(one)) else 0 for one in links), order)
    return Row(
        code,
        item.at,
        state.total * scale,
        repeats.rate(returns),
        codes,
        weights,
        codes[near],
        weights[near],
        codes[lent],
        weights[lent],
        np.stack([after, before, times]),
        _linked(state.together, codes_, scale),
        _linked(state.bought, codes_, scale),
        counts,
        int(counts.sum()),
        (returns.repeats, returns.sessions),
    )


def _column(values: Iterable[float], order: NDArray[np.intp], scale: float = 1.0) -> NDArray[np.float32]:
    found = np.fromiter(values, np.float64, len(order))
    found *= scale
    return found[order].astype(np.float32)


def _linked(links: Mapping[str, relations.Link], codes: Codes, scale: float) -> Links:
    if not links:
        return UNLINKED
    weights = np.fromiter((link.weight for link in links.values()), np.float64, len(links)) * scale
    counts = np.fromiter((link.count for link in links.values()), np.float32, len(links))
    return Links(codes.array(links), weights.astype(np.float32), counts)


def backed(row: Row, sessions: int) -> Row:
    """The row with only those others that at least so many sessions link to it, by one relation in one direction."""
    times = row.steps[2]
    keep = np.maximum(times, row.counts - times) >= sessions
    codes, weights = row.codes[keep], row.weights[keep]
    lent = largest(weights, STEP_LENT)
    near = lent[:STEP_NEIGHBOURS]
    return replace(
        row,
        codes=codes,
        weights=weights,
        nearest=codes[near],
        nearest_weights=weights[near],
        lent=codes[lent],
        lent_weights=weights[lent],
        steps=row.steps[:, keep],
        together=_backed(row.together, sessions),
        bought=_backed(row.bought, sessions),
        counts=row.counts[keep],
        evident={},
        beyond=[],
    )


def _backed(links: Links, sessions: int) -> Links:
    keep = links.counts >= sessions
    return Links(links.codes[keep], links.weights[keep], links.counts[keep])

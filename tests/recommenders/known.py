"""A small shop as a request knows it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.candidate import Scored
from serving.ranking.board import Board
from serving.ranking.codes import Codes
from serving.ranking.row import Row, parse
from serving.ranking.top import Top
from serving.recommender import Known, Vectors
from stream.item import Item
from stream.signals.popularity import State
from stream.signals.relations import Link

NOW = 1_700_000_000_000
ITEMS = [f"i{n}" for n in range(40)]


def row(item_id: str, codes: Codes, after: dict[str, float]) -> Row:
    made: Any = Item()
    made.at = made.relations.origin = NOW
    made.relations.total = 1.0
    made.relations.after = {other: Link(weight, 1) for other, weight in after.items()}
    made.relations.together = made.relations.bought = {other: Link(2.0 * link, 1) for other, link in after.items()}
    return parse(item_id, made, codes)


def linked(
    item_id: str, codes: Codes, *, bought: dict[str, float] | None = None, together: dict[str, float] | None = None
) -> Row:
    """A row whose links come from orders alone."""
    made: Any = Item()
    made.at = made.relations.origin = NOW
    made.relations.total = 1.0
    made.relations.bought = {other: Link(weight, 1) for other, weight in (bought or {}).items()}
    made.relations.together = {other: Link(weight, 1) for other, weight in (together or {}).items()}
    return parse(item_id, made, codes)


def a_shop(**more: Any) -> Known:
    """Three items of this visit, two of earlier ones; all generators have something to say."""
    codes = Codes(ITEMS)
    session, earlier = ["i0", "i1", "i2"], ["i3", "i4"]
    board = Board(codes)
    for n, item_id in enumerate(ITEMS):
        board.put(item_id, State(at=NOW, seen=n % 7))
    popular = [(item_id, 100.0 - n) for n, item_id in enumerate(reversed(ITEMS))]
    matrix = np.eye(len(ITEMS), 64, dtype=np.float32) * np.float32(0.2)
    matrix[:, 63] = np.linspace(0.9, 0.1, len(ITEMS), dtype=np.float32)
    rows = {item_id: row(item_id, codes, {f"i{n + 5}": 1.0 + n for n in range(10)}) for item_id in session}
    further = {f"i{n + 5}": row(f"i{n + 5}", codes, {f"i{n + 16}": 1.0 + n for n in range(10)}) for n in range(10)}
    fields: dict[str, Any] = {
        "now": NOW,
        "session": session,
        "earlier": earlier,
        "viewed": [*session, *earlier],
        "codes": codes,
        "rows": rows,
        "row_of": (rows | further).get,
        "popular": popular,
        "popular_in": {"lamps": popular[:10]},
        "category_of": {"i1": "lamps", "i3": "lamps"},
        "vectors": titles(codes, ITEMS, matrix),
        "session_vector": np.eye(1, 64, 63, dtype=np.float32)[0],
        "board": board,
        "lists": {"rising": popular, "newest": [(item_id, NOW - 1_000 * n) for n, item_id in enumerate(ITEMS)]},
    }
    fields |= more
    fields["popular"] = top(fields["codes"], fields["popular"])
    fields["popular_in"] = {name: top(fields["codes"], some) for name, some in fields["popular_in"].items()}
    return Known(categories=numbered(codes, fields["category_of"]), **fields)


def top(codes: Codes, items: Scored) -> Top:
    """A ranking as the shop shares it."""
    return Top(codes.array([item_id for item_id, _ in items]), np.array([score for _, score in items]), codes.ids)


def titles(codes: Codes, item_ids: Sequence[str], matrix: NDArray[np.float32]) -> Vectors:
    """The title vectors of these items, all of which hardly anybody has seen."""
    of_them = codes.array(item_ids)
    places = np.arange(len(item_ids), dtype=np.int32)
    number_of = np.full(len(codes) + 1, -1, np.int32)
    number_of[of_them] = places
    return Vectors(item_ids, matrix, of_them, number_of, places)


def numbered(codes: Codes, category_of: Mapping[str, str]) -> Callable[[NDArray[np.int32]], NDArray[np.int32]]:
    """The numbers of categories by code, as the shop gives them."""
    numbers = {category: n for n, category in enumerate(sorted(set(category_of.values())), 1)}
    return lambda some: np.array([numbers.get(category_of.get(codes.ids[one], ""), 0) for one in some], np.int32)

"""Searched: what the visitor looked for in this session, and what they took of it.

What follows a search belongs to it, to the next search: certainly where it names the search's decision, or the search
itself; otherwise by half, and only if nothing says that it was not among what was found. Nothing of it says whose it
was but 16 bits (`stream.query_text.mark_of`), so that one visitor's word counts once.

A session counts a search once, an item that it found once as seen, as clicked, as put into the cart and as bought, and
tells of at most `SEARCHES` searches and `ITEMS` items of each.
"""

from __future__ import annotations

from collections.abc import Iterator
from zlib import crc32

from msgspec import Struct, field

from stream.entries import Listed, Searched, Taken
from stream.events import Search
from stream.fold import Emit
from stream.ingest import Accepted
from stream.query_text import digest, mark_of, normalised
from stream.signal import Signal
from stream.tokens import BadToken, read_decision_id

SEARCHES = 20
ITEMS = 40
PAGES = 6
PLACEMENT = "search"
"""The placement of a search's decision."""
LOWEST = 40
"""Places from here on are one."""
NOWHERE = -1

_KINDS = {"select_item": "click", "view_item": "click", "add_to_cart": "cart", "purchase": "purchase"}
_BITS = {"click": 1, "cart": 2, "purchase": 4}
_SURE = 8


class Asked(Struct, array_like=True, gc=False):
    """One search at `at` (ms).

    `pages`: hashes of the decisions' ids that answered it; `places`: hash of an item that was seen → where; `taken`:
    hash of an item → what was done with it, in bits; `best`: the best place that was clicked, `NOWHERE` if none.
    """

    query: str
    at: int
    pages: list[int] = field(default_factory=list)
    places: dict[int, int] = field(default_factory=dict)
    taken: dict[int, int] = field(default_factory=dict)
    best: int = NOWHERE


class State(Struct, array_like=True, gc=False):
    """`asked` in the session, oldest first; `now`: which of them what comes next belongs to, `NOWHERE`: none."""

    asked: list[Asked] = field(default_factory=list)
    now: int = NOWHERE


def fold(state: State, accepted: Accepted, emit: Emit) -> None:
    """A search, what was seen of its answer, and what was taken from that."""
    if not emit.learning:
        return
    if accepted.name == "search":
        _ask(state, accepted, emit)
    elif not state.asked:
        return
    elif accepted.name == "view_item_list":
        _see(state, accepted, emit)
    elif accepted.name != "purchase" or accepted.event.confirmed:
        for item_id in dict.fromkeys(item.item_id for item in accepted.event.items):
            _take(state, item_id, accepted, emit)


def close(state: State) -> None:
    """The session is over, and with it what was asked in it."""
    state.asked, state.now = [], NOWHERE


def _ask(state: State, accepted: Accepted, emit: Emit) -> None:
    event = accepted.event
    query = normalised(event.search_term or "")
    state.now = NOWHERE if query is None else _find(state, query)
    if query is not None and state.now == NOWHERE and len(state.asked) < SEARCHES:
        state.now = len(state.asked)
        state.asked.append(Asked(query, accepted.at))
        results = event.results if isinstance(event, Search) else None
        _tell(emit, accepted, Searched, query, NOWHERE if results is None else results)
    if state.now != NOWHERE and event.decision_id is not None:
        _answered(state.asked[state.now], event.decision_id)


def _find(state: State, query: str) -> int:
    return next((n for n, asked in enumerate(state.asked) if asked.query == query), NOWHERE)


def _answered(asked: Asked, decision_id: str) -> None:
    page = crc32(decision_id.encode())
    if page not in asked.pages:
        asked.pages.append(page)
        del asked.pages[:-PAGES]


def _see(state: State, accepted: Accepted, emit: Emit) -> None:
    event = accepted.event
    asked = _named(state, accepted)
    if asked is None and event.decision_id is None and event.page is not None and event.page.type == "search":
        asked = _current(state, accepted)
    if asked is None:
        return
    seen = [(item_id, place) for item_id, place in _places(accepted) if _new(asked, item_id, place)]
    if seen:
        _tell(emit, accepted, Listed, asked.query, seen)


def _places(accepted: Accepted) -> Iterator[tuple[str, int]]:
    """Where the items stood: by the page's word, else in the order as told."""
    for n, item in enumerate(accepted.event.items):
        place = n if item.index is None else item.index
        yield item.item_id, max(0, min(place, LOWEST))


def _new(asked: Asked, item_id: str, place: int) -> bool:
    key = crc32(item_id.encode())
    if key in asked.places or len(asked.places) >= ITEMS:
        return False
    asked.places[key] = place
    return True


def _take(state: State, item_id: str, accepted: Accepted, emit: Emit) -> None:
    key, kind = crc32(item_id.encode()), _KINDS[accepted.name]
    asked = _named(state, accepted)
    sure = asked is not None
    if asked is None and accepted.event.decision_id is None:
        asked = _taken_from(state, key) or (None if kind == "purchase" else _passing(state, key, accepted))
    if asked is None:
        return
    before = asked.taken.get(key, 0)
    sure = sure or bool(before & _SURE)
    if before & _BITS[kind] or (not before and len(asked.taken) >= ITEMS):
        return
    asked.taken[key] = before | _BITS[kind] | (_SURE if sure else 0)
    place = asked.places.get(key, NOWHERE)
    best = asked.best
    if kind == "click":
        asked.best = _better(best, place)
    _tell(emit, accepted, Taken, asked.query, item_id, kind, 1.0 if sure else 0.5, place, asked.at, best)


def _better(best: int, place: int) -> int:
    """A click whose place nobody knows is one below all."""
    place = LOWEST if place == NOWHERE else place
    return place if best == NOWHERE else min(best, place)


def _named(state: State, accepted: Accepted) -> Asked | None:
    """The search that an event says it follows from: by its decision, else by its words."""
    if accepted.event.decision_id is not None:
        return _decided(state, accepted, accepted.event.decision_id)
    term = accepted.event.search_term
    found = NOWHERE if term is None else _find(state, normalised(term) or "")
    return None if found == NOWHERE else state.asked[found]


def _decided(state: State, accepted: Accepted, decision_id: str) -> Asked | None:
    """A search's decision that no search has named is of the one that is asked now.

    Whose it is does not matter: before a shopper has agreed to anything decisions are nobody's, and what the page says
    it follows from is worth as much as the words that it says were typed.
    """
    page = crc32(decision_id.encode())
    asked = next((one for one in state.asked if page in one.pages), None)
    if asked is None and _is_searchs(decision_id) and (asked := _current(state, accepted)) is not None:
        _answered(asked, decision_id)
    return asked


def _is_searchs(decision_id: str) -> bool:
    try:
        return read_decision_id(None, decision_id).placement == PLACEMENT
    except BadToken:
        return False


def _taken_from(state: State, key: int) -> Asked | None:
    """The newest search from which an item was taken already."""
    return next((asked for asked in reversed(state.asked) if key in asked.taken), None)


def _passing(state: State, key: int, accepted: Accepted) -> Asked | None:
    """The search before, unless what was seen of it is known and the item was not in it."""
    asked = _current(state, accepted)
    return asked if asked is None or not asked.places or key in asked.places else None


def _current(state: State, accepted: Accepted) -> Asked | None:
    asked = None if state.now == NOWHERE else state.asked[state.now]
    return asked if asked is not None and accepted.at >= asked.at else None


def _tell(emit: Emit, accepted: Accepted, kind: type, query: str, *fields: object) -> None:
    mark = mark_of(accepted.event.visitor_id, query)
    emit.entry("queries", digest(query), kind, query, accepted.at, mark, *fields)


def halve(state: State) -> None:
    """Forget the older half of the searches."""
    gone = (len(state.asked) + 1) // 2
    del state.asked[:gone]
    state.now = max(NOWHERE, state.now - gone)


SIGNAL = Signal(
    name="searched",
    scope="visitor",
    state=State,
    on=frozenset({"search", "view_item_list", *_KINDS}),
    fold=fold,
    halve=halve,
    explain="What you searched for in this visit, and what you looked at of what was found.",
)

"""What marketers say of searches: a document as `schemas/search.json` says, with pins, hides and synonyms.

It is data: pins and hides hold for the queries that the document names, synonyms for every query.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Annotated, Any, Final, TypeAlias

import msgspec
from msgspec import Meta, Struct

from serving.config import BadDocument, read
from serving.config.documents import Documents, Kind
from serving.placement import MOST_ITEMS, ItemId, Name
from serving.search.analysis import without_accents, words_of
from serving.search.synonyms import Group

QUERIES, PINS, HIDES, SYNONYMS = 100, 20, 200, 200

Query: TypeAlias = Annotated[str, Meta(min_length=1, max_length=200)]


class Pin(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An item, and its place among the results, from 0."""

    item_id: ItemId
    position: Annotated[int, Meta(ge=0, lt=MOST_ITEMS)]


class Document(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What can be said of searches.

    Parameters
    ----------
    name: what answers call it; `explain` one sentence for marketers.
    enabled: false does nothing.
    queries: what it is about, as shoppers type it, in any spelling of case and blanks.
    pin: items at fixed places among the results; `hide`: items that are not among them.
    synonyms: for every query.
    """

    name: Name
    explain: Annotated[str, Meta(min_length=1, max_length=1_000)]
    enabled: bool = True
    queries: Annotated[tuple[Query, ...], Meta(max_length=QUERIES)] = ()
    pin: Annotated[tuple[Pin, ...], Meta(max_length=PINS)] = ()
    hide: Annotated[tuple[ItemId, ...], Meta(max_length=HIDES)] = ()
    synonyms: Annotated[tuple[Group, ...], Meta(max_length=SYNONYMS)] = ()


class Curation(Struct, frozen=True, eq=False):
    """A document in force; `version` is its revision."""

    document: Document
    version: int


class Curated(Struct, frozen=True, eq=False):
    """What holds for one query: places by item, items that are left out, and which documents say so, and why."""

    pins: tuple[Pin, ...]
    hidden: frozenset[str]
    explains: Mapping[str, str]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.explains)


def curation(document: Any, name: str, version: int = 1) -> Curation:
    """The curation that a JSON document of this name says; raises `BadDocument`."""
    said = read(document, Document, name)
    _check(said)
    return Curation(said, version)


KIND: Final[Kind[Curation]] = Kind("search", curation, MappingProxyType({}))
"""Curations as a kind of document that marketers edit; none is built in."""


def key_of(query: str) -> str:
    """The same for all spellings of a query that differ in case, accents, blanks and punctuation only."""
    return " ".join(without_accents(word) for word in words_of(query))


def _check(document: Document) -> None:
    """Refuse what the types cannot."""
    if not (document.pin or document.hide or document.synonyms):
        raise BadDocument("", "It says nothing: write at least one of pin, hide, synonyms.")
    if (document.pin or document.hide) and not document.queries:
        raise BadDocument("/queries", "Which searches are meant? `pin` and `hide` need the queries they are for.")
    for place, query in enumerate(document.queries):
        if not key_of(query):
            raise BadDocument(f"/queries/{place}", "There is no word in this query.")
    item_ids = [pin.item_id for pin in document.pin]
    for place, item_id in enumerate(item_ids):
        if item_id in item_ids[:place]:
            raise BadDocument(f"/pin/{place}/item_id", "This item is pinned twice.")
        if item_id in document.hide:
            raise BadDocument(f"/pin/{place}/item_id", "This item is hidden by the same document.")
    for place, synonym in enumerate(document.synonyms):
        if synonym.to is None and len(synonym.words) < 2:
            fix = "One word alone says nothing: name two that mean the same, or add `to`."
            raise BadDocument(f"/synonyms/{place}/words", fix)


def warnings(one: Curation, known: Callable[[str], bool]) -> list[str]:
    """What is odd about it in the shop as it is now: the catalogue may still follow."""
    pins = [pin.item_id for pin in one.document.pin if not known(pin.item_id)]
    return [f"The catalogue has no item {item_id}: its pin waits until there is one." for item_id in pins]


class Curations:
    """All curations by query; follows the documents."""

    def __init__(self, documents: Documents[Curation]) -> None:
        self._documents = documents
        self._of: Mapping[str, Curation] | None = None
        self._by_query: dict[str, list[Curation]] = {}
        self._synonyms: Sequence[Group] = ()

    def of(self, query: str) -> Curated | None:
        """What holds for a query; None where nothing is said of it."""
        self._catch_up()
        found = self._by_query.get(key_of(query)) if self._by_query else None
        return None if not found else curated(found)

    @property
    def synonyms(self) -> Sequence[Group]:
        """All synonyms; the same object until a document changes."""
        self._catch_up()
        return self._synonyms

    def _catch_up(self) -> None:
        documents = self._documents.all  # another mapping after a change
        if documents is self._of:
            return
        self._of, self._by_query = documents, {}
        on = [one for one in documents.values() if one.document.enabled]
        for one in on:
            for key in dict.fromkeys(map(key_of, one.document.queries)):
                self._by_query.setdefault(key, []).append(one)
        self._synonyms = [synonym for one in on for synonym in one.document.synonyms]


def curated(found: Sequence[Curation]) -> Curated:
    """Of documents about one query the one whose name comes first has the place; what any hides is hidden."""
    hidden = frozenset(item_id for one in found for item_id in one.document.hide)
    pins = tuple(_placed(pin for one in found for pin in one.document.pin if pin.item_id not in hidden))
    return Curated(pins, hidden, {one.document.name: one.document.explain for one in found})


def _placed(pins: Iterable[Pin]) -> Iterator[Pin]:
    """Each item once; a place that is taken gives way to the next free one."""
    seen: set[str] = set()
    taken: set[int] = set()
    for pin in pins:
        if pin.item_id in seen:
            continue
        position = pin.position
        while position in taken:
            position += 1
        seen.add(pin.item_id)
        taken.add(position)
        yield msgspec.structs.replace(pin, position=position)

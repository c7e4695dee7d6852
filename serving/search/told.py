"""What an answer of a search says beside its items, and what its record keeps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from serving.decision import Told
from serving.search.analysis import language_of, stem, words_of
from serving.search.decide import Searched
from serving.search.facets import Facet, Prices
from serving.search.highlights import parts
from serving.search.ladder import Step
from serving.search.question import Question, Sort
from serving.search.understood import Understood
from serving.shop import Shop

_encode = msgspec.json.Encoder().encode


class Correction(Struct, frozen=True, rename={"from_": "from"}):
    """Words as they were written, and as they were searched for."""

    from_: str
    to: str


class Read(Struct, frozen=True):
    """A filter that was read from the query's words: what it is about, and how to say it."""

    subject: str
    label: str
    words: str


class Synonym(Struct, frozen=True):
    """Words of the query, and what else was searched for in their place."""

    words: str
    also: str


class HowUnderstood(Struct, frozen=True):
    """How a query was understood; `words` are what was searched for, `unknown` those that nothing here has."""

    query: str
    words: Sequence[str]
    corrections: list[Correction]
    filters: list[Read]
    kind: str | None
    exact: str | None
    synonyms: list[Synonym]
    unknown: list[str]


class Beside(Struct, frozen=True):
    """What an answer says beside its items; `prices` are those of all that matches, None without any."""

    sort: Sort
    understood: HowUnderstood
    steps: Sequence[Step]
    total: int
    price: Prices | None
    facets: Sequence[Facet]


class Kept(Struct, frozen=True):
    """What the record of a search keeps of it."""

    query: str
    sort: Sort
    total: int
    steps: Sequence[str]


def told(question: Question, understood: Understood, unknown: Iterable[str], searched: Searched, shop: Shop) -> Told:
    """Both forms' own parts."""
    beside = Beside(
        question.sort,
        how(understood, unknown),
        searched.steps,
        searched.total,
        searched.prices,
        searched.facets,
    )
    kept = Kept(understood.query, question.sort, searched.total, [one.step for one in searched.steps])
    marked = _marked(understood, [one.item_id for one in searched.decision.items], shop)
    items = [
        f',"step":"{rung}"{f""","highlights":{{"title":{_json(mark)}}}""" if mark else ""}'
        for rung, mark in zip(searched.rungs, marked, strict=True)
    ]
    return Told("search", f"{_json(beside)[1:-1]},", f'"search":{_json(kept)},', items)


def how(understood: Understood, unknown: Iterable[str]) -> HowUnderstood:
    """How a query was understood, as the answer has it."""
    return HowUnderstood(
        understood.query,
        understood.words,
        [Correction(one.written, one.meant) for one in understood.corrections],
        [Read(one.subject, one.label, one.written) for one in understood.filters],
        understood.kind,
        understood.exact,
        [Synonym(one.replaced, one.by) for one in understood.expanded],
        list(unknown),
    )


def _marked(understood: Understood, item_ids: Sequence[str], shop: Shop) -> Iterable[list[str] | None]:
    """The parts of each title; words that became filters are marked as well."""
    words = {*understood.words, *(understood.rejoined or ()), *(understood.instead or ())}
    words.update(word for one in understood.expanded for word in words_of(one.by))
    words.update(word for one in understood.filters for word in words_of(one.written))
    stems: dict[str, frozenset[str]] = {}
    for item_id in item_ids:
        item = shop.item(item_id)
        if item is None:
            yield None
            continue
        language = language_of(item.locale)
        if language not in stems:
            stems[language] = frozenset(stem(word, language) for word in words)
        yield parts(item.title, stems[language], language)


def _json(value: Any) -> str:
    return _encode(value).decode()

"""What search is measured against: other engines as they come, over the same titles, descriptions and brands."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
import tantivy

from stream import vectors

Rank: TypeAlias = Callable[[str], list[str]]
"""Ids for a query, best first."""

FIELDS = ("title", "description", "brand")
DEEP = 200
RRF = 60


def by_tantivy(items: Sequence[dict[str, Any]]) -> Rank:
    """Tantivy with its defaults: BM25, the default tokenizer, any of the words in any field."""
    schema = tantivy.SchemaBuilder().add_text_field("item_id", stored=True)
    for name in FIELDS:
        schema = schema.add_text_field(name)
    index = tantivy.Index(schema.build())
    writer = index.writer()
    for item in items:
        writer.add_document(tantivy.Document(item_id=item["item_id"], **{name: item[name] for name in FIELDS}))
    writer.commit()
    index.reload()
    searcher = index.searcher()

    def rank(query: str) -> list[str]:
        asked = index.parse_query(" ".join(_words(query)), list(FIELDS))
        return [searcher.doc(place)["item_id"][0] for _, place in searcher.search(asked, DEEP).hits]

    return rank


def by_fts5(items: Sequence[dict[str, Any]]) -> Rank:
    """SQLite FTS5 with the porter stemmer: BM25 over all columns alike, any of the words."""
    base = sqlite3.connect(":memory:")
    base.execute(f"create virtual table item using fts5(id unindexed, {','.join(FIELDS)}, tokenize='porter unicode61')")
    rows = ((item["item_id"], *(item[name] for name in FIELDS)) for item in items)
    base.executemany("insert into item values (?,?,?,?)", rows)

    def rank(query: str) -> list[str]:
        asked = " OR ".join(f'"{word}"' for word in _words(query))
        return [
            one
            for (one,) in base.execute("select id from item where item match ? order by rank limit ?", (asked, DEEP))
        ]

    return rank


def fused(rank: Rank, items: Sequence[dict[str, Any]]) -> Rank:
    """Reciprocal rank fusion (Cormack, Clarke, Büttcher, SIGIR 2009) of a ranking and of title vectors, k = 60."""
    ids = [str(item["item_id"]) for item in items]
    matrix = vectors.title_vectors([item["title"] for item in items])

    def both(query: str) -> list[str]:
        nearness = matrix @ vectors.title_vectors([query])[0]
        near = [ids[place] for place in np.argsort(-nearness, kind="stable")[:DEEP].tolist()]
        scores: dict[str, float] = {}
        for listed in (rank(query), near):
            for place, item_id in enumerate(listed):
                scores[item_id] = scores.get(item_id, 0.0) + 1 / (RRF + 1 + place)
        return sorted(scores, key=lambda one: -scores[one])

    return both


def _words(query: str) -> list[str]:
    return re.findall(r"\w+", query.lower())

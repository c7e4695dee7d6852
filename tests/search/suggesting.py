"""How long suggestions take at 48,000 items, and how often the query that is being typed is among them.

    python -m tests.search.suggesting

Icecat's 19,406 products, and as many again with titles crossed from two of them as 48,000 need: copies would add no new
phrases. Each of the judged queries is typed letter by letter, once as it is and once with a typo.
"""

from __future__ import annotations

import random
import time
import tracemalloc
from collections.abc import Callable, Iterator
from functools import reduce
from itertools import islice
from typing import Any

import numpy as np

from serving.search.analysis import words_of
from serving.search.phrases import Phrases
from serving.search.spelling import Spelling
from serving.search.suggestions import Suggestions
from stream.catalogue import Catalogue
from tests.relevance import icecat
from tests.search.shelf import Vocabulary, put
from tests.search.typos import misspelt

ITEMS = 48_000
SHOWN = 8


def crossed(items: list[dict[str, Any]], rng: random.Random) -> Iterator[dict[str, Any]]:
    """Items for ever: the given ones, and then ones with the first half of one's title and the second of another's."""
    yield from items
    for number in range(ITEMS):
        one, other = rng.sample(items, 2)
        first, second = one["title"].split(), other["title"].split()
        title = " ".join(first[: len(first) // 2] + second[len(second) // 2 :])
        yield one | {"item_id": f"crossed-{number}", "title": title or one["title"], "gtin": None, "mpn": None}


def finder(catalogue: Catalogue) -> Callable[[str, str | None], bool]:
    """Whether an item has all words of a text, in a category or anywhere."""
    having = dict[str, set[str]]()
    for item_id, shelved in catalogue.items.items():
        item = shelved.item
        for word in words_of(f"{item.title} {item.brand} {item.category}"):
            having.setdefault(word, set()).add(item_id)

    def finds(text: str, category: str | None) -> bool:
        sets = sorted((having.get(word, set()) for word in words_of(text)), key=len)
        if category is not None:
            sets.append(set(catalogue.of_category(category)))
        return bool(sets) and bool(reduce(set.__and__, sets))

    return finds


def main() -> None:
    catalogue, rng = Catalogue(), random.Random(1)
    put(catalogue, *islice(crossed(list(icecat.items()), rng), ITEMS))
    spelling = Spelling(Vocabulary(catalogue))
    spelling.follow()
    began = time.thread_time()
    Suggestions(Phrases(catalogue), spelling).suggest("a", SHOWN, lambda *_: True)
    print(f"{len(catalogue)} items: phrases made in {time.thread_time() - began:.1f} s", end=", ")
    tracemalloc.start()
    phrases = Phrases(catalogue)
    suggestions = Suggestions(phrases, spelling)
    suggestions.suggest("a", SHOWN, lambda *_: True)
    print(f"{tracemalloc.get_traced_memory()[0] / 1e6:.0f} MB, {len(phrases.prefixes.weights)} phrases")
    tracemalloc.stop()
    finds, queries = finder(catalogue), icecat.queries()
    for name, typed in (("as it is", queries), ("with a typo", [misspelt(query, rng) for query in queries])):
        report(name, queries, typed, suggestions, finds)


def report(
    name: str, queries: list[str], typed: list[str], suggestions: Suggestions, finds: Callable[[str, str | None], bool]
) -> None:
    took, ready = list[float](), list[bool]()
    for query, written in zip(queries, typed, strict=True):
        for end in range(1, len(written) + 1):
            began = time.thread_time()
            found = suggestions.suggest(written[:end], SHOWN, finds)
            took.append((time.thread_time() - began) * 1e3)
            if end == len(written) - 1 and finds(query, None):
                ready.append(query in {one.text for one in found})
                if not ready[-1]:
                    print(f"  {written[:end]!r}: {', '.join(one.text for one in found)}")
    at = ", ".join(f"{one:.2f}" for one in np.percentile(took, (50, 95, 99, 100)))
    print(f"{name}: {at} ms (p50, p95, p99, most)")
    print(f"{name}: {sum(ready)} of {len(ready)} queries are suggested before their last letter is typed")


if __name__ == "__main__":
    main()

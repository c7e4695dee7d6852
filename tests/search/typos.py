"""How many misspelt queries are understood as they were meant, and which right ones are not left alone.

    python -m tests.search.typos

The catalogue is Icecat's, the queries those that people rated answers to. Each gets one random edit (a letter left out,
put in, replaced, or swapped with the next) in a word without digits, with three seeds.
"""

from __future__ import annotations

import random
import string
import time
from collections import Counter
from collections.abc import Callable

import numpy as np

from serving.search.analysis import words_of
from serving.search.index import Index
from serving.search.understanding import Knowledge, knowledge, understand
from stream.catalogue import Catalogue
from tests.relevance import icecat
from tests.search.shelf import put

SEEDS = (1, 2, 3)


def icecat_knowledge() -> Knowledge:
    catalogue = Catalogue()
    catalogue.caught_up()
    index = Index(catalogue)
    put(catalogue, *icecat.items())
    index.catch_up(len(catalogue))
    by = knowledge(catalogue, index.vocabulary, together=lambda words: len(index.having(words)))
    began = time.thread_time()
    by.spelling.follow()
    print(f"{len(by.vocabulary)} words taken up in {time.thread_time() - began:.2f} s")
    return by


def misspelt(query: str, rng: random.Random) -> str:
    """The query with one edit, which changes it; as it is where it has no word of letters."""
    words = query.split()
    spelt = [place for place, word in enumerate(words) if word.isalpha()]
    if not spelt:
        return query
    place = rng.choice(spelt)
    while True:
        word = edited(words[place], rng)
        if word != words[place]:
            return " ".join([*words[:place], word, *words[place + 1 :]])


def edited(word: str, rng: random.Random) -> str:
    at, letter = rng.randrange(len(word)), rng.choice(string.ascii_lowercase)
    edits: list[Callable[[], str]] = [
        lambda: word[:at] + word[at + 1 :],
        lambda: word[:at] + letter + word[at:],
        lambda: word[:at] + letter + word[at + 1 :],
        lambda: word[:at] + word[at : at + 2][::-1] + word[at + 2 :],
    ]
    return rng.choice(edits)()


def verdict(query: str, wrong: str, by: Knowledge) -> str:
    """What became of a misspelt query."""
    meant = tuple(words_of(query))
    if _all_words(wrong, by) == meant:
        return "right"
    if all(by.known(word) for word in words_of(wrong)):
        return "another word of the catalogue"
    return "another correction" if understand(wrong, by).corrections else "left alone"


def _all_words(query: str, by: Knowledge) -> tuple[str, ...]:
    """The corrected words, those that became filters, too."""
    one, words = understand(query, by), list[str]()
    meant = {correction.written: correction.meant for correction in one.corrections}
    for word in one.written:
        words += meant.get(word, word).split()
    return tuple(words)


def main() -> None:
    by, queries = icecat_knowledge(), icecat.queries()
    for seed in SEEDS:
        rng, counts = random.Random(seed), Counter[str]()
        for query in queries:
            wrong = misspelt(query, rng)
            counts[kind := verdict(query, wrong, by)] += 1
            if kind != "right":
                print(f"  {query!r:26} as {wrong!r:28} {kind}: {' '.join(_all_words(wrong, by))}")
        print(f"seed {seed}: {counts['right']} of {len(queries)} right, {dict(counts)}")
    for query in queries:
        one = understand(query, by)
        if one.corrections or one.filters or one.exact:
            read = [each.label for each in one.filters]
            print(f"  {query!r:26} is searched for as {one.words}, {read}, {one.exact}")
    print(f"understood in {_took_us(by, queries)} (p50, p95, p99)")


def _took_us(by: Knowledge, queries: list[str]) -> str:
    rng, took = random.Random(SEEDS[0]), list[float]()
    for query in queries * 5:
        wrong = misspelt(query, rng)
        began = time.thread_time()
        understand(wrong, by)
        took.append((time.thread_time() - began) * 1e6)
    return ", ".join(f"{at:.0f} µs" for at in np.percentile(took, (50, 95, 99)))


if __name__ == "__main__":
    main()

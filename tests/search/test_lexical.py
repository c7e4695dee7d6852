"""BM25F and its postings against the formula, written out."""

from __future__ import annotations

import math
from array import array

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.search.fields import BITS, DESCRIPTION, FIELDS, MOST, TITLE, Read, read
from serving.search.lexical import K1, WEIGHTS, B, Lexical
from serving.search.postings import Postings
from stream.catalog_item import CatalogItem

WORDS = st.sampled_from(["pan", "pot", "lid", "iron", "red", "knife"])
TEXTS = st.lists(WORDS, min_size=1, max_size=20).map(" ".join)


def written_out(texts: list[tuple[str, str]], word: str) -> list[float]:
    """The scores of items that have a title and a description."""
    fields = [[text.split() for text in item] for item in texts]
    usual = [sum(len(item[field]) for item in fields) / len(fields) for field in (0, 1)]
    totals = [
        sum(
            weight * item[field].count(word) / (1 - B + B * len(item[field]) / usual[field])
            for field, weight in enumerate((WEIGHTS[TITLE], WEIGHTS[DESCRIPTION]))
        )
        for item in fields
    ]
    having = sum(total > 0 for total in totals)
    rarity = math.log(1 + (len(texts) - having + 0.5) / (having + 0.5))
    return [rarity * (K1 + 1) * total / (total + K1) for total in totals]


@given(st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=8), WORDS)
def test_scores_are_those_of_the_formula(texts: list[tuple[str, str]], word: str) -> None:
    texts = [(" ".join(title.split()[:MOST]), " ".join(text.split()[:MOST])) for title, text in texts]
    lexical = Lexical()
    for number, (title, description) in enumerate(texts):
        lexical.put(number, read(CatalogItem(item_id="a", title=title, description=description, locale="ja")))
    assert lexical.scores([word]) == pytest.approx(written_out(texts, word), rel=1e-4)


def test_a_word_in_the_title_is_worth_more_than_in_the_description_and_than_in_a_longer_title() -> None:
    lexical = Lexical()
    for number, (title, description) in enumerate(
        [("pan", "it is red"), ("red", "a pan"), ("a pan that is very very red", "no"), ("red", "no")]
    ):
        lexical.put(number, read(CatalogItem(item_id="a", title=title, description=description)))
    short, told, long, without = lexical.scores(["pan"]).tolist()
    assert short > long > told > without == 0


def test_a_count_of_one_field_never_runs_into_the_next() -> None:
    counts = read(CatalogItem(item_id="a", title="red " * 40, description="x " * 300)).counts
    assert counts["red"] == MOST
    assert counts["x"] == MOST << BITS * DESCRIPTION


@given(st.data())
def test_postings_are_the_same_whatever_the_order_they_came_in(data: st.DataObject) -> None:
    items = data.draw(st.dictionaries(st.integers(0, 50), st.dictionaries(WORDS, st.integers(1, 99)), max_size=12))
    gone = data.draw(st.sets(st.sampled_from(sorted(items)))) if items else set[int]()
    postings = Postings()
    for number in data.draw(st.permutations(sorted(items))):
        postings.put(number, items[number])
    for number in gone:
        postings.drop(number, items[number])
    left = {number: counts for number, counts in sorted(items.items()) if number not in gone}
    for word in ("pan", "pot", "lid", "iron", "red", "knife"):
        numbers, packed = postings.of(word)
        having = {number: counts[word] for number, counts in left.items() if word in counts}
        assert dict(zip(numbers.tolist(), packed.tolist(), strict=True)) == having
        assert numbers.tolist() == sorted(having)
        assert postings.having(word) == len(having)
        assert (word in postings) == bool(having)


def test_an_entry_has_room_for_all_fields() -> None:
    assert array("Q").itemsize == 8
    assert BITS * FIELDS <= 32
    assert len(WEIGHTS) == FIELDS == len(Read({}, (0,) * FIELDS, set()).lengths)
    assert np.float32(MOST << BITS * (FIELDS - 1)) > 0

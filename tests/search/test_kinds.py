"""Head nouns of queries and categories."""

import pytest

from serving.search.analysis import words_of
from serving.search.kinds import head_of, kinds_of
from stream.catalog_item import CatalogItem


@pytest.mark.parametrize(
    ("language", "query", "head"),
    [
        ("english", "laptop bag", "bag"),
        ("english", "bags for a laptop", "bag"),
        ("english", "laptop", "laptop"),
        ("english", "iphone 7", "iphon"),
        ("english", "with", "with"),
        ("english", "4 + 4", ""),
        ("german", "schwarze tasche für laptop", "tasch"),
        ("french", "sac pour ordinateur", "sac"),
        ("spanish", "funda de portátil", "fund"),
    ],
)
def test_the_head_noun_says_the_kind(language: str, query: str, head: str) -> None:
    assert head_of(words_of(query), language) == head


@pytest.mark.parametrize(
    ("category", "kinds"),
    [
        ("Computers > Laptop Bags", {"bag"}),
        ("Bags & Cases", {"bag", "case"}),
        ("Stands/Mounts > ", set()),
        (None, set()),
        ("24", set()),
    ],
)
def test_the_last_step_of_a_category_says_an_items_kinds(category: str | None, kinds: set[str]) -> None:
    assert kinds_of(CatalogItem(item_id="a", title="A", category=category), "english").keys() == kinds

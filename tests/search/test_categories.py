"""The class of items that a query asks for."""

from __future__ import annotations

import pytest

from serving.search.categories import Categories
from stream.catalogue import Catalogue
from tests.search.shelf import put

PATHS = ["Computers > Laptops", "Computers > Laptop bags", "Travel > Bags & Cases", "Sport > Shoes"]


def shop() -> tuple[Catalogue, Categories]:
    catalogue = Catalogue()
    put(catalogue, *({"item_id": name, "title": "Thing", "category": name} for name in PATHS))
    return catalogue, Categories(catalogue)


@pytest.mark.parametrize(
    ("query", "kind"),
    [
        ("laptop", "Laptops"),
        ("gaming laptops", "Laptops"),
        ("laptop bag", "Laptop bags"),
        ("red bag", "Bags & Cases"),
        ("case for laptop", "Bags & Cases"),
        ("for laptop", "Laptops"),
        ("laptop stand", None),
        ("computers", None),
        ("", None),
    ],
)
def test_the_last_words_before_a_preposition_name_the_class(query: str, kind: str | None) -> None:
    assert shop()[1].kind(query.split()) == kind


def test_categories_come_and_go() -> None:
    catalogue, categories = shop()
    put(catalogue, {"item_id": "Sport > Shoes", "category": "Sport > Boots"})
    assert categories.kind(["shoes"]) is None
    assert categories.kind(["boot"]) == "Boots"
    put(catalogue, *({"item_id": name} for name in PATHS))
    assert not categories._named

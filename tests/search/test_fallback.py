"""Which category comes nearest to what nothing here is called."""

import numpy as np
import pytest

from serving.demo.catalogue import items
from serving.search.fallback import nearest_category
from serving.shop import Shop
from stream.catalogue import Catalogue
from stream.title_vectors import TitleVectors
from tests.search.shelf import put


@pytest.fixture(scope="module")
def shop() -> Shop:
    catalogue = Catalogue()
    vectors = TitleVectors(catalogue)
    made = Shop(catalogue, vectors)
    put(catalogue, *items())
    catalogue.caught_up()
    vectors.catch_up(len(catalogue))
    made.refresh(0)
    return made


def nearest(words: str, shop: Shop) -> str | None:
    return nearest_category(words.split(), shop, np.ones(len(shop.codes), np.bool_))


@pytest.mark.parametrize("words", ["xyzzy", "zzyzx", "qwrtz kdkdkd", "x", ""])
def test_nonsense_is_near_nothing(words: str, shop: Shop) -> None:
    assert nearest(words, shop) is None


def test_a_word_that_is_understood_is_near_what_means_the_same(shop: Shop) -> None:
    assert (nearest("cooking", shop) or "").startswith("Kitchen")

"""Suggestions: popular ones first, then the catalogue's, with typos put right, and none that finds nothing."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.search import phrases
from serving.search.phrases import Phrases
from serving.search.prefixes import Prefixes
from serving.search.spelling import Spelling
from serving.search.suggestions import Suggestion, Suggestions
from stream.catalogue import Catalogue
from tests.search.shelf import Vocabulary, put

TEXTS = st.lists(st.sampled_from(["a", "b", "ab", "ba", "abc"]), min_size=1, max_size=3).map(" ".join)


def headset(
    number: int, title: str = "Gaming headset", category: str = "Audio > Headsets", **more: Any
) -> dict[str, Any]:
    return {"item_id": f"h-{number}", "title": f"{title} X{number}", "category": category, "brand": "Soundly", **more}


def shop(*items: dict[str, Any]) -> tuple[Catalogue, Suggestions]:
    catalogue = Catalogue()
    put(catalogue, *items)
    spelling = Spelling(Vocabulary(catalogue))
    spelling.follow()
    return catalogue, Suggestions(Phrases(catalogue), spelling)


def anything(text: str, category: str | None) -> bool:
    return True


def texts(suggestions: Suggestions, typed: str, most: int = 8) -> list[str]:
    return [one.text for one in suggestions.suggest(typed, most, anything) if one.category is None]


ITEMS = [
    headset(1),
    headset(2),
    headset(3, "Wireless headset", "Games > Consoles"),
    headset(4, "Wireless headset", "Games > Consoles"),
]


def test_what_begins_like_that_comes_first_and_then_what_has_a_word_like_that() -> None:
    _, suggestions = shop(*ITEMS)
    assert texts(suggestions, "head") == ["headset", "headsets", "gaming headset", "wireless headset"]
    assert texts(suggestions, "Wireless  H") == ["wireless headset", "wireless headsets"]
    assert texts(suggestions, "sound") == ["soundly"]


def test_popular_queries_come_before_the_catalogues_phrases() -> None:
    _, suggestions = shop(*ITEMS)
    suggestions.take({"Headset stand": 5, "headset stand": 3, "headset, stand": 2, "headset for ps4": 9, "": 99})
    found = suggestions.suggest("heads", 3, anything)
    assert [(one.text, one.kind) for one in found if one.category is None][:2] == [
        ("headset stand", "popular"),
        ("headset for ps4", "popular"),
    ]
    suggestions.take({})
    assert "headset stand" not in texts(suggestions, "heads")


def test_the_best_one_may_be_narrowed_to_a_category() -> None:
    _, suggestions = shop(*ITEMS)
    found = suggestions.suggest("headset", 4, anything)
    assert found[:3] == [
        Suggestion("headset", "phrase"),
        Suggestion("headset", "phrase", "Audio > Headsets"),
        Suggestion("headset", "phrase", "Games > Consoles"),
    ]
    assert len(found) == 4


def test_a_category_that_finds_nothing_is_not_offered() -> None:
    _, suggestions = shop(*ITEMS)
    found = suggestions.suggest("headset", 8, lambda text, category: category != "Games > Consoles")
    assert [one.category for one in found if one.category] == ["Audio > Headsets"]


@pytest.mark.parametrize("typed", ["haed", "hedset", "headdset", "wireles heasd", "wirelss headset"])
def test_typos_are_put_right(typed: str) -> None:
    _, suggestions = shop(*ITEMS)
    assert any("headset" in text for text in texts(suggestions, typed))
    assert not any("heasd" in text or "wirelss" in text for text in texts(suggestions, typed))


def test_words_that_nobody_put_together_are_finished_one_by_one() -> None:
    _, suggestions = shop(*ITEMS)
    assert texts(suggestions, "red gaming h") == ["red gaming headset", "red gaming headsets"]


def test_words_that_nobody_put_together_are_put_right_too() -> None:
    _, suggestions = shop(*ITEMS)
    assert texts(suggestions, "soundly haed")[0] == "soundly headset"


def test_what_finds_nothing_is_not_suggested() -> None:
    _, suggestions = shop(*ITEMS)
    suggestions.take({"head transplant": 1_000})
    found = suggestions.suggest("head", 8, lambda text, category: text.endswith("headset"))
    assert {one.text for one in found} == {"headset", "gaming headset", "wireless headset"}


def test_items_come_and_go_with_their_phrases() -> None:
    catalogue, suggestions = shop(*ITEMS)
    put(catalogue, {"item_id": "b-1", "title": "Backpack", "category": "Bags > Backpacks"})
    assert texts(suggestions, "back") == ["backpack", "backpacks"]
    put(catalogue, {"item_id": "b-1", "quantity": 0})
    assert texts(suggestions, "back") == []
    put(catalogue, {"item_id": "b-1", "quantity": 2})
    assert texts(suggestions, "back") == ["backpack", "backpacks"]
    put(catalogue, {"item_id": "b-1"})
    assert texts(suggestions, "back") == []


def test_nothing_of_a_past_catalogue_is_left() -> None:
    catalogue, suggestions = shop(*ITEMS)
    put(catalogue, *({"item_id": item["item_id"]} for item in ITEMS))
    kept = suggestions._phrases
    left = [kept._counts, kept._categories, kept._brands, kept._within, kept.prefixes.weights, kept.prefixes._sorted]
    assert not any(left)


def test_accidents_are_forgotten_when_there_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(phrases, "COUNTED", 20)
    catalogue, suggestions = shop(headset(1), headset(2))
    put(catalogue, *(headset(number, f"Bag {chr(97 + number)}one box", "Bags") for number in range(3, 20)))
    assert len(suggestions._phrases._counts) < 60
    assert "gaming headset" in texts(suggestions, "gam")
    put(catalogue, *({"item_id": f"h-{number}"} for number in range(1, 20)))
    assert not suggestions._phrases.prefixes.weights


@pytest.mark.parametrize(
    "typed", ["", " ", "\x00", "\u202e", "'; --", "h" * 10_000, "h " * 5_000, "\U0001f4a1", "\ud800", "%", "\t"]
)
def test_whatever_is_typed_is_answered(typed: str) -> None:
    _, suggestions = shop(*ITEMS)
    assert len(suggestions.suggest(typed, 8, anything)) <= 8


@given(st.text(max_size=80), st.integers(1, 20))
def test_never_more_than_asked_and_none_twice(typed: str, most: int) -> None:
    found = SHOP.suggest(typed, most, anything)
    assert len(found) <= most
    assert len({(one.text, one.category) for one in found}) == len(found)


@given(
    st.lists(st.tuples(TEXTS, st.integers(0, 3)), max_size=30), st.sampled_from(["a", "ab", "b", "a ", "abc a", "c"])
)
def test_prefixes_are_what_a_look_at_all_texts_finds(puts: list[tuple[str, int]], prefix: str) -> None:
    prefixes, plain = Prefixes(), dict[str, int]()
    for text, weight in puts:
        prefixes.put(text, weight)
        plain.pop(text, None)
        if weight:
            plain[text] = weight
        expected = {one for one in plain if f" {one}".find(f" {prefix}") >= 0}
        assert set(prefixes.completions(prefix, 100)) == expected
        best = prefixes.completions(prefix, 2)
        assert best == prefixes.completions(prefix, 100)[:2]


SHOP = shop(*ITEMS)[1]

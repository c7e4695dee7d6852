"""What the index finds, in which order, and how it follows its catalogue."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.search.hits import Hits, best
from serving.search.index import KIND, MEANING, Index
from stream import vectors
from stream.catalogue import Catalogue
from stream.title_vectors import TitleVectors
from stream.vectors import DIMENSIONS
from tests.search.shelf import Vocabulary, put

LAPTOPS = (
    {"item_id": "sleeve", "title": "Targus laptop sleeve", "category": "Computers > Laptop Bags"},
    {"item_id": "laptop", "title": "HP 530 laptop silver", "category": "Computers > Laptops"},
    {"item_id": "pan", "title": "Cast iron pan", "description": "Not for a laptop", "category": "Kitchen > Pans"},
)


def indexed(*items: dict[str, Any]) -> tuple[Catalogue, Index]:
    catalogue = Catalogue()
    catalogue.caught_up()
    index = Index(catalogue)
    put(catalogue, *items)
    index.catch_up(len(items))
    return catalogue, index


def ids(catalogue: Catalogue, hits: Hits) -> list[str]:
    by_number = {shelved.number: item_id for item_id, shelved in catalogue.items.items()}
    return [by_number[number] for number in hits.numbers.tolist()]


def found(items: tuple[dict[str, Any], ...], query: str, **how: Any) -> list[str]:
    catalogue, index = indexed(*items)
    return ids(catalogue, index.search(query.split(), **how))


def titled(*titles: str, **more: Any) -> tuple[dict[str, Any], ...]:
    return tuple({"item_id": title, "title": title, **more} for title in titles)


def test_a_laptop_is_no_laptop_bag_and_yet_both_are_found() -> None:
    assert found(LAPTOPS, "laptop") == ["laptop", "sleeve", "pan"]
    assert found(LAPTOPS, "laptop bag")[0] == "sleeve"
    assert found(LAPTOPS, "bag for laptop")[0] == "sleeve"


@pytest.mark.parametrize(
    ("query", "title"),
    [
        ("head set", "USB headset"),
        ("headset", "USB head set"),
        ("headset", "USB head-set"),
        ("lap tops", "Silver laptop"),
        ("16gb", "Memory 16 GB"),
        ("16 gb", "Memory 16GB"),
        ("wifi", "Wi-Fi router"),
    ],
)
def test_what_is_written_apart_is_found_joined_and_the_other_way_round(query: str, title: str) -> None:
    assert found(titled(title, "Cast iron pan"), query) == [title]


def test_a_joined_word_counts_as_both() -> None:
    titles = titled("USB headset", "USB head")
    assert found(titles, "head set usb", least=3) == ["USB headset"]
    assert found(titles, "head set usb", least=2) == ["USB headset", "USB head"]


def test_words_that_only_join_are_not_required_unless_there_are_no_others() -> None:
    titles = titled("Induction pan", "Pan for gas", "Lid for a pot")
    assert found(titles, "pan for induction", least=3) == ["Induction pan"]
    assert found(titles, "for a", least=2) == ["Lid for a pot"]
    assert found(titles, "pan without induction", least=3) == []
    _, index = indexed(*titles)
    assert (index.required(["pan", "for", "induction"]), index.required(["for", "a"])) == (2, 2)
    assert len(index.having(["pan", "for", "induction"])) == 1


def test_words_join_in_the_catalogues_languages() -> None:
    assert found(titled("Induktion Pfanne", locale="de"), "pfanne für induktion", least=3) == ["Induktion Pfanne"]
    assert found(titled("Induction pan"), "pan für induction", least=3) == []


def test_words_that_stand_together_are_worth_more() -> None:
    titles = titled("set of two for the head", "two of the head set for", "unlike these")
    assert found(titles, "head set")[0] == "two of the head set for"


def test_items_with_all_words_come_first_and_fewer_can_be_left_out() -> None:
    titles = titled("rare", "red iron pan", "red pan", "red pan", "red pot")
    assert found(titles, "red iron pan")[:2] == ["red iron pan", "red pan"]
    assert found(titles, "red iron pan", least=3) == ["red iron pan"]
    assert found(titles, "red iron pan", least=4) == ["red iron pan"]  # never more than there are


def test_each_catalogue_language_reads_the_query() -> None:
    items = (
        *titled("Rotes Haus", locale="de"),
        *titled("Two batteries", locale="en"),
        *titled("Cafetières", locale="fr"),
    )
    assert found(items, "häuser") == ["Rotes Haus"]
    assert found(items, "battery") == ["Two batteries"]
    assert found(items, "cafetiere") == ["Cafetières"]


def test_all_of_an_item_is_searched_and_what_is_true_of_it_by_its_name() -> None:
    attributes = {"colour": ["red", "blue"], "waterproof": True, "washable": False, "inches": 14}
    item = {"item_id": "a", "title": "A", "brand": "Lodge", "tags": ["gift"], "gtin": "123", "attributes": attributes}
    for query in ("lodge", "gift", "123", "blue", "waterproof", "14"):
        assert found((item,), query) == ["a"]
    assert found((item,), "washable") == found((item,), "inches") == []


def test_what_may_not_be_shown_is_not_found_from_the_moment_on_that_it_is_known() -> None:
    catalogue, index = indexed(*titled("red pan", "red pot", "red lid", "red knife"))
    put(
        catalogue, {"item_id": "red pan"}, {"item_id": "red pot", "quantity": 0}, {"item_id": "red lid", "hidden": True}
    )
    assert ids(catalogue, index.search(["red"])) == ["red knife"]
    put(catalogue, {"item_id": "red pot", "quantity": 2})
    assert set(ids(catalogue, index.search(["red"]))) == {"red knife", "red pot"}
    assert index.waiting == 1  # only what was deleted has another text now


def test_a_change_of_price_or_stock_changes_no_text() -> None:
    catalogue, index = indexed(*LAPTOPS)
    put(catalogue, {"item_id": "pan", "price": "9.90", "currency": "EUR", "quantity": 3})
    assert index.waiting == 0


def test_a_text_that_changed_is_found_by_its_new_words_only() -> None:
    catalogue, index = indexed(*LAPTOPS)
    put(catalogue, {"item_id": "pan", "title": "Wok", "description": None})
    index.catch_up(1)
    assert ids(catalogue, index.search(["wok"])) == ["pan"]
    assert "iron" not in index.vocabulary
    assert len(index.search(["iron"]).numbers) == 0


async def test_it_follows_the_catalogue_by_itself() -> None:
    catalogue, index = indexed()
    following = asyncio.create_task(index.follow())
    put(catalogue, *titled(*(f"pan {number}" for number in range(300))))
    async with asyncio.timeout(30):
        while index.waiting:
            await asyncio.sleep(0)
    assert index.search(["pan"]).whole == 300
    following.cancel()
    with suppress(asyncio.CancelledError):
        await following


def test_a_large_item_is_taken_in_alone() -> None:
    catalogue = Catalogue()
    catalogue.caught_up()
    index = Index(catalogue)
    large = [{"item_id": f"large {n}", "title": "large", "description": "x " * 9_000} for n in range(3)]
    put(catalogue, *titled("small", "smaller"), *large)
    taken = []
    while index.waiting:
        before = index.waiting
        index.catch_up(index._few())
        taken.append(before - index.waiting)
    assert taken == [3, 1, 1]


def test_only_what_is_among_the_asked_is_found() -> None:
    catalogue, index = indexed(*titled("red pan", "red pot", "red lid"))
    mask = np.zeros(2, np.bool_)
    mask[catalogue.items["red pot"].number] = True
    hits = index.search(["red"], among=mask)
    assert ids(catalogue, hits) == ["red pot"]
    assert hits.whole == 1
    assert len(index.search(["red"], among=np.ones(9, np.bool_)).numbers) == 3


def test_the_best_are_given_and_all_are_counted() -> None:
    catalogue, index = indexed(*titled(*("pan " + "red " * n for n in range(1, 9))))
    hits = index.search(["pan"], most=3)
    assert ids(catalogue, hits) == ["pan red ", "pan red red ", "pan red red red "]
    assert hits.whole == len(hits.matching) == 8
    assert hits.matching.tolist() == sorted(hits.matching.tolist())


@pytest.mark.parametrize("words", [[], [""], ["🙂"], ["\x00"], ["nowhere"], ["'", "%", "a" * 10_000]])
def test_words_that_nothing_has_find_nothing(words: list[str]) -> None:
    _, index = indexed(*LAPTOPS)
    assert index.search(words).whole == 0
    assert indexed()[1].search(words).whole == 0


def test_a_title_that_means_the_same_comes_first_where_it_is_english(monkeypatch: pytest.MonkeyPatch) -> None:
    catalogue = Catalogue()
    catalogue.caught_up()
    titles = TitleVectors(catalogue)
    index = Index(catalogue, titles)
    put(catalogue, *titled("red 1", "red 2"), *titled("red 3", locale="de"), *titled("red 4"))
    axes = np.eye(2, DIMENSIONS, dtype=np.float32)
    titles.matrix[:3] = [axes[0], axes[1], axes[1]]
    monkeypatch.setattr(vectors, "title_vectors", lambda texts: np.array([axes[1] for _ in texts]))
    index.catch_up(4)
    hits = index.search(["red"])
    assert ids(catalogue, hits) == ["red 2", "red 1", "red 3", "red 4"]
    assert hits.scores[0] - hits.scores[1] == pytest.approx(MEANING)


def test_the_kind_asked_for_is_worth_its_boost() -> None:
    items = (*titled("red 1", category="Pots"), *titled("red 2", category="Reds"))
    catalogue, index = indexed(*items)
    hits = index.search(["red"])
    assert ids(catalogue, hits)[0] == "red 2"
    assert hits.scores[0] >= 2 + KIND - 1e-6


@given(st.lists(st.floats(0, 1, width=16), max_size=20), st.integers(0, 25))
def test_the_best_are_those_of_a_whole_order(scores: list[float], most: int) -> None:
    whole = sorted(range(len(scores)), key=lambda place: (-scores[place], place))
    numbers = np.arange(len(scores), dtype=np.int32)
    assert best(numbers, np.array(scores, np.float32), most).tolist() == whole[:most]


ITEMS = st.fixed_dictionaries(
    {"item_id": st.sampled_from("abcdefgh")},
    optional={
        "title": st.sampled_from(["red pan", "head set", "headset pan", "iron pot lid", "rote Töpfe"]),
        "description": st.sampled_from(["red", "iron iron pan", None]),
        "category": st.sampled_from(["Pans", "Pots & Lids", None]),
        "locale": st.sampled_from(["de", "fr", None]),
        "quantity": st.integers(0, 1),
    },
)
STEPS = st.lists(st.tuples(ITEMS, st.booleans()), max_size=40)


@given(STEPS)
def test_after_any_changes_it_is_as_if_made_anew(steps: list[tuple[dict[str, Any], bool]]) -> None:
    catalogue = Catalogue()
    catalogue.caught_up()
    index = Index(catalogue)
    for item, taken_in in steps:
        put(catalogue, item)
        if taken_in:
            index.catch_up(2)
    index.catch_up(len(steps))
    anew = Index(catalogue)
    anew.catch_up(len(steps))
    assert len(index) == len(anew) == len(catalogue)
    assert dict(index.vocabulary) == dict(anew.vocabulary)
    for query in ("red", "pan", "head set", "headset", "iron pot", "topf", "lid", "red iron pan"):
        one, other = index.search(query.split()), anew.search(query.split())
        assert one.numbers.tolist() == other.numbers.tolist()
        assert one.scores.tolist() == other.scores.tolist()
        assert index.having(query.split()).tolist() == anew.having(query.split()).tolist()


@given(STEPS)
def test_the_vocabulary_counts_the_items_that_have_a_word(steps: list[tuple[dict[str, Any], bool]]) -> None:
    catalogue = Catalogue()
    catalogue.caught_up()
    index, counted = Index(catalogue), Vocabulary(catalogue)
    put(catalogue, *(item for item, _ in steps))
    index.catch_up(len(steps))
    assert dict(index.vocabulary) == dict(counted)

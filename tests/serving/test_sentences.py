"""What shoppers read: one sentence for each relation, and none that a relation lacks."""

from __future__ import annotations

from typing import get_args

import pytest

import schemas
from serving.recommender import Recommender, Relation
from serving.recommenders import recommenders
from serving.sentences import of_item, without

RELATIONS: tuple[Relation, ...] = get_args(Relation)


def test_the_words_are_those_of_the_schema() -> None:
    assert schemas.load("because")["properties"]["relation"]["enum"] == list(RELATIONS)


@pytest.mark.parametrize("relation", RELATIONS)
def test_each_relation_is_one_sentence_with_the_items_title(relation: Relation) -> None:
    told = of_item("session_table", "view_item", "Iron pan", relation)
    assert told.startswith("Because you looked at Iron pan")
    assert (told[-1], told.count(".")) == (".", 1)


def test_each_relation_has_its_own_sentence() -> None:
    assert len({of_item("x", "view_item", "Iron pan", relation) for relation in RELATIONS}) == len(RELATIONS)


def test_what_is_shown_for_itself_needs_no_more_words() -> None:
    assert of_item("viewed", "purchase", "Iron pan", "itself") == "Because you bought Iron pan."


def test_an_event_without_words_of_its_own_is_named() -> None:
    assert of_item("x", "search", "Iron pan", "similar") == "Because search of Iron pan: this is like it."


@pytest.mark.parametrize("one", recommenders().values(), ids=lambda one: one.name)
def test_without_a_reason_the_recommender_speaks(one: Recommender) -> None:
    assert of_item(one.name, None, "", None) == one.explain


def test_new_and_unknown_recommenders() -> None:
    assert of_item("newest", None, "", None) == "New in the shop."
    assert of_item("of an older release", None, "", None).endswith("decided it.")


@pytest.mark.parametrize(
    ("falls", "status", "expected"),
    [
        ([], "", "Without Pot: everything stays where it is."),
        ([("Pan", 2, 17)], "", "Without Pot: Pan falls from position 2 to 17."),
        ([("Pan", 2, None)], "", "Without Pot: Pan is gone from position 2."),
        (
            [("Pan", 2, 3), ("Lid", 3, 4), ("Cup", 4, 5)],
            "",
            "Without Pot: Pan falls from position 2 to 3, and 2 more fall.",
        ),
        ([("Pan", 2, None)], "fallback", "Without Pot: there is not enough to go by: popular items are shown."),
    ],
)
def test_what_would_be_otherwise(falls: list[tuple[str, int, int | None]], status: str, expected: str) -> None:
    assert without("Pot", falls, status) == expected

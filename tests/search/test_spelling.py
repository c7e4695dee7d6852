"""Spelling: unknown words only, within the edits that their length allows, on the vocabulary as it is now."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.search.deletions import Deletions, distance
from serving.search.spelling import Spelling, edits_allowed

LETTERS = st.text("abcde", min_size=3, max_size=12)


def spelling(**counts: int) -> Spelling:
    one = Spelling(counts)
    one.follow()
    return one


def naive(one: str, other: str) -> int:
    """Optimal string alignment, by the recursion that defines it."""
    if not one or not other:
        return len(one) + len(other)
    edits = [naive(one[1:], other) + 1, naive(one, other[1:]) + 1, naive(one[1:], other[1:]) + (one[0] != other[0])]
    if one[:2] == other[1::-1] and len(one) > 1 and len(other) > 1:
        edits.append(naive(one[2:], other[2:]) + 1)
    return min(edits)


@pytest.mark.parametrize("written", ["headst", "heeadset", "haedset", "headsot", "headse", "eadset"])
def test_one_edit_is_put_right(written: str) -> None:
    assert spelling(headset=3, handle=9).nearest(written) == "headset"


def test_long_words_may_have_two_edits_and_short_ones_one() -> None:
    words = spelling(headphones=3, mouse=3)
    assert words.nearest("haedphnes") == "headphones"
    assert words.nearest("muose") == "mouse"
    assert words.nearest("muoze") is None


def test_a_nearer_word_beats_a_commoner_one_and_among_equals_the_commoner_wins() -> None:
    assert spelling(keyboard=1, keyboards=500).nearest("keybaord") == "keyboard"
    assert spelling(fan=20, fun=3).nearest("fxn") == "fan"


def test_the_catalogue_says_what_was_meant_beside_other_words() -> None:
    said = {"camera bag": 2, "bar stool": 3}
    words = Spelling({"bag": 1, "bar": 50, "camera": 9}, lambda text: said.get(text, 0))
    words.follow()
    assert words.nearest("bah") == "bar"
    assert words.nearest("bah", before="camera") == "bag"
    assert words.nearest("bah", before="camera", after="stool") == "bar"


def test_what_items_have_together_with_the_rest_was_meant() -> None:
    have: dict[tuple[str, ...], int] = {("smart", "watch"): 2}
    words = Spelling({"patch": 90, "watch": 2, "smart": 5}, together=lambda asked: have.get(tuple(asked), 0))
    words.follow()
    assert words.nearest("atch") == "patch"
    assert words.nearest("atch", rest=["smart"]) == "watch"


def test_an_s_too_many_is_a_mistake() -> None:
    words = spelling(batteries=9, van=3)
    assert not words.known("batteriess")
    assert words.nearest("batteriess") == "batteries"
    assert words.nearest("vanss") == "vans"


def test_the_same_letters_in_another_order_beat_a_commoner_word() -> None:
    assert spelling(fan=2, dan=9).nearest("afn") == "fan"


@pytest.mark.parametrize("written", ["rtx3O80", "ps5", "12345", "ab", "x" * 33, "", "💡💡💡💡"])
def test_names_of_models_and_what_is_no_word_are_left_alone(written: str) -> None:
    assert spelling(rtx3080=5, ps4=5, abc=5).nearest(written) is None


def test_accents_are_no_mistakes() -> None:
    words = spelling(cafetière=2)
    assert words.known("cafetiere")
    assert words.nearest("cafetire") == "cafetière"


def test_a_plural_is_no_mistake() -> None:
    words = spelling(van=1, box=1, fans=9)
    assert words.known("vans")
    assert words.known("boxes")
    assert not words.known("s")


def test_new_words_are_known_at_once_and_proposed_after_following() -> None:
    counts = {"headset": 1}
    words = Spelling(counts)
    words.follow()
    counts["backpack"] = 1
    assert words.known("backpack")
    assert words.nearest("bakpack") is None
    assert not words.follow(most=0)
    assert words.follow()
    assert words.nearest("bakpack") == "backpack"


def test_a_word_that_is_gone_is_not_proposed() -> None:
    counts = {"headset": 1}
    words = Spelling(counts)
    words.follow()
    del counts["headset"]
    assert words.nearest("headst") is None
    assert not words.known("headset")


def test_a_catalogue_that_changes_for_ever_leaves_nothing_behind() -> None:
    counts: dict[str, int] = {}
    words = Spelling(counts)
    for round_ in range(25):
        counts.clear()
        counts |= {f"word{chr(97 + round_)}{chr(97 + one // 26)}{chr(97 + one % 26)}": 1 for one in range(100)}
        words.follow()
    assert len(words._taken) <= 2 * len(counts) + 1_124
    assert words.nearest("wordyzd") == "wordyad"


@given(st.lists(LETTERS, unique=True, max_size=30), LETTERS)
def test_no_word_within_reach_is_missed(known: list[str], written: str) -> None:
    index = Deletions()
    for word in known:
        index.take(word, word)
    allowed = edits_allowed(written)
    near = {word for word in known if distance(word, written, allowed) <= allowed}
    assert near <= set(index.sharing(written, allowed))


@given(st.text("abc", max_size=5), st.text("abc", max_size=5), st.integers(0, 3))
def test_the_distance_is_the_optimal_string_alignment(one: str, other: str, most: int) -> None:
    assert distance(one, other, most) == min(naive(one, other), most + 1)
    assert distance(one, other, most) == distance(other, one, most)


@given(st.lists(LETTERS, unique=True, min_size=1, max_size=30), LETTERS)
def test_what_is_proposed_is_near_and_in_the_vocabulary(known: list[str], written: str) -> None:
    words = Spelling(dict.fromkeys(known, 1))
    words.follow()
    near = words.nearest(written)
    assert near is None or (near in known and distance(near, written, 2) <= edits_allowed(written))

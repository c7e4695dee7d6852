"""Marketers' synonyms: both ways or one, of several words, bounded, and harmless in circles."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.search.synonyms import EXPANSIONS, Group, Synonyms

PHRASES = st.lists(st.sampled_from(["a", "b", "c", "a b", "b c d", "!"]), min_size=1, max_size=4).map(tuple)
GROUPS = st.lists(st.builds(Group, PHRASES, st.none() | PHRASES), max_size=6)


def meant(synonyms: Synonyms, query: str) -> list[str]:
    return [" ".join(one.words) for one in synonyms.expanded(query.split())]


def test_a_group_goes_all_ways() -> None:
    synonyms = Synonyms([Group(("Sneakers", "trainers", "running shoes"))])
    assert meant(synonyms, "red trainers") == ["red sneakers", "red running shoes"]
    assert meant(synonyms, "running shoes 42") == ["sneakers 42", "trainers 42"]


def test_one_way_does_not_come_back() -> None:
    synonyms = Synonyms([Group(("tv",), to=("television",))])
    assert meant(synonyms, "tv stand") == ["television stand"]
    assert meant(synonyms, "television stand") == []


def test_circles_are_harmless() -> None:
    synonyms = Synonyms([Group(("a",), to=("b",)), Group(("b",), to=("c", "a")), Group(("a",), to=("a", "a b"))])
    assert meant(synonyms, "a") == ["b", "a b"]


def test_longer_phrases_come_first() -> None:
    synonyms = Synonyms([Group(("shoes",), to=("boots",)), Group(("running shoes",), to=("trainers",))])
    assert meant(synonyms, "running shoes") == ["trainers", "running boots"]


def test_what_a_marketer_sends_is_checked() -> None:
    read = msgspec.json.Decoder(list[Group]).decode
    assert read(b'[{"words": ["tv"], "to": ["television"]}]') == [Group(("tv",), ("television",))]
    for wrong in (b'[{"words": []}]', b'[{"words": [""]}]', b'[{"words": ["a"], "form": ["b"]}]', b'[{"to": ["a"]}]'):
        with pytest.raises(msgspec.ValidationError):
            read(wrong)


@given(GROUPS, st.lists(st.sampled_from("abcd"), max_size=8))
def test_expansions_are_bounded_different_and_replace_one_phrase(groups: list[Group], words: list[str]) -> None:
    expanded = Synonyms(groups).expanded(words)
    assert len(expanded) <= EXPANSIONS
    assert len({one.words for one in expanded}) == len(expanded)
    for one in expanded:
        written, by, query = one.replaced.split(), one.by.split(), list(one.words)
        assert written != by
        places = range(len(words) - len(written) + 1)
        assert any(words[:at] + by + words[at + len(written) :] == query for at in places)

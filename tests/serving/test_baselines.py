from __future__ import annotations

import random
from collections import Counter

import pytest

from serving.baselines import Baseline, Popularity, SequentialRules, SessionNeighbours, baselines


def learn(baseline: Baseline, *sessions: str) -> None:
    for number, items in enumerate(sessions):
        for item_id in items:
            baseline.learn(f"s{number}", item_id)


def test_popularity_is_exact_however_many_items_there_are() -> None:
    rng = random.Random(3)
    popularity, counts = Popularity(), Counter[str]()
    for _ in range(20_000):
        item_id = f"i{int(rng.expovariate(1 / 400))}"
        popularity.learn("s", item_id)
        counts[item_id] += 1
    found = [counts[item_id] for item_id in popularity.predict("s", [], 70)]
    assert found == [count for _, count in counts.most_common(70)]


def test_sequential_rules_follow_the_last_item() -> None:
    rules = SequentialRules()
    learn(rules, "abc", "abd", "abd", "xcz")
    assert rules.predict("new", ["z", "b"], 9) == ["d", "c"]
    assert rules.predict("new", [], 9) == []


def test_neighbours_are_the_sessions_that_share_the_newest_items() -> None:
    neighbours = SessionNeighbours()
    learn(neighbours, "abx", "aby", "qrz")
    learnt = neighbours.predict("new", ["a", "b"], 9)
    assert set(learnt[:2]) == {"a", "b"}
    assert set(learnt[2:]) == {"x", "y"}
    assert neighbours.predict("new", ["q", "a", "a"], 9)[-1] == "z"


def test_a_session_is_no_neighbour_of_itself() -> None:
    neighbours = SessionNeighbours()
    learn(neighbours, "ab")
    assert neighbours.predict("s0", ["a", "b"], 9) == []


@pytest.mark.parametrize("baseline", baselines(), ids=lambda one: one.name)
def test_it_knows_nothing_at_first(baseline: Baseline) -> None:
    assert baseline.predict("s", ["a"], 20) == []

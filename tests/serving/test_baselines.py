from __future__ import annotations

import random
from collections import Counter
from math import exp, log, sqrt

import pytest

from serving.baselines import Baseline, baselines
from serving.baselines.neighbours import SessionNeighbours
from serving.baselines.popularity import Popularity, RecentPopularity
from serving.baselines.rules import AssociationRules, SequentialRules
from serving.baselines.stan import TimedNeighbours

DAY_MS = 86_400_000


def learn(baseline: Baseline, *sessions: str, days_apart: float = 0.0) -> None:
    for number, items in enumerate(sessions):
        for item_id in items:
            baseline.learn(f"s{number}", item_id, round(number * days_apart * DAY_MS))


def test_popularity_is_exact_however_many_items_there_are() -> None:
    rng = random.Random(3)
    popularity, counts = Popularity(), Counter[str]()
    for _ in range(20_000):
        item_id = f"i{int(rng.expovariate(1 / 400))}"
        popularity.learn("s", item_id, 0)
        counts[item_id] += 1
    found = [counts[item_id] for item_id in popularity.predict("s", [], 70, 0)]
    assert found == [count for _, count in counts.most_common(70)]


def test_recent_popularity_forgets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RecentPopularity, "STEPS", 5)
    popularity = RecentPopularity()
    learn(popularity, "aaa", "bcb", "dc")
    assert popularity.predict("s", [], 9, 0) == ["c", "b", "d"]  # a a a [b c b d c]


def test_sequential_rules_follow_the_last_item() -> None:
    rules = SequentialRules()
    learn(rules, "abc", "abd", "abd", "xcz")
    assert rules.predict("new", ["z", "b"], 9, 0) == ["d", "c"]
    assert rules.predict("new", [], 9, 0) == []


def test_of_rules_as_strong_the_newest_comes_first() -> None:
    for rules in (SequentialRules(), AssociationRules()):
        learn(rules, "ax", "ay", "az", "ax", "ay", "az", "aw")
        assert rules.predict("new", ["a"], 9, 0) == ["z", "y", "x", "w"]


def test_association_rules_go_both_ways_and_count_pairs_of_steps() -> None:
    rules = AssociationRules()
    learn(rules, "abca", "ca")
    # a-b: (a,b), (b,a); a-c: (a,c), (c,a) and that of the second session; a itself makes no pair
    assert rules._pairs == {"a": {"b": 2, "c": 3}, "b": {"a": 2, "c": 1}, "c": {"b": 1, "a": 3}}
    assert rules.predict("new", ["b", "a"], 9, 0) == ["c", "b"]
    assert rules.predict("new", [], 9, 0) == []


def test_neighbours_are_the_sessions_that_share_the_newest_items() -> None:
    neighbours = SessionNeighbours()
    learn(neighbours, "abx", "aby", "qrz")
    learnt = neighbours.predict("new", ["a", "b"], 9, 0)
    assert set(learnt[:2]) == {"a", "b"}
    assert set(learnt[2:]) == {"x", "y"}
    assert neighbours.predict("new", ["q", "a", "a"], 9, 0)[-1] == "z"


def test_a_session_is_no_neighbour_of_itself() -> None:
    neighbours = SessionNeighbours()
    learn(neighbours, "ab")
    assert neighbours.predict("s0", ["a", "b"], 9, 0) == []


def test_timed_neighbours_are_the_younger_sessions() -> None:
    neighbours = TimedNeighbours()
    learn(neighbours, "ax", "ay", days_apart=5)
    assert neighbours.predict("new", ["a"], 9, 10 * DAY_MS) == ["y", "a", "x"]
    assert neighbours.predict("s1", ["a"], 9, 10 * DAY_MS) == ["x", "a"]


def test_timed_neighbours_count_by_age_place_and_rarity() -> None:
    neighbours = TimedNeighbours()
    learn(neighbours, "ax", "ay", "z", days_apart=5)
    found = neighbours._neighbours(None, {"a": 1.0}, 10 * DAY_MS)
    assert [number for number, _ in found] == [1, 0]
    assert [weight for _, weight in found] == pytest.approx([exp(-1) / sqrt(2), exp(-2) / sqrt(2)])
    assert neighbours._rarity("x") == pytest.approx(log(3))
    assert neighbours._rarity("a") == pytest.approx(log(3 / 2))


def test_timed_neighbours_prefer_what_stood_near_the_shared_item() -> None:
    neighbours = TimedNeighbours()
    learn(neighbours, "afgh", "q")
    assert neighbours.predict("new", ["a"], 9, 0) == ["a", "f", "g", "h"]


@pytest.mark.parametrize("baseline", baselines(), ids=lambda one: one.name)
def test_it_knows_nothing_at_first(baseline: Baseline) -> None:
    assert baseline.predict("s", ["a"], 20, 0) == []

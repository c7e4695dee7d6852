"""What the query agent makes of searches: bounded, and the same however its records come."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream import query_counts, query_items
from stream.entries import Listed, Searched, Taken
from stream.fold import Batch
from stream.query import KEPT
from stream.query_counts import PLACES, VISITORS, Day, present
from stream.query_items import FULL, HALF_MS, MARKS, Found, Items
from stream.query_text import digest
from tests.stream.query_agent import QUERY, Agent, pack
from tests.stream.worlds import NOW

DAY_MS = 86_400_000


def searched(mark: int = 1, *, at: int = NOW, query: str = QUERY, results: int = -1) -> Searched:
    return Searched(0, 0, query, at, mark, results)


def listed(mark: int, *items: str, at: int = NOW) -> Listed:
    return Listed(0, 0, QUERY, at, mark, [(item, place) for place, item in enumerate(items)])


def taken(mark: int, item: str, kind: Any = "click", *, at: int = NOW, place: int = 0, **more: Any) -> Taken:
    asked_at, best, weight = more.get("asked_at", at), more.get("best", -1), more.get("weight", 1.0)
    return Taken(0, 0, QUERY, at, mark, item, kind, weight, place, asked_at, best)


@pytest.fixture
def agent() -> Agent:
    return Agent()


def test_a_place_further_down_was_looked_at_less(agent: Agent) -> None:
    agent.tell(listed(1, "a", "b", "c"))
    seen = {item: found.seen for item, found in agent.found().items.items()}
    assert seen == {"a": 1.0, "b": 0.5, "c": 1 / 3}


def test_a_visitor_counts_once_for_an_item_and_a_kind(agent: Agent) -> None:
    for _ in range(50):
        agent.tell(listed(1, "a"), taken(1, "a"), taken(1, "a", "cart"), taken(1, "a", "purchase"))
    assert agent.found().items["a"] == Found(1.0, 1.0, 1.0, 1.0, {1: 15})
    assert agent.found().items["a"].takers == 1


def test_who_only_saw_it_is_no_taker(agent: Agent) -> None:
    agent.tell(listed(1, "a"), listed(2, "a"), taken(3, "a", weight=0.5))
    assert (agent.found().items["a"].takers, agent.found().items["a"].clicks) == (1, 0.5)


def test_counts_are_halved_in_a_month_and_late_ones_on_their_way(agent: Agent) -> None:
    agent.tell(taken(1, "a"), taken(2, "b", at=NOW + HALF_MS), taken(3, "a", at=NOW))
    items = agent.found().items
    assert items["a"].clicks == pytest.approx(1.0)
    assert items["b"].clicks == 1.0
    assert agent.found().at == NOW + HALF_MS


def test_a_row_that_nobody_touched_for_ninety_days_is_a_new_one(agent: Agent) -> None:
    later = NOW + query_items.RETENTION_MS + 1
    agent.tell(searched(1), taken(1, "a"), searched(2, at=later), taken(2, "b", at=later))
    assert list(agent.found().items) == ["b"]
    assert [day.searches for day in agent.counts().days.values()] == [1]


def test_the_words_are_kept_once_enough_visitors_asked(agent: Agent) -> None:
    for _ in range(3):
        agent.tell(*[searched(mark) for mark in range(VISITORS - 1)])
    assert agent.counts().text == ""
    assert agent.state.rank == {}
    assert QUERY.encode() not in b"".join(agent.written.values())
    agent.tell(searched(VISITORS))
    assert (agent.counts().text, agent.counts().marks) == (QUERY, [])
    assert list(agent.state.rank) == [QUERY]


def test_how_popular_it_is_decays_by_half_in_a_week(agent: Agent) -> None:
    agent.tell(*[searched(mark) for mark in range(8)])
    score = agent.counts().score
    assert present(score, NOW) == pytest.approx(8.0, rel=1e-4)
    assert present(score, NOW + query_counts.HALF_MS) == pytest.approx(4.0, rel=1e-4)


def test_the_ranking_holds_the_most_asked_only(agent: Agent) -> None:
    for n in range(700):
        agent.tell(*[searched(mark, query=f"query {n}") for mark in range(VISITORS + (n < 50))])
    assert KEPT <= len(agent.state.rank) <= 600
    assert {f"query {n}" for n in range(50)} <= agent.state.rank.keys()


def test_a_forgotten_query_leaves_the_ranking_when_a_new_one_comes(agent: Agent) -> None:
    agent.tell(*[searched(mark, query="old") for mark in range(VISITORS)])
    later = NOW + query_counts.RETENTION_MS + 7 * query_counts.HALF_MS
    agent.tell(*[searched(mark, query="new", at=later) for mark in range(VISITORS)])
    assert list(agent.state.rank) == ["new"]


def test_a_search_counts_by_the_place_of_its_best_click(agent: Agent) -> None:
    agent.tell(
        searched(results=9), taken(1, "c", place=2), taken(1, "a", place=0, best=2), taken(1, "b", place=1, best=0)
    )
    (day,) = agent.counts().days.values()
    assert day.clicked == [1] + [0] * PLACES


def test_the_day_is_the_searchs_and_old_days_go(agent: Agent) -> None:
    agent.tell(searched(results=0), taken(1, "a", at=NOW + DAY_MS, asked_at=NOW))
    assert [(day.searches, day.told, day.empty, sum(day.clicked)) for day in agent.counts().days.values()] == [
        (1, 1, 1, 1)
    ]
    agent.tell(searched(2, at=NOW + 40 * DAY_MS), searched(3, at=NOW))
    assert [day.searches for day in agent.counts().days.values()] == [1]
    assert agent.state.read("searches").days == agent.counts().days


def test_everything_about_a_query_stays_small(agent: Agent) -> None:
    for n in range(4_000):
        at = NOW + n * 3_600_000
        agent.tell(searched(n, at=at), listed(n, *[f"item-{(n * 7 + k) % 500:08}" for k in range(40)], at=at))
        agent.tell(taken(n, f"item-{n % 300:08}", at=at, place=n % 40))
    assert len(agent.found().items) <= FULL
    assert max(len(found.by) for found in agent.found().items.values()) <= MARKS
    sizes = {key.partition(":")[0]: len(value) for key, value in agent.written.items()}
    assert sizes["found"] < 12_000
    assert sizes["query"] < 2_000


def test_a_record_that_is_none_is_a_dead_letter(agent: Agent) -> None:
    agent.take(b"nonsense")
    assert agent.state.read("clock").dead == 1


marks = st.integers(0, 30)
times = st.integers(0, 40).map(lambda day: NOW + day * DAY_MS // 2)
items = st.sampled_from("abcdefgh")
kinds = st.sampled_from(["click", "cart", "purchase"])
told = st.one_of(
    st.builds(searched, marks, at=times, results=st.integers(-1, 3)),
    st.builds(
        lambda mark, seen, at: listed(mark, *seen, at=at), marks, st.lists(items, unique=True, min_size=1), times
    ),
    st.builds(lambda mark, item, kind, at: taken(mark, item, kind, at=at), marks, items, kinds, times),
)


@given(st.lists(told, max_size=40), st.integers(1, 7))
def test_however_it_is_cut_and_however_often_it_comes_it_counts_once(entries: list[Any], cut: int) -> None:
    whole, pieces = Agent(), Agent()
    whole.tell(*entries)
    numbered = [msgspec.structs.replace(entry, offset=n) for n, entry in enumerate(entries)]
    for start in range(0, len(numbered), cut):
        again = max(0, start - 2)
        for batch in (numbered[start : start + cut], numbered[again : start + cut]):
            pieces.take(pack(Batch(("events", 0), batch)))
    assert whole.written == pieces.written
    assert whole.state.rank == pieces.state.rank


@given(st.lists(told, max_size=40))
def test_counts_are_never_negative_and_clicks_never_more_than_searches(entries: list[Any]) -> None:
    agent = Agent()
    agent.tell(searched(99), *entries)
    row = agent.state.read(f"found:{digest(QUERY)}") or Items()
    for found in row.items.values():
        assert min(found.seen, found.clicks, found.carts, found.bought) >= 0
    for day in agent.counts().days.values():
        assert isinstance(day, Day)
        assert min(day.searches, day.empty, day.told - day.empty, *day.clicked) >= 0

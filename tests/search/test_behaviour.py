"""What shoppers did for a query, as the boosts of its next answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import log2

import msgspec
import numpy as np
import pytest

from serving.search.behaviour import EVERY_S, FRESH_S, LENT, LONE, WEIGHT, Behaviour, boosts, strengths
from stream.query_counts import HALF_MS as POPULAR_HALF_MS
from stream.query_items import HALF_MS, HOUR_MS, Found, Items
from stream.query_text import digest
from stream.state.keys import Keys, Tag
from stream.state.store import Unavailable
from tests.stream.worlds import NOW

HOUR = NOW // HOUR_MS
pack = msgspec.msgpack.Encoder().encode


def found(clicks: float, takers: int, *, seen: float = 0.0, carts: float = 0.0) -> Found:
    return Found(seen or clicks, clicks, carts, 0.0, dict.fromkeys(range(takers), 9))


def row(hour: int = HOUR, **items: Found) -> Items:
    return Items(hour * HOUR_MS, hour, items)


class Redis:
    """Rows of queries; `away` makes it fail."""

    def __init__(self) -> None:
        self.rows: dict[str, Items] = {}
        self.scores: dict[str, float] = {}
        self.asked: list[str] = []
        self.away = False

    async def mget(self, keys: Sequence[str]) -> list[bytes | None]:
        if self.away:
            raise Unavailable("away")
        self.asked += keys
        known = {f"ls:{{queries:0}}:found:{digest(query)}": pack(one) for query, one in self.rows.items()}
        return [known.get(key) for key in keys]

    async def ranking(self, tag: Tag) -> dict[str, float]:
        if self.away:
            raise Unavailable("away")
        return self.scores


class Known:
    """A process's knowledge of queries, over one partition, with a clock that stands still."""

    def __init__(self) -> None:
        self.redis, self.seconds, self.heard = Redis(), 0.0, dict[str, int]()
        self.behaviour = Behaviour(
            self.redis, self.redis, Keys(), lambda: 1, heard=self._hear, clock=lambda: self.seconds, now=lambda: NOW
        )

    def _hear(self, popular: Mapping[str, int]) -> None:
        self.heard = dict(popular)

    def popular(self, **searches: float) -> None:
        scores = {name.replace("_", " "): NOW / POPULAR_HALF_MS + log2(count) for name, count in searches.items()}
        self.redis.scores = scores

    async def of(self, query: str) -> dict[str, float]:
        taken = await self.behaviour.of(query)
        return dict(zip(taken.item_ids, taken.boosts.tolist(), strict=True))


@pytest.fixture
def known() -> Known:
    return Known()


def strength(one: Found) -> float:
    return strengths([(row(a=one), 1.0)], NOW).get("a", 0.0)


def test_more_visitors_say_more() -> None:
    assert 0.0 < strength(found(1, 1)) < strength(found(3, 3)) < strength(found(12, 12)) < 1.0


def test_who_only_looked_says_nothing() -> None:
    assert strength(Found(5.0, 0.0, 0.0, 0.0, {1: 8, 2: 8})) == 0.0


def test_a_click_where_few_look_says_more() -> None:
    assert strength(found(2, 2, seen=0.2)) > strength(found(2, 2, seen=2.0))


def test_one_visitor_is_worth_at_most_a_fifth_whatever_they_do() -> None:
    everything = Found(1e-6, 1e6, 1e6, 1e6, {7: 15})
    assert strength(everything) == pytest.approx(LONE) == pytest.approx(0.2)


def test_a_boost_is_bounded() -> None:
    taken = boosts([(row(a=found(1e9, 16, seen=1e-9)), 1.0)], NOW)
    assert taken.boosts.dtype == np.float32
    assert 0.9 * WEIGHT < taken.boosts[0] < WEIGHT


def test_the_strongest_come_first_and_equal_ones_by_id() -> None:
    taken = boosts([(row(b=found(2, 2), c=found(9, 9), a=found(2, 2)), 1.0)], NOW)
    assert taken.item_ids == ("c", "a", "b")


def test_what_was_long_ago_says_less() -> None:
    before = row(HOUR - HALF_MS // HOUR_MS, a=found(4, 4))
    assert 0 < strengths([(before, 1.0)], NOW)["a"] < strengths([(row(a=found(4, 4)), 1.0)], NOW)["a"]


async def test_a_query_is_found_however_it_is_typed(known: Known) -> None:
    known.redis.rows["red pan"] = row(a=found(4, 4))
    assert list(await known.of("  RED  Pan")) == ["a"]
    assert await known.of("blue pan") == {}
    assert await known.of("ann@example.org") == {}


async def test_a_row_is_read_again_after_a_second(known: Known) -> None:
    known.redis.rows["pan"] = row(a=found(4, 4))
    await known.of("pan")
    await known.of("pan")
    assert len(known.redis.asked) == 1
    known.seconds += FRESH_S + 0.01
    known.redis.rows["pan"] = row(b=found(4, 4))
    assert list(await known.of("pan")) == ["b"]


async def test_without_redis_what_is_held_stays_in_use(known: Known) -> None:
    known.redis.rows["pan"] = row(a=found(4, 4))
    before = await known.of("pan")
    known.redis.away, known.seconds = True, 60.0
    assert await known.of("pan") == before
    assert await known.of("lid") == {}


async def test_popular_queries_are_heard_of_and_forgotten_ones_are_not(known: Known) -> None:
    known.popular(red_pan=20.4, lid=3.5, old=0.1)
    await known.behaviour.refresh()
    assert [one.query for one in known.behaviour.popular] == ["red pan", "lid"]
    assert known.heard == {"red pan": 21, "lid": 4}


async def test_queries_of_the_same_words_lend_half_of_theirs(known: Known) -> None:
    known.redis.rows["pans red"] = row(a=found(4, 4))
    known.popular(pans_red=9)
    assert await known.of("red pan") == {}
    await known.behaviour.refresh()
    lent, own = (await known.of("red pan"))["a"], (await known.of("pans red"))["a"]
    assert 0 < lent < own
    expected = strengths([(row(a=found(4, 4)), LENT)], NOW)["a"]
    assert lent == pytest.approx(WEIGHT * expected, rel=1e-6)


async def test_following_goes_on_while_redis_is_away() -> None:
    pauses: list[float] = []
    redis = Redis()

    class Enough(Exception):
        pass

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        redis.away = len(pauses) == 1
        if len(pauses) == 3:
            raise Enough

    with pytest.raises(Enough):
        await Behaviour(redis, redis, Keys(), lambda: 1, sleep=sleep).follow()
    assert pauses == [EVERY_S] * 3


async def test_a_row_that_cannot_be_read_is_as_none(known: Known, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(keys: Sequence[str]) -> list[bytes | None]:
        return [b"\xff"] * len(keys)

    monkeypatch.setattr(known.redis, "mget", broken)
    assert await known.of("pan") == {}

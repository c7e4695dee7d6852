from __future__ import annotations

import random
from math import exp
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.ranking import best, table
from serving.ranking.codes import Codes
from serving.ranking.row import Row, parse
from serving.ranking.table import rank
from stream.item import Item
from stream.signals.relations import TAU_MS, Link

NOW = 1_700_000_000_000
DAY_MS = 86_400_000


def item(
    *,
    after: dict[str, float] | None = None,
    before: dict[str, float] | None = None,
    total: float = 1.0,
    at: int = NOW,
    sessions: int = 0,
    repeats: int = 0,
) -> Any:
    made: Any = Item()
    made.at = made.relations.origin = at
    made.relations.total = total
    made.relations.after = {other: Link(weight, 1) for other, weight in (after or {}).items()}
    made.relations.before = {other: Link(weight, 1) for other, weight in (before or {}).items()}
    made.repeats.sessions, made.repeats.repeats = sessions, repeats
    return made


def named(codes: Codes, ranked: best.Ranked) -> list[str]:
    return [codes.ids[code] for code in ranked.codes]


def test_what_followed_outweighs_what_came_before() -> None:
    codes = Codes()
    row = parse("here", item(after={"next": 1.0}, before={"previous": 1.0}), codes)
    ranked = rank([row], now=NOW)
    assert named(codes, ranked)[:2] == ["next", "previous"]
    assert ranked.scores[1] / ranked.scores[0] == pytest.approx(0.7, rel=1e-5)


def test_the_newest_item_has_the_loudest_voice_and_is_the_reason() -> None:
    codes = Codes()
    rows = [parse(f"s{n}", item(after={f"after s{n}": 1.0}), codes) for n in range(3)]
    ranked = rank(rows, now=NOW)
    found = dict(zip(named(codes, ranked), ranked.because, strict=True))
    assert [name for name in named(codes, ranked) if name.startswith("after")] == ["after s0", "after s1", "after s2"]
    assert [found[f"after s{n}"] for n in range(3)] == [0, 1, 2]


def test_what_everybody_sees_says_little() -> None:
    codes = Codes()
    rare = parse("rare", item(after={"a": 1.0}, total=1.0), codes)
    common = parse("common", item(after={"a": 1.0}, total=100.0), codes)
    assert rank([rare], now=NOW).scores[0] > 10 * rank([common], now=NOW, count=2).scores[-1]


def test_an_old_row_has_faded() -> None:
    codes = Codes()
    fresh = rank([parse("here", item(after={"a": 1.0}, total=0.0), codes)], now=NOW)
    old = rank([parse("here", item(after={"a": 1.0}, total=0.0, at=NOW - TAU_MS), codes)], now=NOW)
    assert old.scores[0] == pytest.approx(fresh.scores[0] * exp(-1), rel=1e-5)


def test_items_come_back_where_shoppers_come_back_to_them() -> None:
    codes = Codes()
    rows = [
        parse("here", item(), codes),
        parse("loved", item(after={"a": 0.4}, total=10.0, sessions=50, repeats=50), codes),
        parse("once", item(after={"b": 0.4}, total=10.0, sessions=1_000), codes),
    ]
    names = named(codes, rank(rows, now=NOW))
    assert names[0] == "loved"
    assert names.index("a") < names.index("b") < names.index("once")


def test_earlier_visits_lend_their_neighbours_only_to_an_empty_visit() -> None:
    codes = Codes()
    here = parse("here", item(after={"next": 1.0}), codes)
    earlier = [parse("older", item(after={"long ago": 9.0}), codes)]
    assert named(codes, rank([], earlier, now=NOW)) == ["long ago", "older"]
    ranked = rank([here], earlier, now=NOW)
    assert named(codes, ranked) == ["next", "here", "older"]
    assert ranked.because.tolist() == [0, 0, 1]


def test_items_without_a_row_keep_their_place_and_say_nothing() -> None:
    codes = Codes()
    row = parse("s1", item(after={"a": 1.0}), codes)
    first, second = rank([row], now=NOW), rank([None, row], now=NOW)
    assert second.scores[0] == pytest.approx(first.scores[0] * exp(-1 / table.PLACE), rel=1e-5)
    assert second.because[0] == 1
    assert rank([None], [None], now=NOW) is rank([], now=NOW) is best.NOTHING


def test_what_may_not_be_shown_takes_no_place() -> None:
    codes = Codes()
    row = parse("here", item(after={f"i{n}": 1.0 + n for n in range(10)}), codes)
    shown = np.ones(len(codes), np.bool_)
    shown[[codes.code("i9"), codes.code("i7")]] = False
    ranked = rank([row], now=NOW, count=3, shown=shown)
    assert named(codes, ranked) == ["i8", "i6", "i5"]
    assert rank([row], now=NOW, shown=shown[: codes.code("i0")]).codes == [codes.code("here")]


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 100_000), count=st.integers(1, 80))
def test_the_arrays_give_what_the_formula_says(seed: int, count: int) -> None:
    rng = random.Random(seed)
    codes = Codes()
    items = {f"s{n}": _random_item(rng, without=f"s{n}") for n in range(rng.randrange(9))}
    rows: list[Row | None] = [parse(item_id, made, codes) for item_id, made in items.items()]
    cut = rng.randrange(len(items) + 1)
    ranked = rank(rows[:cut], rows[cut:], now=NOW, count=count)
    said = _by_the_formula(list(items.items()), cut)
    scores = {other: sum(parts.values()) for other, parts in said.items() if sum(parts.values()) > 0}
    highest = sorted(scores.values(), reverse=True)[:count]
    assert ranked.scores == pytest.approx(highest, rel=1e-3)
    for code, score, place in zip(ranked.codes, ranked.scores, ranked.because, strict=True):
        parts = said[codes.ids[code]]
        assert score == pytest.approx(sum(parts.values()), rel=1e-3)
        assert parts[place] == pytest.approx(max(parts.values()), rel=1e-3)
    for code, place, also in zip(ranked.codes, ranked.because, ranked.also, strict=True):
        parts = said[codes.ids[code]]
        others = sorted((part for other, part in parts.items() if other != place), reverse=True)
        if also >= 0:
            assert parts[also] == pytest.approx(others[0], rel=1e-3)
            assert parts[also] >= 0.999 * best.ALSO * parts[place]
        else:
            assert not others or others[0] <= 1.001 * best.ALSO * parts[place]


def _random_item(rng: random.Random, without: str) -> Any:
    def links() -> dict[str, float]:
        others = [f"s{rng.randrange(60)}" for _ in range(rng.randrange(40))]
        return {other: rng.uniform(0.01, 5) for other in others if other != without}

    age = rng.randrange(200) * DAY_MS
    repeats = rng.randrange(10)
    return item(
        after=links(), before=links(), total=rng.uniform(0.1, 50), at=NOW - age, sessions=10 + repeats, repeats=repeats
    )


def _by_the_formula(items: list[tuple[str, Any]], cut: int) -> dict[str, dict[int, float]]:
    """Item → place of who says so → how much: the module's docstring in plain Python."""
    said: dict[str, dict[int, float]] = {}

    def say(other: str, place: int, much: float) -> None:
        parts = said.setdefault(other, {})
        parts[place] = parts.get(place, 0.0) + much

    for place, (item_id, made) in enumerate(items):
        in_session = place < cut
        if in_session and place >= table.SESSION_ITEMS:
            continue
        back = place - cut
        fade = exp((made.at - NOW) / TAU_MS)
        total = made.relations.total * fade
        near = exp(-place / 1.5) if in_session else exp(-back / 20) * (0.02 if cut else 1.0)
        weight = near / (total + 1) ** 0.75
        seen = made.repeats.sessions + made.repeats.repeats
        rate = (made.repeats.repeats + 1) / (seen + 5) * (0.25 if place == 0 else 1.0) if in_session else 1.0
        own = min(place, cut) if in_session else min(cut, table.SESSION_ITEMS) + back
        if in_session or (not cut and back < table.EARLIER_ROWS):
            for other, link in made.relations.after.items():
                say(other, own, weight * fade * link.weight)
            for other, link in made.relations.before.items():
                say(other, own, weight * fade * 0.7 * link.weight)
        say(item_id, own, 2 * weight * total * rate)
    return said

"""Stages of the slate as functions: nothing comes in, nothing gets lost, and only what should move moves."""

from __future__ import annotations

from random import Random
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.candidate import Candidate
from serving.placement import Caps, Placement, Rotation
from serving.ranking.row import parse
from serving.request import Request, visit
from serving.shop import Shop
from serving.slate import diversity, rotation, steady
from serving.slate.caps import caps_of
from serving.slate.evidence import evidence, lower
from serving.stage import Context, Snapshot
from serving.stages import stages
from stream.catalogue import Catalogue
from stream.fold import Record
from stream.item import Item
from stream.signals import popularity, repeats
from stream.signals.impressions import Shown
from stream.signals.relations import Link
from stream.title_vectors import TitleVectors
from stream.visitor import Last, Visitor

NOW = 1_790_000_000_000
HOUR_MS = 3_600_000
IDS = [f"i{n:02}" for n in range(20)]


def a_shop() -> Shop:
    """Twenty items, of four categories and three brands; some lack the one or the other."""
    catalogue = Catalogue()
    vectors = TitleVectors(catalogue)
    shop = Shop(catalogue, vectors)
    catalogue.apply(
        [
            Record("catalog", 0, n, 0, item_id.encode(), msgspec.json.encode({"item_id": item_id, **more}))
            for n, item_id in enumerate(IDS)
            for more in [
                {
                    "title": ("Steel pan", "Brass lamp", "Wool rug", "Oak table")[n % 4],
                    **({"category": f"C{n % 4}"} if n % 5 else {}),
                    **({"brand": f"B{n % 3}"} if n % 7 else {}),
                }
            ]
        ]
    )
    vectors.catch_up(100)
    shop.refresh(NOW)
    return shop


SHOP = a_shop()


def asked(visitor: Any = None, *, now: int = NOW, wanted: float | None = None, **settings: Any) -> Context:
    placement = Placement(name="here", explain="Here.", recommenders=("popular",), **settings)
    request = Request(diversity=wanted)
    where = visit(request, placement, visitor, now)
    snapshot = Snapshot(visitor, "p", asked_for_somebody=True, visit=where, rows={}, vector=None, shop=SHOP)
    return Context(request, snapshot, placement, now)


def candidates(item_ids: list[str]) -> list[Candidate]:
    return [Candidate(item_id, 1.0 / (1 + n), "popular") for n, item_id in enumerate(item_ids)]


def shown(**items: Shown) -> Any:
    visitor = Visitor()
    visitor.impressions.items.update(items)
    return visitor


SOME = st.lists(st.sampled_from(IDS), unique=True).map(candidates)
SHOWN = st.dictionaries(
    st.sampled_from(IDS),
    st.builds(Shown, ignored=st.integers(0, 5), shown=st.integers(5, 9), at=st.integers(NOW - 48 * HOUR_MS, NOW)),
)


@given(SOME, st.floats(0, 1), SHOWN)
def test_the_stages_only_change_the_order(offered: list[Candidate], much: float, seen: dict[str, Shown]) -> None:
    context = asked(shown(**seen), wanted=much, rotation=Rotation(after=2))
    left = offered
    for stage in stages(context):
        left = stage(left, context)
    assert sorted(left, key=lambda one: one.item_id) == sorted(offered, key=lambda one: one.item_id)


@given(SOME)
def test_without_diversity_the_order_is_the_argument_itself(offered: list[Candidate]) -> None:
    context = asked(wanted=0.0, diversity=0.7)
    assert diversity.stage(offered, context) is offered
    assert not diversity.applies(context)


@given(SOME, SHOWN)
def test_what_was_looked_at_never_sinks(offered: list[Candidate], seen: dict[str, Shown]) -> None:
    context = asked(shown(**seen), rotation=Rotation(after=1))
    before, after = [[one.item_id for one in order] for order in (offered, rotation.stage(offered, context))]
    for item_id in before:
        if item_id not in seen or not seen[item_id].ignored:
            assert after.index(item_id) <= before.index(item_id)


@given(SOME, SHOWN)
def test_with_nothing_ignored_rotation_gives_its_argument(offered: list[Candidate], seen: dict[str, Shown]) -> None:
    context = asked(shown(**seen), rotation=Rotation(after=6))
    assert rotation.stage(offered, context) is offered
    assert not rotation.applies(context)


def test_a_placement_that_says_nothing_has_no_stages() -> None:
    assert stages(asked(shown(i00=Shown(50, 50, 0, NOW)))) == []


def test_an_item_rests_so_many_hours_after_it_was_seen() -> None:
    visitor = shown(i00=Shown(3, 3, 0, NOW))
    offered = candidates(IDS[:3])
    for hours, first in ((0, "i01"), (5, "i01"), (6, "i00"), (50, "i00")):
        context = asked(visitor, now=NOW + hours * HOUR_MS, rotation=Rotation(after=3, rest_hours=6))
        assert rotation.stage(offered, context)[0].item_id == first


def test_the_more_diversity_the_more_different_what_stands_at_the_top() -> None:
    offered = candidates([item_id for kind in range(4) for item_id in IDS[kind::4]])

    def alike(much: float) -> float:
        top = [one.item_id for one in diversity.stage(offered, asked(wanted=much))[:5]]
        return float(np.triu(diversity.likeness(top, SHOP), 1).sum())

    found = [alike(much) for much in (0.0, 0.3, 0.6, 1.0)]
    assert found == sorted(found, reverse=True)
    assert found[-1] < found[0] / 2


@given(SOME, st.floats(0.01, 1))
def test_the_best_candidate_stays_the_best(offered: list[Candidate], much: float) -> None:
    assert diversity.stage(offered, asked(wanted=much))[:1] == offered[:1]


def test_what_lies_below_the_pool_stays_where_it_was() -> None:
    offered = candidates([f"n{n}" for n in range(70)])
    known = diversity.stage([*candidates(IDS), *offered], asked(wanted=0.5))
    assert [one.item_id for one in known[20:]] == [one.item_id for one in offered]


@given(st.permutations(IDS), st.integers(1, 4), st.integers(1, 4))
def test_no_cap_is_exceeded_and_none_refuses_too_early(order: list[str], category: int, brand: int) -> None:
    placement = asked(caps=Caps(category=category, brand=brand)).placement
    caps, taken = caps_of(placement, (), SHOP), list[str]()
    assert caps is not None
    for item_id in order:
        full = caps.full(item_id)
        same_category = sum(_of(SHOP.category_of, one) == _of(SHOP.category_of, item_id) != "" for one in taken)
        same_brand = sum(_of(SHOP.brand_of, one) == _of(SHOP.brand_of, item_id) != "" for one in taken)
        assert bool(full) == (same_category >= category or same_brand >= brand)
        if not full:
            caps.count(item_id)
            taken.append(item_id)


def _of(mapping: Any, item_id: str) -> str:
    return str(mapping.get(item_id, ""))


# the clock that scores go by


@given(st.integers(0, 10 * HOUR_MS), st.integers(0, HOUR_MS - 1))
def test_the_clock_of_scores_stands_still_for_an_hour(since: int, more: int) -> None:
    visitor = Visitor()
    visitor.last = Last("e1", "view_item", NOW)
    snapshot = asked(visitor).snapshot
    began = NOW + since - since % HOUR_MS
    assert steady.instant(snapshot, began + more) == steady.instant(snapshot, began) == began


# evidence


@given(st.integers(1, 500), st.integers(0, 500))
def test_a_bound_lies_below_its_share_and_grows_with_what_was_counted(of: int, times: int) -> None:
    times = min(times, of)
    assert -1e-12 <= lower(times, of) <= times / of + 1e-12
    assert lower(times, of) <= lower(10 * times, 10 * of) + 1e-12


def test_a_bound_is_wrong_in_about_one_case_of_twenty() -> None:
    rng = Random(1)
    for share in (0.05, 0.2, 0.5):
        wrong = sum(lower(sum(rng.random() < share for _ in range(200)), 200) > share for _ in range(1_000))
        assert 20 <= wrong <= 90


def judged(candidate: Candidate, session: list[str], *, shop: Shop = SHOP, likely: bool = False) -> float:
    """The candidate's evidence in that visit, where 30 of 100 steps around i01 led to i02 and 9 to the popular i00."""
    made: Any = Item()
    made.at = made.relations.origin = NOW
    made.relations.after.update({"i02": Link(9.0, 20), "i03": Link(9.0, 61), "i00": Link(1.0, 9)})
    made.relations.before["i02"] = Link(2.0, 10)
    made.repeats = repeats.State(sessions=50, repeats=20)
    context = asked()
    context.snapshot.visit.session.extend(session)
    rows = {"i01": parse("i01", made, shop.codes)}
    return evidence(candidate, msgspec.structs.replace(context.snapshot, rows=rows, shop=shop), likely=likely)


def of_the_table(item_id: str) -> Candidate:
    return Candidate(item_id, 1.0, "session_table", "i01")


def test_what_is_merely_popular_has_no_evidence() -> None:
    shop = a_shop()
    for number, item_id in enumerate(IDS):
        shop.board.put(item_id, popularity.State(at=NOW, fast=1.0, slow=1.0, seen=19 if number == 0 else 10))
    assert shop.board.share("i00") > 0.09
    assert judged(of_the_table("i00"), ["i01"], shop=shop) == 0.0
    assert judged(of_the_table("i02"), ["i01"], shop=shop) > 0.1


def test_evidence_is_the_least_share_of_the_steps_that_led_here() -> None:
    assert judged(of_the_table("i02"), ["i01"]) == pytest.approx(lower(30, 100))


def test_who_was_never_counted_has_no_evidence_but_what_one_looked_at_oneself_has_all() -> None:
    assert judged(of_the_table("i07"), ["i01"]) == 0.0
    assert judged(Candidate("i02", 1.0, "popular"), ["i01"]) == 0.0
    assert judged(Candidate("i00", 1.0, "viewed", "i00"), ["i01"]) == 1.0


def test_what_speaks_for_it_counts_a_quarter_for_each_newer_item_of_the_visit() -> None:
    newest = judged(of_the_table("i02"), ["i01", "i05"])
    assert judged(of_the_table("i02"), ["i05", "i01"]) == pytest.approx(newest / 4)


@given(score=st.floats(0, 1))
def test_evidence_is_no_more_than_what_the_learnt_order_thinks_likely(score: float) -> None:
    candidate = msgspec.structs.replace(of_the_table("i02"), score=score)
    assert judged(candidate, ["i01"], likely=True) == min(score, judged(candidate, ["i01"]))


def test_what_a_rule_made_of_a_score_is_no_probability() -> None:
    buried = msgspec.structs.replace(of_the_table("i02"), score=0.001, rules=("less of it",))
    assert judged(buried, ["i01"], likely=True) == judged(buried, ["i01"])


def test_what_one_looked_at_oneself_stays_a_fact_in_a_learnt_order() -> None:
    assert judged(Candidate("i00", 0.2, "viewed", "i00"), ["i01"], likely=True) == 1.0


def test_the_item_that_one_is_looking_at_has_no_evidence_to_come_next() -> None:
    assert judged(of_the_table("i01"), ["i01", "i05"]) == 0.0
    assert judged(of_the_table("i01"), ["i05", "i01"]) == pytest.approx(lower(20, 50))

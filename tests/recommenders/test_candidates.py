from __future__ import annotations

import numpy as np
from msgspec.structs import replace

from serving.candidate import Candidate
from serving.ranking.codes import Codes
from serving.ranking.order import merge
from serving.recommenders import (
    also_bought,
    bought_together,
    category_popular,
    nearest,
    new_arrivals,
    popular,
    profile,
    recommenders,
    second_step,
    session_table,
    similar,
    trending,
    undiscovered,
    viewed,
)
from stream.signals.popularity import DAY_MS
from tests.recommenders.known import ITEMS, NOW, a_shop, linked, row, titles


def test_the_table_names_the_item_that_speaks_for_each() -> None:
    known = a_shop()
    rows = {item_id: row(item_id, known.codes, {f"after {item_id}": 1.0}) for item_id in ITEMS[:12]}
    visit = a_shop(codes=known.codes, rows=rows, session=ITEMS[:7], earlier=ITEMS[7:9])
    found = {c.item_id: c.because_item_id for c in session_table.RECOMMENDER.candidates(visit, 60)}
    assert found["after i0"] == "i0"
    assert found["after i4"] == "i4"
    assert "after i5" not in found
    assert found["i7"] == "i7"
    assert "after i7" not in found


def test_the_category_is_that_of_the_newest_item_that_has_one() -> None:
    found = category_popular.RECOMMENDER.candidates(a_shop(), 3)
    assert [c.item_id for c in found] == ["i39", "i38", "i37"]
    assert {c.because_item_id for c in found} == {"i1"}
    assert category_popular.RECOMMENDER.candidates(a_shop(session=["i9"]), 3) == []


def test_the_item_itself_is_not_popular_in_its_own_category() -> None:
    known = a_shop(popular_in={"lamps": [("i1", 9.0), ("i5", 8.0)]})
    assert [c.item_id for c in category_popular.RECOMMENDER.candidates(known, 5)] == ["i5"]


def test_nearest_leaves_out_this_visit_and_what_is_far() -> None:
    found = nearest.RECOMMENDER.candidates(a_shop(), 1_000)
    ids = [c.item_id for c in found]
    assert ids[:3] == ["i3", "i4", "i5"]
    assert not {"i0", "i1", "i2"} & set(ids)
    assert all(c.score >= nearest.LEAST for c in found)
    assert len(ids) < len(ITEMS) - 3


def test_nearest_finds_an_item_that_nobody_has_looked_at() -> None:
    here = np.zeros(64, np.float32)
    here[0] = 1
    vectors = titles(Codes(["seen", "new"]), ["seen", "new"], np.stack([np.roll(here, 1), here]))
    known = a_shop(session=["seen"], vectors=vectors, session_vector=here)
    assert [c.item_id for c in nearest.RECOMMENDER.candidates(known, 5)] == ["new"]


def test_popular_and_viewed_keep_their_order() -> None:
    known = a_shop()
    assert [c.item_id for c in popular.RECOMMENDER.candidates(known, 3)] == ["i39", "i38", "i37"]
    assert [c.item_id for c in viewed.RECOMMENDER.candidates(known, 9)] == ["i0", "i1", "i2", "i3", "i4"]


def test_the_table_comes_first_and_the_others_fill_up() -> None:
    known = a_shop()
    tiers = {name: one.tier for name, one in recommenders().items()}
    offers = [one.candidates(known, 10) for one in reversed(recommenders().values())]
    merged = merge(offers, tiers)
    assert [tiers[c.recommender] for c in merged] == sorted(tiers[c.recommender] for c in merged)
    assert merged[:10] == also_bought.RECOMMENDER.candidates(known, 10)
    assert len({c.item_id for c in merged}) == len(merged)


def test_an_item_offered_twice_counts_where_it_ranks_best() -> None:
    tiers = {"good": 0, "fill": 1}
    fill, good = Candidate("a", 9.0, "fill"), Candidate("a", 0.1, "good")
    assert merge([[fill], [good]], tiers) == [good]
    assert merge([[fill], [Candidate("a", 8.0, "fill", "b")]], tiers) == [fill]


def test_the_second_step_finds_what_no_session_of_the_visits_items_had() -> None:
    known = a_shop()
    rows = {name: row(name, known.codes, after) for name, after in STEPS.items()}
    visit = a_shop(codes=known.codes, rows=rows, row_of=rows.get, session=["here", "before"], earlier=[])
    assert [(c.item_id, c.because_item_id) for c in second_step.RECOMMENDER.candidates(visit, 9)] == [
        ("beyond", "here"),
        ("far", "here"),
        ("past", "before"),
    ]


def test_the_second_step_needs_rows_that_were_read() -> None:
    known = a_shop()
    rows = {"here": row("here", known.codes, STEPS["here"])}
    assert second_step.RECOMMENDER.candidates(a_shop(codes=known.codes, rows=rows, session=["here"]), 9) == []


def test_one_shoppers_order_is_no_habit() -> None:
    known = a_shop()
    rows = {"here": linked("here", known.codes, bought={"once": 1.0, "often": 3.0}, together={"lid": 2.0, "oil": 1.0})}
    visit = a_shop(codes=known.codes, rows=rows, session=["here"])
    assert [(c.item_id, c.because_item_id) for c in also_bought.RECOMMENDER.candidates(visit, 9)] == [("often", "here")]
    assert [c.item_id for c in bought_together.RECOMMENDER.candidates(visit, 9)] == ["lid"]


def test_orders_of_two_items_of_the_visit_add_up_and_the_visits_own_items_are_left_out() -> None:
    known = a_shop()
    rows = {
        "here": linked("here", known.codes, bought={"both": 1.0, "before": 9.0}),
        "before": linked("before", known.codes, bought={"both": 1.0}),
    }
    visit = a_shop(codes=known.codes, rows=rows, session=["here", "before"])
    assert [(c.item_id, c.because_item_id) for c in also_bought.RECOMMENDER.candidates(visit, 9)] == [("both", "here")]


def test_an_order_of_long_ago_counts_little() -> None:
    known = a_shop()
    rows = {"here": linked("here", known.codes, bought={"often": 3.0})}
    visit = a_shop(codes=known.codes, rows=rows, session=["here"], now=NOW + 200 * DAY_MS)
    assert also_bought.RECOMMENDER.candidates(visit, 9) == []


def test_a_visit_that_begins_is_shown_what_is_popular_where_the_visitor_was() -> None:
    known = a_shop(
        session=[],
        earlier=["i3", "i4"],
        category_of={"i3": "lamps", "i4": "lamps"},
        popular=[("i39", 5.2), ("i38", 4.0), ("i10", 5.0)],
        popular_in={"lamps": [("i10", 5.0), ("i11", 1.0)]},
    )
    found = profile.RECOMMENDER.candidates(known, 9)
    assert [c.item_id for c in found] == ["i10", "i39", "i38", "i11"]
    assert [c.because_item_id for c in found] == ["i3", None, None, "i3"]
    assert profile.RECOMMENDER.candidates(a_shop(), 9) == [], "what this visit looks at says more"


def test_a_brand_that_the_visitor_knows_comes_first_within_a_category() -> None:
    known = a_shop(
        session=[],
        earlier=["i3"],
        category_of={"i3": "lamps"},
        brand_of={"i3": "Lumo", "i11": "Lumo"},
        popular=[],
        popular_in={"lamps": [("i10", 1.0), ("i11", 0.9)]},
    )
    assert [c.item_id for c in profile.RECOMMENDER.candidates(known, 9)] == ["i11", "i10"]


def test_what_is_new_is_bounded_in_age_and_begins_with_the_visits_category() -> None:
    newest = [("i5", NOW), ("i6", NOW - DAY_MS), ("i7", NOW - 29 * DAY_MS), ("i8", NOW - 31 * DAY_MS), ("i9", 0)]
    known = a_shop(lists={"newest": newest}, category_of={"i1": "lamps", "i7": "lamps"})
    found = new_arrivals.RECOMMENDER.candidates(known, 9)
    assert [(c.item_id, c.because_item_id) for c in found] == [("i7", "i1"), ("i5", None), ("i6", None)]


def test_trending_keeps_the_order_of_what_rises() -> None:
    assert [c.item_id for c in trending.RECOMMENDER.candidates(a_shop(), 2)] == ["i39", "i38"]


def test_of_what_hardly_anybody_has_seen_the_nearest_are_offered() -> None:
    whole = a_shop()
    assert whole.vectors is not None
    few = np.array([5, 8, 13, 21], np.int32)
    known = a_shop(vectors=replace(whole.vectors, few=few))
    found = [c.item_id for c in undiscovered.RECOMMENDER.candidates(known, 99)]
    assert found
    assert found == [c.item_id for c in nearest.RECOMMENDER.candidates(known, 99) if ITEMS.index(c.item_id) in few]


def test_of_items_as_near_by_title_the_same_kind_brand_and_price_come_first() -> None:
    names = ["page", "dear", "other brand", "kin", "kind"]
    vectors = titles(Codes(names), names, np.ones((5, 1), np.float32) * np.float32(0.6))
    known = a_shop(
        session=["page"],
        vectors=vectors,
        session_vector=np.ones(1, np.float32),
        category_of={"page": "Pans > Iron", "kin": "Pans > Iron", "kind": "Pans > Steel"},
        brand_of={"page": "B", "dear": "B", "kin": "B", "kind": "B", "other brand": "C"},
        price_of={"page": 10, "dear": 40, "other brand": 10, "kin": 10, "kind": 10},
    )
    found = similar.RECOMMENDER.candidates(known, 9)
    assert [c.item_id for c in found] == ["kin", "kind", "other brand", "dear"]


STEPS: dict[str, dict[str, float]] = {
    "here": {"near": 3.0, "nearer": 1.0},
    "near": {"beyond": 1.0},
    "nearer": {"far": 1.0},
    "before": {"there": 1.0},
    "there": {"past": 0.1},
}

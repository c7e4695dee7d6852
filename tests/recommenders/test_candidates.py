from __future__ import annotations

import numpy as np

from serving.ranking.order import merge
from serving.recommender import Candidate, Vectors
from serving.recommenders import (
    category_popular,
    nearest,
    popular,
    recommenders,
    second_step,
    session_table,
    viewed,
)
from tests.recommenders.known import ITEMS, a_shop, row


def test_the_table_names_the_item_that_speaks_for_each() -> None:
    known = a_shop()
    rows = {item_id: row(item_id, known.codes, {f"after {item_id}": 1.0}) for item_id in ITEMS[:12]}
    visit = a_shop(codes=known.codes, rows=rows, session=ITEMS[:7], earlier=ITEMS[7:9])
    found = {c.item_id: c.because_item_id for c in session_table.candidates(visit, 60)}
    assert found["after i0"] == "i0"
    assert found["after i4"] == "i4"
    assert "after i5" not in found
    assert found["i7"] == "i7"
    assert "after i7" not in found


def test_the_category_is_that_of_the_newest_item_that_has_one() -> None:
    found = category_popular.candidates(a_shop(), 3)
    assert [c.item_id for c in found] == ["i39", "i38", "i37"]
    assert {c.because_item_id for c in found} == {"i1"}
    assert category_popular.candidates(a_shop(session=["i9"]), 3) == []


def test_the_item_itself_is_not_popular_in_its_own_category() -> None:
    known = a_shop(popular_in={"lamps": [("i1", 9.0), ("i5", 8.0)]})
    assert [c.item_id for c in category_popular.candidates(known, 5)] == ["i5"]


def test_nearest_leaves_out_this_visit_and_what_is_far() -> None:
    found = nearest.candidates(a_shop(), 1_000)
    ids = [c.item_id for c in found]
    assert ids[:3] == ["i3", "i4", "i5"]
    assert not {"i0", "i1", "i2"} & set(ids)
    assert all(c.score >= nearest.LEAST for c in found)
    assert len(ids) < len(ITEMS) - 3


def test_nearest_finds_an_item_that_nobody_has_looked_at() -> None:
    here = np.zeros(64, np.float32)
    here[0] = 1
    vectors = Vectors(["seen", "new"], np.stack([np.roll(here, 1), here]))
    known = a_shop(session=["seen"], vectors=vectors, session_vector=here)
    assert [c.item_id for c in nearest.candidates(known, 5)] == ["new"]


def test_popular_and_viewed_keep_their_order() -> None:
    known = a_shop()
    assert [c.item_id for c in popular.candidates(known, 3)] == ["i39", "i38", "i37"]
    assert [c.item_id for c in viewed.candidates(known, 9)] == ["i0", "i1", "i2", "i3", "i4"]


def test_the_table_comes_first_and_the_others_fill_up() -> None:
    known = a_shop()
    tiers = {name: one.tier for name, one in recommenders().items()}
    offers = [one.candidates(known, 10) for one in reversed(recommenders().values())]
    merged = merge(offers, tiers)
    assert [tiers[c.recommender] for c in merged] == sorted(tiers[c.recommender] for c in merged)
    assert merged[:10] == session_table.candidates(known, 10)
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
    assert [(c.item_id, c.because_item_id) for c in second_step.candidates(visit, 9)] == [
        ("beyond", "here"),
        ("far", "here"),
        ("past", "before"),
    ]


def test_the_second_step_needs_rows_that_were_read() -> None:
    known = a_shop()
    rows = {"here": row("here", known.codes, STEPS["here"])}
    assert second_step.candidates(a_shop(codes=known.codes, rows=rows, session=["here"]), 9) == []


STEPS: dict[str, dict[str, float]] = {
    "here": {"near": 3.0, "nearer": 1.0},
    "near": {"beyond": 1.0},
    "nearer": {"far": 1.0},
    "before": {"there": 1.0},
    "there": {"past": 0.1},
}

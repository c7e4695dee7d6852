"""Items that came up in the tested part, of which nothing but the catalogue tells."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from serving.evaluate import evaluate
from tests.evaluation.test_groups import ends_with, measured
from tests.serving.histories import views, written

TITLES = {"a": "reading chair", "b": "frying pan", "lamp": "brass desk lamp", "shade": "desk lamp shade"}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "events.jsonl.gz"


@pytest.fixture
def catalog(tmp_path: Path) -> Path:
    titles = TITLES | {f"i{n}": f"cotton shirt size {n}" for n in range(100)}
    rows = [{"item_id": item_id, "title": title} for item_id, title in titles.items()]
    path = tmp_path / "catalog.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def hits(group: dict[str, Any]) -> dict[str, float]:
    return {name: one["hr@20"] for name, one in group.items() if name != "n"}


def test_an_item_that_nobody_has_seen_is_found_by_its_title_alone(file: Path, catalog: Path) -> None:
    found = measured(file, ends_with(*views([["lamp", "shade"]], start=100, prefix="t")), count=2, catalog=catalog)
    group = found["new_items"]["unseen_items"]
    assert (found["new_items"]["items"], group["n"]) == (1, 1)
    assert hits(group) == {"home_for_you": 1.0, "pdp_similar": 1.0, "popularity": 0.0, "recent_popularity": 0.0}
    ahead = group["pdp_similar"]["ahead"]["recent_popularity"]["hr@20"]
    assert ahead == {"mean": 1.0, "interval": [1.0, 1.0]}


def test_an_item_whose_title_says_nothing_is_not_found(file: Path, catalog: Path) -> None:
    found = measured(file, ends_with(*views([["lamp", "i7"]], start=100, prefix="t")), count=2, catalog=catalog)
    assert found["new_items"]["all"]["pdp_similar"]["hr@20"] == 0.0


def test_what_one_session_taught_makes_it_popular_for_the_next(file: Path, catalog: Path) -> None:
    sessions = views([["lamp", "shade"]] * 8, start=100, prefix="t")
    told = measured(file, ends_with(*sessions), count=16, catalog=catalog)["new_items"]
    # nobody had it; then 1 to 5 sessions; the others are in `all` only. What is found of few is popular at once
    assert [told[name]["n"] for name in ("all", "unseen_items", "cold_items")] == [8, 1, 5]
    assert told["all"]["recent_popularity"]["hr@20"] == 7 / 8
    assert told["all"]["pdp_similar"]["hr@20"] == 1.0


def test_items_of_the_learnt_part_and_of_the_session_are_not_new(file: Path, catalog: Path) -> None:
    sessions = views([["a", "b"], ["a", "lamp", "a", "lamp"]], start=100, prefix="t")
    told = measured(file, ends_with(*sessions), count=6, catalog=catalog)["new_items"]
    assert (told["items"], told["all"]["n"]) == (1, 1)


def test_a_first_event_has_no_page_to_be_similar_to(file: Path, catalog: Path) -> None:
    told = measured(file, ends_with(*views([["lamp"]], start=100, prefix="t")), count=1, catalog=catalog)["new_items"]
    assert told["all"]["n"] == 0
    assert told["all"]["pdp_similar"]["intervals"]["hr@20"] is None


def test_what_is_tested_without_learning_stays_unseen(file: Path, catalog: Path, tmp_path: Path) -> None:
    written(file, views([["a", "b"]] * 40))
    test = written(tmp_path / "test.jsonl.gz", views([["lamp", "shade"]] * 8, prefix="t", start=100))
    told = evaluate(file, static=test, catalog=catalog)["new_items"]
    assert (told["unseen_items"]["n"], told["cold_items"]["n"]) == (8, 0)
    assert hits(told["all"]) == {"home_for_you": 1.0, "pdp_similar": 1.0, "popularity": 0.0, "recent_popularity": 0.0}


def test_repeats_or_not_are_the_same_for_new_items(file: Path, catalog: Path) -> None:
    sessions = views([["b", "lamp", "b", "shade"]], start=100, prefix="t")
    with_repeats = measured(file, ends_with(*sessions), count=4, catalog=catalog)
    without = measured(file, ends_with(*sessions), count=4, catalog=catalog, no_repeats=True)
    assert with_repeats["new_items"] == without["new_items"]


def test_without_a_catalogue_nothing_is_said_of_titles(file: Path) -> None:
    assert "new_items" not in measured(file, ends_with(*views([["lamp", "shade"]], start=100)), count=2)

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from serving.decision import Shown
from serving.evaluate import evaluate
from serving.evaluation.reliability import Reliability
from tests.serving.histories import views, written


def shelf(*evidence: float, recommender: str = "session_table") -> list[Shown]:
    return [Shown(f"i{n}", 1.0, recommender, None, None, sure) for n, sure in enumerate(evidence)]


def of_evidence() -> Reliability:
    return Reliability(lambda one: one.evidence)


def bands(found: Reliability) -> dict[str, tuple[int, float, float]]:
    return {one["said"]: (one["n"], one["mean"], one["came_next"]) for one in found.report()["bands"] if one["n"]}


def test_items_are_counted_by_their_evidence_and_what_came_next() -> None:
    found = of_evidence()
    found.add(0, shelf(0.4, 0.3, 0.005, 0.0), "i0")
    found.add(1, shelf(0.4, 0.3, 0.005, 0.0), "elsewhere")
    assert bands(found) == {"0.3 to 0.5": (4, 0.35, 0.25), "0 to 0.01": (2, 0.005, 0.0), "0": (2, 0.0, 0.0)}


def test_a_band_holds_its_lower_edge_and_not_its_upper() -> None:
    found = of_evidence()
    found.add(0, shelf(0.01, 0.5, 1.0), "i1")
    assert bands(found) == {"0.01 to 0.02": (1, 0.01, 0.0), "from 0.5": (2, 0.75, 0.5)}


def test_what_fills_up_claims_nothing() -> None:
    found = of_evidence()
    found.add(0, shelf(0.0, 0.0, recommender="popular"), "i1")
    assert bands(found) == {"fill": (2, 0.0, 0.5)}
    assert found.report()["error"] == {"mean": None, "interval": None}


def test_promises_that_are_kept_are_not_apart() -> None:
    found, rng = of_evidence(), random.Random(3)
    for session in range(4_000):
        found.add(session, shelf(0.25), "i0" if rng.random() < 0.25 else "")
    told = found.report()
    assert told["error"]["mean"] < 0.02
    assert told["bands"][6]["interval"][0] < 0.25 < told["bands"][6]["interval"][1]


@pytest.mark.parametrize(("promised", "overstated"), [(0.1, 0.0), (0.9, 0.4)])
def test_too_little_is_apart_and_too_much_is_overstated(promised: float, overstated: float) -> None:
    found = of_evidence()
    for session in range(200):
        found.add(session, shelf(promised), "i0" if session % 2 else "")
    told = found.report()
    assert told["error"]["mean"] == pytest.approx(0.4)
    assert told["overstated"]["mean"] == pytest.approx(overstated)
    low, high = told["error"]["interval"]
    assert 0.3 < low < 0.4 < high < 0.5


def test_nothing_shown_has_no_number() -> None:
    told = of_evidence().report()
    assert all(one["n"] == 0 and one["mean"] is None and one["interval"] is None for one in told["bands"])
    json.dumps(told, allow_nan=False)


def test_a_certain_next_step_has_much_evidence_and_comes(tmp_path: Path) -> None:
    file = written(tmp_path / "events.jsonl.gz", views([["a", "b"], ["c", "d"]] * 100))
    told = evaluate(file)["evidence"]
    best = told["bands"][-2]
    assert best["said"] == "from 0.5"
    assert best["n"] == 40
    assert best["came_next"] == 1.0
    assert told["overstated"]["mean"] < 0.01


def test_scores_of_the_learnt_order_are_held_against_what_came_too(tmp_path: Path) -> None:
    rng = random.Random(5)
    file = written(tmp_path / "events.jsonl.gz", views(["a", rng.choice("bbbc")] for _ in range(600)))
    told = evaluate(file, last=0.5)["probability"]
    assert sum(one["n"] for one in told["bands"]) == sum(
        one["n"] for one in evaluate(file, last=0.5)["evidence"]["bands"]
    )
    assert told["bands"][-2]["mean"] == pytest.approx(0.75, abs=0.1)
    assert told["error"]["mean"] < 0.1


def test_where_nobody_does_again_what_was_done_once_evidence_learns_to_be_small(tmp_path: Path) -> None:
    once = [[f"x{n}", f"y{n}"] for n in range(200)]
    again = [[f"x{n}", f"z{n}"] for n in range(200)]
    told = evaluate(written(tmp_path / "events.jsonl.gz", views(once + again)), last=0.25)["evidence"]
    claimed = [(one["n"], one["mean"]) for one in told["bands"][1:-1] if one["n"]]
    assert sum(n for n, _ in claimed) == 100
    assert max(mean for _, mean in claimed) < 0.135  # half of what counts alone say: one of one step led there

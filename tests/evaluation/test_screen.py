from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from serving.cli import app
from tests.serving.histories import views, written


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return written(tmp_path / "events.jsonl.gz", views([["a", "b", "c"]] * 40))


def lines(*arguments: str) -> list[str]:
    found = CliRunner().invoke(app, ["evaluate", *arguments], catch_exceptions=False)
    assert found.exit_code == 0
    return found.stdout.splitlines()


def row(told: list[str], name: str) -> list[str]:
    return next(line for line in told if line.strip().startswith(name)).removeprefix(name).split()


def test_the_tables_hold_what_the_json_does(file: Path) -> None:
    told = lines(str(file), "--baselines")
    found = json.loads(lines(str(file), "--baselines", "--json")[-1])
    assert row(told, "next event")[:2] == ["16", "1.00"]
    assert row(told, "after 2 steps")[0] == "8"
    assert "[1.00, 1.00]" in next(line for line in told if line.startswith("next event"))
    for name in ("liveshelf", *found["baselines"]):
        assert any(line.startswith(name) for line in told)
    popularity = found["baselines"]["popularity"]["difference"]["next"]["mrr@20"]["mean"]
    assert f"{popularity:+.3f}" in "".join(told)
    assert "resamples of whole sessions" in " ".join(told)


def test_lines_are_not_cut_where_the_screen_is_narrow(file: Path) -> None:
    assert not any("…" in line for line in lines(str(file), "--baselines"))


def test_groups_that_have_no_targets_are_left_out(file: Path) -> None:
    told = "\n".join(lines(str(file)))
    assert "item never seen" not in told
    assert "carts" not in told
    assert "beside the literature" not in told


def test_new_items_are_told_with_who_is_ahead(tmp_path: Path) -> None:
    titles = {"a": "iron pan", "b": "oak chair", "lamp": "brass desk lamp", "shade": "desk lamp shade"}
    catalog = tmp_path / "catalog.jsonl"
    catalog.write_text("".join(json.dumps({"item_id": one, "title": title}) + "\n" for one, title in titles.items()))
    events = views([["a", "b"]] * 40) + views([["lamp", "shade"]], prefix="t", start=100)
    told = lines(str(written(tmp_path / "new.jsonl.gz", events)), "--last", "0.02", "--catalog", str(catalog))
    assert any("1 targets among the 1 items" in line for line in told)
    assert row(told, "pdp_similar")[-3:] == ["+1.000", "[+1.000,", "+1.000]"]
    assert row(told, "recent_popularity")[0] == ".000"
    assert not any("…" in line for line in told)


def test_evidence_stands_beside_what_came_next(tmp_path: Path) -> None:
    file = str(written(tmp_path / "events.jsonl.gz", views([["a", "b"], ["c", "d"]] * 50)))
    told = lines(file)
    band = json.loads(lines(file, "--json")[-1])["evidence"]["bands"][-2]
    assert row(told, "from 0.5")[:3] == [str(band["n"]), f"{band['mean']:.4f}", "1.0000"]
    assert any("promises too much by 0.0000" in line for line in told)


def test_nothing_is_said_of_evidence_where_no_session_goes_on(tmp_path: Path) -> None:
    told = lines(str(written(tmp_path / "events.jsonl.gz", views([["a"], ["b"]] * 20))))
    assert not any("evidence" in line for line in told)

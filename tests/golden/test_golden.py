"""Streams of events and the state that they must give.

When a change of behaviour is meant, make the states anew with ``UPDATE_GOLDEN=1 pytest tests/golden`` and read the
difference: it is what the change does.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path

import pytest

from stream.events import EVENT_NAMES
from stream.ingest import Accepted, validate
from stream.state.table import FOLDS
from tests.golden.folding import folded, rebuilt, shown, states
from tests.golden.make import STREAMS, lines

FOLDER = Path(__file__).parent
EVERYTHING = 100_000

each_stream = pytest.mark.parametrize("name", STREAMS)


def stream(name: str) -> list[str]:
    return FOLDER.joinpath(f"{name}.jsonl").read_text(encoding="utf-8").splitlines()


@each_stream
async def test_a_stream_gives_its_state(name: str) -> None:
    path = FOLDER / f"{name}.state.json"
    made = shown(await states(stream(name), cut=EVERYTHING)) + "\n"
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(made, encoding="utf-8")
    assert json.loads(made) == json.loads(path.read_text(encoding="utf-8"))


@each_stream
@pytest.mark.parametrize("cut", [1, 7, 64])
async def test_batches_and_restarts_change_nothing(name: str, cut: int) -> None:
    assert await states(stream(name), cut=cut) == await states(stream(name), cut=EVERYTHING)


async def test_rebuild_compares_every_family_and_finds_it_equal() -> None:
    """Of all that `schemas/state.md` lists but views and copies."""
    compared: Counter[str] = Counter()
    for name in STREAMS:
        for report in await rebuilt(*await folded(stream(name), cut=7)):
            assert report.different == []
            compared.update({f"{report.agent}.{family}": count for family, count in report.compared.items()})
    wanted = {
        f"{fold.name}.{family.name}"
        for fold in FOLDS
        for family in fold.families
        if not family.view and family.compared
    }
    wanted |= {f"{fold.name}.{fold.ranking.name}" for fold in FOLDS if fold.ranking is not None}
    assert {family for family, count in compared.items() if count} == wanted


@each_stream
def test_a_stream_is_what_its_maker_makes(name: str) -> None:
    assert [line + "\n" for line in stream(name)] == list(lines(STREAMS[name]()))


@each_stream
def test_every_line_is_an_event_of_the_contract(name: str) -> None:
    for line in stream(name):
        accepted = validate(line.encode(), timestamp=0)
        assert isinstance(accepted, Accepted), (accepted, line)


def test_every_event_of_the_contract_occurs() -> None:
    assert {json.loads(line)["event"] for line in stream("every_event")} == EVENT_NAMES


async def test_the_streams_reach_every_family_and_every_outcome() -> None:
    both = [await states(stream(name), cut=EVERYTHING) for name in STREAMS]
    families = {
        key.partition(":")[0] for made in both for agent in made.values() if isinstance(agent, dict) for key in agent
    }
    assert families == {
        "visitor", "ranking", "item", "customer", "learner", "model", "version", "waiting", "joined", "clock",
        "marks", "found", "query", "searches", "budget", "bandit", "banner", "clicked", "shown", "prices",
    }  # fmt: skip
    clock = both[0]["visitor"]["clock"]
    assert min(clock["applied"], clock["duplicates"], clock["dropped"]) > 0

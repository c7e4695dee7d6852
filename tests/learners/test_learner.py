"""The learner agent's fold: versions, rollback, poison, and that only the entries decide."""

from __future__ import annotations

import math
from itertools import chain
from typing import Any

import msgspec
import pytest

from stream.entries import Example, Rollback
from stream.features import INTENT_FEATURES
from stream.fold import Batch
from stream.learner import rollback_record
from stream.learners.intent import Intent
from stream.live import EVERY, FIRST_AFTER, KEPT, kept_versions, version_key
from stream.published import ModelRefusedError, Published, Sealed, load_published, unseal
from tests.learners.streams import BASE_MS, Agent, Labelled, shuffled, visits

WIDE = len(INTENT_FEATURES)


def single(count: int, *, seed: int = 1) -> list[list[Labelled]]:
    """So many examples, each its own session."""
    return [[one] for one in chain.from_iterable(visits(count, seed=seed))][:count]


def current(agent: Agent) -> Published:
    return load_published(agent.stored["model:intent"])


def versions(agent: Agent) -> list[int]:
    return sorted(int(key.rpartition(":")[2]) for key in agent.stored if key.startswith("version:"))


def record(*entries: Any, source: tuple[str, int] = ("events", 3)) -> bytes:
    return msgspec.msgpack.encode(Batch(source, list(entries)))


def example(offset: int, features: list[float], *, label: bool = True, model: str = "intent") -> Example:
    return Example(offset, 0, model, BASE_MS, features, label)


def test_the_first_version_comes_soon_and_then_one_each_hundred() -> None:
    agent = Agent()
    seen: list[tuple[int, int]] = []
    for session in single(FIRST_AFTER + 3 * EVERY):
        agent.teach([session], entries=1)
        if "model:intent" in agent.stored and (not seen or current(agent).version > seen[-1][0]):
            seen.append((current(agent).version, agent.working().learnt))
    assert seen == [(1, 20), (2, 120), (3, 220), (4, 320)]
    assert versions(agent) == [1, 2, 3, 4]


def test_a_version_says_what_it_was_learnt_from_and_how_good_it_is() -> None:
    agent = Agent()
    agent.teach(visits(800, seed=3))
    published, working = current(agent), agent.working()
    assert published.version == working.current == working.version
    assert published.learnt == FIRST_AFTER + EVERY * (published.version - 1)
    assert BASE_MS < published.at <= working.at
    assert published.features == INTENT_FEATURES
    assert published.metrics.examples == published.learnt
    assert published.proven


def test_known_intent_is_found() -> None:
    agent = Agent()
    agent.teach(visits(1_200, seed=11))
    known = agent.working().progress.metrics()
    assert known.auc_low is not None
    assert known.auc_low > 0.6
    assert known.log_loss is not None
    assert known.base_log_loss is not None
    assert known.log_loss < 0.9 * known.base_log_loss
    assert current(agent).proven


def test_shuffled_labels_are_at_chance() -> None:
    at_chance = 0
    for seed in range(15):
        agent = Agent()
        agent.teach(shuffled(visits(300, seed=100 + seed), seed=seed))
        found = agent.working().progress.metrics()
        assert found.auc_low is not None
        assert found.auc_high is not None
        at_chance += found.auc_low < 0.5 < found.auc_high
    assert at_chance >= 14  # a 95 % interval may miss one in twenty


def test_how_the_entries_are_cut_into_records_and_processes_changes_nothing() -> None:
    sessions = list(visits(150, seed=4))
    whole, single_entries, restarted = Agent(), Agent(), Agent()
    whole.teach(sessions, entries=10_000)
    single_entries.teach(sessions, entries=1)
    for session in sessions:
        restarted.teach([session])
        restarted.restart()
    assert whole.models == single_entries.models == restarted.models
    assert len(versions(whole)) > 3


def test_records_of_one_batch_fold_as_one_after_the_other() -> None:
    sessions = list(visits(120, seed=4))
    apart, together = Agent(), Agent()
    apart.teach(sessions)
    together.deliver(*apart.log)
    assert together.stored == apart.stored


def test_a_record_that_comes_twice_teaches_once() -> None:
    agent = Agent()
    agent.teach(visits(100, seed=5))
    before = agent.models
    for value in list(agent.log):
        agent.deliver(value)
    assert agent.models == before


def test_the_fold_is_the_estimator_fed_in_order() -> None:
    sessions = list(visits(100, seed=6))
    agent, alone = Agent(), Intent()
    agent.teach(sessions)
    for features, label in chain.from_iterable(sessions):
        alone.learn(features, label)
    assert agent.working().state == alone.state()


def test_only_the_last_versions_are_kept() -> None:
    agent = Agent()
    agent.teach(single(FIRST_AFTER + EVERY * (KEPT + 3)), entries=50)
    newest = KEPT + 4
    assert versions(agent) == list(range(newest - KEPT + 1, newest + 1)) == list(kept_versions(agent.working()))
    assert current(agent).version == newest


def test_rollback_brings_a_version_back_and_learning_goes_on_from_it() -> None:
    stream = single(FIRST_AFTER + 4 * EVERY + 50)
    agent = Agent()
    agent.teach(stream)
    second = agent.stored[version_key("intent", 2)]
    agent.deliver(rollback_record("intent", 2))

    working = agent.working()
    assert agent.stored["model:intent"] == second
    assert working.state == unseal(msgspec.msgpack.decode(second, type=Sealed)).state
    assert (working.learnt, working.current, working.version, working.rollbacks) == (120, 2, 5, 1)
    assert working.progress.metrics().examples == 0

    alone = Intent()
    more = single(EVERY, seed=9)
    for features, label in chain(*stream[:120], *more):
        alone.learn(features, label)
    agent.teach(more)
    assert agent.working().state == alone.state()
    assert current(agent).version == 6
    assert current(agent).learnt == 220
    assert current(agent).metrics.examples == EVERY


def test_a_rollback_within_a_batch_sees_the_versions_of_that_batch() -> None:
    entries = [example(n, [float(n % 5)] * WIDE, label=n % 3 == 0) for n in range(130)]
    control = rollback_record("intent", 1)
    apart, together = Agent(), Agent()
    for value in (record(*entries), control):
        apart.deliver(value)
    together.deliver(record(*entries), control)
    assert together.stored == apart.stored
    assert current(together).version == 1


def test_rollbacks_are_records_like_others_and_may_follow_each_other() -> None:
    agent = Agent()
    agent.teach(single(FIRST_AFTER + 2 * EVERY))
    for version in (1, 3, 1, 1):
        agent.deliver(rollback_record("intent", version))
        assert current(agent).version == agent.working().current == version
    assert agent.working().rollbacks == 4


@pytest.mark.parametrize("version", [0, -1, 7, 10**9])
def test_a_version_that_is_not_kept_is_not_brought_back(version: int) -> None:
    agent = Agent()
    agent.teach(single(FIRST_AFTER + EVERY))
    before = agent.stored["model:intent"], agent.working().state
    agent.deliver(rollback_record("intent", version))
    assert (agent.stored["model:intent"], agent.working().state) == before
    assert f"version {version}" in agent.working().said
    assert agent.working().rollbacks == 0


def test_a_version_that_was_dropped_is_not_brought_back() -> None:
    agent = Agent()
    agent.teach(single(FIRST_AFTER + EVERY * KEPT), entries=50)
    agent.deliver(rollback_record("intent", 1))
    assert current(agent).version == KEPT + 1
    assert "version 1 is not one of the last" in agent.working().said


def test_a_corrupted_version_is_refused_and_the_good_one_stays() -> None:
    agent = Agent()
    agent.teach(single(FIRST_AFTER + 2 * EVERY))
    key = version_key("intent", 1)
    spoilt = bytearray(agent.stored[key])
    spoilt[len(spoilt) // 2] ^= 0x10
    agent.stored[key] = bytes(spoilt)
    agent.restart()
    before = agent.working().state
    agent.deliver(rollback_record("intent", 1))
    assert current(agent).version == agent.working().current == 3
    assert agent.working().state == before
    assert "checksum" in agent.working().said
    with pytest.raises(ModelRefusedError, match="checksum"):
        load_published(bytes(spoilt))
    agent.deliver(rollback_record("intent", 2))
    assert (current(agent).version, agent.working().said) == (2, "")


@pytest.mark.parametrize(
    "features",
    [[math.nan] * WIDE, [math.inf] * WIDE, [1e308] * WIDE, [-1e308] * WIDE, [1.0] * (WIDE - 1), [1.0] * (WIDE + 1), [],
     [*[1.0] * (WIDE - 1), math.nan]],
)  # fmt: skip
def test_a_poison_example_changes_nothing_but_its_count(features: list[float]) -> None:
    agent, clean = Agent(), Agent()
    sessions = list(visits(100, seed=7))
    for one in (agent, clean):
        one.teach(sessions[:50])
    agent.deliver(record(example(1, features), source=("events", 9)))
    for one in (agent, clean):
        one.teach(sessions[50:])
    assert agent.working().refused == 1
    assert msgspec.structs.replace(agent.working(), refused=0) == clean.working()
    assert not agent.dead


def test_poison_among_good_examples_of_one_record_leaves_the_good_ones() -> None:
    agent, clean = Agent(), Agent()
    good = [example(n, [float(n % 4)] * WIDE, label=n % 2 == 0) for n in range(0, 60, 2)]
    bad = [example(n, [math.nan] * WIDE) for n in range(1, 60, 2)]
    agent.deliver(record(*sorted(good + bad, key=lambda one: one.offset)))
    clean.deliver(record(*good))
    assert agent.working().state == clean.working().state
    assert (agent.working().learnt, agent.working().refused) == (30, 30)


def test_an_unknown_model_is_a_dead_letter_with_its_name_and_stops_nothing() -> None:
    agent = Agent()
    agent.deliver(record(example(1, [1.0], model="tarot"), example(2, [1.0] * WIDE), Rollback(3, 0, "tarot", 1)))
    assert agent.working().learnt == 1
    assert [(letter.reason, "tarot" in letter.detail) for letter in agent.dead] == [("schema", True)]
    assert not any("tarot" in key for key in agent.stored)


def test_bytes_that_are_no_entries_are_a_dead_letter() -> None:
    agent = Agent()
    for value in (b"", b"\xc1", msgspec.msgpack.encode({"source": ["events", 1], "entries": [["seen", 1, 0]]})):
        agent.deliver(value)
    assert [letter.reason for letter in agent.dead] == ["schema"] * 3
    assert not agent.models


def test_a_state_of_another_release_is_left_and_the_model_begins_anew() -> None:
    agent = Agent()
    agent.teach(single(FIRST_AFTER + EVERY))
    working = agent.working()
    working.state["features"] = ["weather", *working.state["features"][1:]]
    agent.stored["learner:intent"] = msgspec.msgpack.encode(working)
    agent.restart()
    stream = single(FIRST_AFTER, seed=8)
    agent.teach(stream)
    fresh = Intent()
    for features, label in chain(*stream):
        fresh.learn(features, label)
    assert agent.working().state == fresh.state()
    assert (agent.working().restarts, agent.working().learnt) == (1, FIRST_AFTER)
    assert current(agent).version == 3
    assert current(agent).metrics.examples == FIRST_AFTER


def test_a_model_takes_few_bytes() -> None:
    agent = Agent()
    agent.teach(visits(1_500, seed=2), entries=200)
    assert len(agent.stored["learner:intent"]) < 4_000
    assert len(agent.stored["model:intent"]) < 4_000
    assert sum(map(len, agent.models.values())) < 90_000

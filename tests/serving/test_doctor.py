"""Each thing that `doctor` finds: what was wrong, how bad that is, and that it says what to do."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from serving.dead_letters import Letter, Place, Source
from serving.doctor import broker, data, flow, keys, machine, redis
from serving.doctor.checks import CHECKS, Check, checked
from serving.doctor.facts import Answer, Away, Beat, Facts
from serving.doctor.finding import Finding
from serving.measures import Measure
from stream.catalog_item import CatalogItem
from stream.cluster import _config
from stream.fold import Record
from stream.lag import Row
from stream.settings import Settings
from stream.state.keys import Tag
from stream.state.redis import Condition
from stream.state.store import Position
from stream.survey import Survey, Surveyed
from stream.topics import TOPICS, partition_of

NOW, N = 1_790_000_000_000, 4
MEASURED = [check.__name__ for check in data.CHECKS]
SAYS = {
    "maxmemory_policy": "noeviction",
    "aof_enabled": 1,
    "redis_version": "7.0.15",
    "used_memory": 80,
    "maxmemory": 0,
}
KEYS = {
    "pseudonym_key": "0123456789abcdef0123456789abcdef",
    "signing_key": "fedcba9876543210fedcba9876543210",
    "publishable_key": "pk_0123456789abcdefghij",
    "secret_key": "sk_0123456789abcdefghij",
}


@pytest.fixture
def well(tmp_path: Path) -> Facts:
    """A deployment with which nothing is wrong."""
    settings = Settings(broker_url="kafka:9092", redis_url="redis://redis:6379/0", data_dir=tmp_path, **KEYS)  # type: ignore[arg-type]  # texts become secrets
    return Facts(
        settings,
        NOW,
        survey=Survey(3.0, {noun: Surveyed(N, _config(topic)) for noun, topic in TOPICS.items()}),
        redis=Condition(0.3, NOW, SAYS),
        beats=[Beat(NOW, 0, {"events:0": [1, 2]})],
        lag=[row("ok", 0)],
        positions={Tag("events", 0): Position("id", N, 5)},
        events=[event("a"), event("b")],
        decisions=[Record("decisions", 0, 0, NOW, b"a", b"{}")],
        items={"i0": CatalogItem(item_id="i0", title="Title")},
        items_whole=True,
        measures={name: Measure(name, 9, 9, "ok", "All.") for name in MEASURED},
        api=Answer(200, '{"status":"ready"}'),
    )


def row(verdict: Any, records: int) -> Row:
    return Row("visitor", "events", 1, 5, 5 + records, records, 70.0, verdict, 5, 0, 0, 0)


def event(visitor_id: str, partition: int | None = None, **more: Any) -> Record:
    value = {
        "event_id": "e", "event": "view_item", "occurred_at": NOW, "visitor_id": visitor_id,
        "items": [{"item_id": "i0"}], "consent": {"personalization": True}, **more,
    }  # fmt: skip
    key = visitor_id.encode()
    place = partition_of(key, N) if partition is None else partition
    return Record("events", place, 0, NOW, key, json.dumps(value).encode())


def surveyed(facts: Facts, **topics: Surveyed | None) -> Facts:
    assert isinstance(facts.survey, Survey)
    found: dict[str, Any] = {**facts.survey.topics, **topics}
    survey = replace(facts.survey, topics={noun: topic for noun, topic in found.items() if topic is not None})
    return replace(facts, survey=survey)


def says(facts: Facts, **more: Any) -> Facts:
    return replace(facts, redis=Condition(0.3, NOW, {**SAYS, **more}))


def set_to(facts: Facts, **more: Any) -> Facts:
    return replace(facts, settings=Settings(**{**facts.settings.model_dump(), **more}))


def letter(at: int) -> Letter:
    return Letter(Place(0, 0), at, Source("liveshelf.events.v1", 0, 0), "not_json", "…", at, None, None)


def test_of_what_is_well_every_check_says_so(well: Facts) -> None:
    found = list(checked(well))
    assert [(name, one.says) for name, one in found if one.verdict != "ok"] == []
    assert len(found) == len(CHECKS)


Situation = tuple[Callable[[Facts], Finding | None], Callable[[Facts], Facts], str, str]
SITUATIONS: dict[str, Situation] = {
    "no broker named": (broker.reachable, lambda f: set_to(f, broker_url=""), "bad", "not set"),
    "no broker": (broker.reachable, lambda f: replace(f, survey=Away("no broker answers at x")), "bad", "at x."),
    "a slow broker": (broker.reachable, lambda f: replace(f, survey=Survey(900.0, {})), "warn", "900 ms"),
    "a topic is missing": (broker.topics, lambda f: surveyed(f, pairs=None), "bad", "liveshelf.pairs.v1"),
    "other partitions": (broker.partitions, lambda f: set_to(f, partitions=48), "bad", "not 48 partitions"),
    "privacy apart": (broker.partitions, lambda f: surveyed(f, privacy=Surveyed(2, None)), "bad", "different numbers"),
    "kept for ever": (
        broker.kept,
        lambda f: surveyed(f, events=Surveyed(N, {"cleanup.policy": "delete", "retention.ms": "-1"})),
        "bad",
        "at most 30 days",
    ),
    "not compacted": (
        broker.kept,
        lambda f: surveyed(f, catalog=Surveyed(N, {"cleanup.policy": "delete"})),
        "bad",
        "needed is compact",
    ),
    "state of other partitions": (
        broker.positions,
        lambda f: replace(f, positions={Tag("events", 0): Position("id", 48, 5)}),
        "bad",
        "48 partitions",
    ),
    "another partitioner": (
        broker.partitioner,
        lambda f: replace(f, events=[event("a", 1 - partition_of(b"a", N) % 2), event("b")]),
        "bad",
        "of the 2 newest",
    ),
    "another partitioner once": (
        broker.partitioner,
        lambda f: replace(f, events=[event("a", 1 - partition_of(b"a", N) % 2)], now_ms=NOW + 7_200_000),
        "warn",
        "of the 1 newest",
    ),
    "a clock ahead": (broker.clock, lambda f: replace(f, now_ms=NOW - 120_000), "warn", "120 s ahead"),
    "no Redis named": (redis.reachable, lambda f: set_to(f, redis_url=""), "bad", "not set"),
    "no Redis": (redis.reachable, lambda f: replace(f, redis=Away("Redis did not answer")), "bad", "did not answer"),
    "a slow Redis": (redis.reachable, lambda f: replace(f, redis=Condition(40, NOW, SAYS)), "warn", "40.0 ms"),
    "it evicts": (redis.eviction, lambda f: says(f, maxmemory_policy="allkeys-lru"), "bad", "allkeys-lru"),
    "no AOF": (redis.append_only, lambda f: says(f, aof_enabled=0), "bad", "no append-only file"),
    "AOF fails": (redis.append_only, lambda f: says(f, aof_last_write_status="err"), "bad", "could not write"),
    "an old Redis": (redis.version, lambda f: says(f, redis_version="5.0.7"), "warn", "5.0.7"),
    "nearly full": (redis.memory, lambda f: says(f, used_memory=85, maxmemory=100), "warn", "Redis uses"),
    "full": (redis.memory, lambda f: says(f, used_memory=99, maxmemory=100), "bad", "refuse writes"),
    "clocks apart": (redis.clock, lambda f: replace(f, redis=Condition(1, NOW - 9_000, SAYS)), "warn", "9.0 s apart"),
    "no keys": (keys.present, lambda f: set_to(f, signing_key=""), "bad", "LIVESHELF_SIGNING_KEY"),
    "a short key": (keys.strong, lambda f: set_to(f, secret_key="sk_shop"), "bad", "LIVESHELF_SECRET_KEY"),
    "a dull key": (keys.strong, lambda f: set_to(f, signing_key="s" * 64), "bad", "LIVESHELF_SIGNING_KEY"),
    "the same key": (keys.strong, lambda f: set_to(f, signing_key=KEYS["pseudonym_key"]), "bad", "the same text"),
    "keys exchanged": (keys.api_keys, lambda f: set_to(f, publishable_key=KEYS["secret_key"]), "bad", "exchanged"),
    "nobody at --api": (machine.api, lambda f: replace(f, api=Answer(0), given=True), "bad", "nothing answers"),
    "another at the port": (machine.api, lambda f: replace(f, api=Answer(404, "nginx")), "warn", "something else"),
    "not ready": (
        machine.api,
        lambda f: replace(f, api=Answer(503, '{"type":"urn:liveshelf:problem:unavailable"}')),
        "bad",
        "not ready",
    ),
    "no worker": (flow.workers, lambda f: replace(f, beats=[]), "bad", "no worker"),
    "records lost": (flow.workers, lambda f: replace(f, beats=[Beat(NOW, 7, {"events:0": 1})]), "bad", "7 records"),
    "owns nothing": (flow.workers, lambda f: replace(f, beats=[Beat(NOW)]), "warn", "own nothing"),
    "late": (flow.lag, lambda f: replace(f, lag=[row("late", 9), row("ok", 0)]), "bad", "9 records wait"),
    "behind": (flow.lag, lambda f: replace(f, lag=[row("behind", 3)]), "warn", "3 records wait"),
    "refused today": (flow.dead_letters, lambda f: replace(f, dead=[letter(NOW - 1)]), "warn", "not_json 1"),
    "no catalogue": (flow.catalogue, lambda f: replace(f, items={}), "warn", "is empty"),
    "no consent": (flow.consent, lambda f: replace(f, events=[event("a", consent=None)]), "warn", "0 of the 1"),
    "nobody asks": (flow.decisions, lambda f: replace(f, decisions=[]), "warn", "nobody asks"),
}


@pytest.mark.parametrize("situation", SITUATIONS)
def test_it_is_found(situation: str, well: Facts) -> None:
    check, wrong, verdict, words = SITUATIONS[situation]
    found = check(wrong(well))
    assert found is not None
    assert (found.verdict, words in found.says) == (verdict, True), found
    assert len(found.fix) > 10


def test_every_check_is_tried_with_something_wrong() -> None:
    tried = {check for check, *_ in SITUATIONS.values()}
    assert set(CHECKS) - tried - set(data.CHECKS) == {keys.files, machine.folder, machine.disk}


@pytest.mark.parametrize("check", data.CHECKS, ids=lambda check: check.__name__)
def test_a_measure_of_the_data_is_told_as_it_is(well: Facts, check: Check) -> None:
    told = Measure(check.__name__, 1, 9, "bad", "Only one.", "Send more of them.")
    assert check(replace(well, measures={told.name: told})) == Finding("bad", "Only one.", "Send more of them.")
    assert check(replace(well, measures={told.name: replace(told, of=0)})) is None
    assert check(replace(well, measures={})) is None


def test_what_is_old_does_not_matter_today(well: Facts) -> None:
    found = flow.dead_letters(replace(well, dead=[letter(NOW - 25 * 3_600_000)]))
    assert found is not None
    assert found.verdict == "ok"


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604])
def test_a_keys_file_that_others_can_read(well: Facts, tmp_path: Path, mode: int) -> None:
    file = tmp_path / "keys.json"
    file.write_text("{}")
    file.chmod(mode)
    found = keys.files(well)
    assert (found.verdict, found.fix) == ("warn", f"chmod 600 {file}")
    file.chmod(0o600)
    assert keys.files(well).verdict == "ok"


def test_a_data_folder_that_is_a_file(well: Facts, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert machine.folder(set_to(well, data_dir=tmp_path / "file")).verdict == "bad"
    assert machine.folder(set_to(well, data_dir=tmp_path / "made" / "later")).verdict == "ok"


@pytest.mark.parametrize(("free", "verdict"), [(1 << 40, "ok"), (1 << 30, "warn"), (1 << 20, "bad")])
def test_a_disk_that_fills_up(well: Facts, monkeypatch: pytest.MonkeyPatch, free: int, verdict: str) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": free}))
    assert machine.disk(well).verdict == verdict


def test_with_nothing_reachable_only_what_can_be_seen_is_told(well: Facts) -> None:
    away = Facts(well.settings, NOW, survey=Away("no broker"), redis=Away("no Redis"))
    found = dict(checked(away))
    assert [name for name, one in found.items() if one.verdict == "bad"] == ["broker.reachable", "redis.reachable"]
    assert not any(name.startswith("flow") for name in found)

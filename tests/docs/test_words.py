"""What there is in the code is in the guides, and the guides name nothing that there is not."""

from __future__ import annotations

import re
from typing import Any, get_args

import pytest
import typer
from prometheus_client import REGISTRY

import schemas
from serving.banners.standing import Reason
from serving.cli import app
from serving.decision import Rung, Status
from serving.docs.tables import ORDER
from serving.http import problem
from serving.http.access import NEEDS
from serving.http.body import PATIENCE_S
from serving.http.catalog import MOST_ITEMS
from serving.http.events import Status as VerdictStatus
from serving.http.formats import MOST_EVENTS
from serving.http.keys import OF_PAGES, SCOPES
from serving.http.visitor_tokens import MOST_S
from serving.placements import placements
from serving.recommender import Relation
from stream.adapters import adapters
from stream.consent import PURPOSES
from stream.events import EVENT_NAMES
from stream.ingest import EDGE_FORBIDDEN, LATEST_AFTER_MS, LATEST_BEFORE_MS, MAX_EVENT_BYTES, REASONS
from stream.lag import BEHIND_S, LATE_S
from stream.settings import SECRETS, Settings
from stream.signals.session import GAP_MS
from stream.state import table as state_table
from stream.strict_json import MAX_DEPTH
from stream.topics import TOPICS
from stream.visitor import RETENTION_MS
from tests.docs.reading import EVERYTHING, GUIDES, ROOT, first_cells, named, section

PROBLEMS = {
    (kind, status)
    for path in (ROOT / "serving/http").glob("*.py")
    for status, kind in re.findall(r'Problem\(\s*(\d{3}), "(\w+)"', path.read_text(encoding="utf-8"))
}


def test_settings() -> None:
    settings = {f"LIVESHELF_{name.upper()}" for name in Settings.model_fields}
    files = {f"LIVESHELF_{name.upper()}_FILE" for name in SECRETS}
    assert {cell.split()[0] for cell in first_cells(GUIDES["settings"])} == settings
    assert named(r"LIVESHELF_[A-Z_]*[A-Z]") <= settings | files


def test_events() -> None:
    assert set(re.findall(r"^## (\w+)$", GUIDES["events"], re.MULTILINE)) == EVENT_NAMES - EDGE_FORBIDDEN == set(ORDER)
    assert set(first_cells(section("events", "What only the server writes"))) == EDGE_FORBIDDEN
    assert named(r'\bevent"?: "(\w+)"') <= EVENT_NAMES
    assert named(r'event\("(\w+)"') <= EVENT_NAMES


def test_fields_of_the_envelope() -> None:
    ours = {"received_at", "edge", "consent_default", "schema_version"}
    rows = re.findall(r"^\| (`[^|]+) \|", section("events", "The envelope"), re.MULTILINE)
    told = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert told == schemas.load("event_envelope")["properties"].keys() - ours


def test_metrics() -> None:
    ours = [metric for metric in REGISTRY.collect() if metric.name.startswith("liveshelf_")]
    shown = {metric.name + ("_total" if metric.type == "counter" else "") for metric in ours}
    listed = {cell for cell in first_cells(section("operating", "Metrics")) if cell.isidentifier()}
    assert listed == shown
    assert named(r"\bliveshelf_[a-z_]+") <= shown


def test_routes() -> None:
    assert set(first_cells(section("keys", "Routes"))) == {f"{method} {path}" for method, path in NEEDS}
    paths = [re.sub(r"\\{\w+\\}", "[^/]+", re.escape(path)) for _, path in NEEDS]
    plain = {re.sub(r"\$\{[^}]*}|…", "x", path) for path in named(r"(/v1/(?:\$\{[^}]*}|[^\s`\"'?),;|])+)")}
    unknown = {path for path in plain if not any(re.fullmatch(known, path) for known in paths)}
    assert unknown == set()


def test_redis_keys() -> None:
    keys = {key for key, *_ in state_table.rows()}
    assert set(first_cells(GUIDES["state"])) == keys
    assert named(r"\bls:[^\s`]+") <= keys


def test_topics() -> None:
    topics = {topic.name for topic in TOPICS.values()}
    assert set(first_cells(section("kafka", "The topics"))) == topics
    assert named(r"liveshelf\.[a-z_]+\.v\d+") <= topics


def test_placements() -> None:
    assert set(first_cells(section("http", "Ask for a shelf that knows it"))) == set(placements())
    assert named(r"recommendations/([a-z]\w+)") <= set(placements())


def test_relations() -> None:
    assert first_cells(section("http", "Why these items")) == list(get_args(Relation))


def test_formats() -> None:
    assert set(re.findall(r"\?format=(\w+)", GUIDES["http"])) == set(adapters())


@pytest.mark.parametrize(
    ("heading", "words"),
    [
        ("Shelves", [*get_args(Status), *get_args(Rung)]),
        ("Verdicts", get_args(VerdictStatus)),
        ("Dead letters", REASONS),
    ],
)
def test_statuses_and_reasons(heading: str, words: Any) -> None:
    assert sorted(first_cells(section("statuses", heading))) == sorted(words)


def test_reasons_of_no_banner() -> None:
    assert first_cells(section("banners", "Why there is none")) == list(get_args(Reason))
    assert schemas.load("banner")["properties"]["reason"]["enum"] == [None, *get_args(Reason)]


def test_problems() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (\d+) \|", section("statuses", "Problems"), re.MULTILINE)
    assert set(rows) == PROBLEMS
    assert {kind for kind, _ in rows} == problem._TITLES.keys()


def test_scopes_and_purposes() -> None:
    assert first_cells(section("keys", "Publishable and secret")) == [
        *(scope for scope in ("events", "decisions") if scope in OF_PAGES),
        *("catalog", "privacy", "ops", "admin"),
    ]
    assert set(first_cells(section("keys", "Publishable and secret"))) == SCOPES
    assert first_cells(section("privacy", "Three purposes")) == list(PURPOSES)


def test_commands() -> None:
    root: Any = typer.main.get_command(app)
    for where, text in EVERYTHING.items():
        for name, more in re.findall(r"^(?:[^\n]*`)?liveshelf ([a-z-]+) ?([a-z]*)", text, re.MULTILINE):
            assert name in root.commands, f"{where}: liveshelf {name}"
            group: Any = getattr(root.commands[name], "commands", None)
            assert group is None or not more or more in group, f"{where}: liveshelf {name} {more}"


def days(ms: float) -> int:
    return int(ms // 86_400_000)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("http", f"Up to {MOST_ITEMS:,} items"),
        ("http", f"bought in the last {placements()['home_for_you'].bought_days} days"),
        ("kafka", f"at most {MAX_EVENT_BYTES // 1024} KiB"),
        ("kafka", f"at most {max(topic.retention_days for topic in TOPICS.values())} days"),
        ("events", f"{LATEST_BEFORE_MS // 3_600_000} hours before and {LATEST_AFTER_MS // 60_000} minutes after"),
        ("events", f"ends after {GAP_MS // 60_000} minutes"),
        ("statuses", f"send {MOST_EVENTS} events or {MOST_ITEMS:,} items"),
        ("statuses", f"not whole after {PATIENCE_S:.0f} s"),
        ("statuses", f"more than {MAX_EVENT_BYTES // 1024} KiB"),
        ("statuses", f"more than {MAX_DEPTH} levels"),
        ("keys", f"at most {days(MOST_S * 1000)} days"),
        ("privacy", f"Raw records stay {TOPICS['events'].retention_days} days"),
        ("privacy", f"counts for {days(RETENTION_MS)} days"),
        ("operating", f"`behind` (from {BEHIND_S:.0f} s)\nor `late` (from {LATE_S:.0f} s)"),
        ("operating", f"good for {min(t.retention_days for t in TOPICS.values() if t.retention_days)} days"),
    ],
)
def test_numbers(name: str, says: str) -> None:
    assert says in GUIDES[name]

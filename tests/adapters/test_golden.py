"""Each format's golden documents: the outcomes written beside them, and whether those are events."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema_rs
import msgspec
import pytest

from stream.adapter import Adapted, Refused
from stream.adapters import adapters
from stream.events import EVENT_NAMES
from stream.ingest import EDGE_FORBIDDEN, Accepted, validate
from stream.strict_json import REASONS, Rejected
from tests.adapters.golden_files import documents, outcomes, written

DOCUMENTS = [pytest.param(name, path, id=f"{name}-{path.stem}") for name, path in documents()]


def golden(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def adapted(name: str, path: Path) -> list[Adapted]:
    found = outcomes(name, golden(path))
    return [] if isinstance(found, Rejected) else [one for one in found if isinstance(one, Adapted)]


@pytest.mark.parametrize(("name", "path"), DOCUMENTS)
def test_the_outcomes_are_the_written_ones(name: str, path: Path) -> None:
    document = golden(path)
    assert written(name, document) == document, "run python -m tests.adapters.golden_files and read the difference"


@pytest.mark.parametrize(("name", "path"), DOCUMENTS)
def test_every_event_is_one_by_schema_and_gate(
    name: str, path: Path, validator: Callable[[str], jsonschema_rs.Draft202012Validator]
) -> None:
    for one in adapted(name, path):
        assert [error.message for error in validator("event").iter_errors(one.event)] == []
        assert isinstance(validate(msgspec.json.encode(one.event), timestamp=1_790_000_000_000), Accepted)


@pytest.mark.parametrize(("name", "path"), DOCUMENTS)
def test_where_a_field_stood_is_a_place_in_the_document(name: str, path: Path) -> None:
    payload = golden(path)["payload"]
    for one in adapted(name, path):
        assert all(exists(payload, place) for place in one.at.values())


@pytest.mark.parametrize("name", adapters())
def test_the_golden_documents_have_every_event_name_of_the_format(name: str) -> None:
    texts = "".join(path.read_text(encoding="utf-8") for format_, path in documents() if format_ == name)
    called = {event.removesuffix(" (type)") for event in adapters()[name].events}
    assert {event for event in called if f'"{event}"' not in texts} <= {"screen"}


@pytest.mark.parametrize("name", adapters())
def test_what_is_refused_is_named_by_its_path(name: str) -> None:
    found = [one for format_, path in documents() if format_ == name for one in flat(outcomes(name, golden(path)))]
    refused = [one for one in found if isinstance(one, Refused)]
    assert refused
    assert all(
        one.why.field.startswith(one.source.partition("[")[0]) or one.why.field == "pushed_at" for one in refused
    )
    assert all(one.why.reason in REASONS and f"`{one.why.field}`" in one.why.detail for one in refused)


@pytest.mark.parametrize("name", adapters())
def test_only_names_that_the_edge_takes_come_out(name: str) -> None:
    adapter = adapters()[name]
    assert set(adapter.events.values()) <= EVENT_NAMES - EDGE_FORBIDDEN
    assert not adapter.unused & adapter.events.keys()
    assert adapter.explain.endswith(".")


def flat(found: Any) -> list[Any]:
    return [] if isinstance(found, Rejected) else found


def exists(payload: Any, place: str) -> bool:
    """Whether a path such as `data[0].items[1].price` leads somewhere."""
    for part in place.replace("[", ".[").split("."):
        if part.startswith("["):
            payload = payload[int(part[1:-1])]
        elif part:
            payload = payload[part]
    return True

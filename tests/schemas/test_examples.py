"""Every schema has examples, and each example is what its folder says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jsonschema_rs
import pytest

import schemas
from stream.events import EVENT_NAMES
from stream.strict_json import REASONS

Validators = Callable[[str], jsonschema_rs.Draft202012Validator]
WITHOUT_EXAMPLES = {"values"}


def cases(valid: bool) -> list[Any]:
    return [
        pytest.param(name, instance, id=f"{name}:{title}")
        for name in schemas.names()
        for title, instance in schemas.examples(name, valid).items()
    ]


@pytest.mark.parametrize(("name", "instance"), cases(valid=True))
def test_valid_examples_are_valid(name: str, instance: Any, validator: Validators) -> None:
    assert [error.message for error in validator(name).iter_errors(instance)] == []


@pytest.mark.parametrize(("name", "instance"), cases(valid=False))
def test_invalid_examples_are_invalid(name: str, instance: Any, validator: Validators) -> None:
    assert not validator(name).is_valid(instance)


@pytest.mark.parametrize("name", [name for name in schemas.names() if name.startswith("events/")])
def test_examples_of_one_event_hold_for_any_event(name: str, validator: Validators) -> None:
    one, every = validator(name), validator("event")
    for valid in (True, False):
        for title, instance in schemas.examples(name, valid).items():
            assert every.is_valid(instance) == one.is_valid(instance) == valid, title


@pytest.mark.parametrize("name", sorted(set(schemas.names()) - WITHOUT_EXAMPLES))
def test_every_schema_has_examples_of_both_kinds(name: str) -> None:
    assert schemas.examples(name, valid=True)
    assert schemas.examples(name, valid=False)


def test_every_example_belongs_to_a_schema() -> None:
    counted = sum(len(schemas.examples(name, valid)) for name in schemas.names() for valid in (True, False))
    assert counted == sum(1 for _ in (schemas.FOLDER / "examples").rglob("*.json"))


def test_there_is_one_schema_for_each_event_name() -> None:
    assert {name.removeprefix("events/") for name in schemas.names() if name.startswith("events/")} == EVENT_NAMES
    assert set(schemas.load("event_envelope")["properties"]["event"]["enum"]) == EVENT_NAMES


def test_the_reasons_of_the_code_are_the_closed_set_of_the_schemas() -> None:
    assert set(schemas.load("dead_letter")["properties"]["reason"]["enum"]) == REASONS
    assert set(schemas.load("problem")["properties"]["reason"]["enum"]) == REASONS


@pytest.mark.parametrize("name", schemas.names())
def test_every_schema_is_a_schema_and_describes_its_fields(name: str) -> None:
    schema = schemas.load(name)
    jsonschema_rs.meta.validate(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["title"]
    fields = {} if name.startswith("events/") else schema.get("properties", {})
    assert [field for field, one in fields.items() if not {"description", "$ref"} & one.keys()] == []


@pytest.mark.parametrize("name", schemas.names())
def test_examples_inside_a_schema_are_valid(name: str, validator: Validators) -> None:
    for instance in schemas.load(name).get("examples", []):
        assert validator(name).is_valid(instance)


def test_an_unknown_name_is_told() -> None:
    with pytest.raises(KeyError, match="there is no schema 'evnet'"):
        schemas.load("evnet")

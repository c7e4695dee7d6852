"""Validators of the checked-in schemas, with formats asserted."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import jsonschema_rs
import pytest

import schemas

ROOT = "liveshelf:///"


@pytest.fixture(scope="session")
def validator() -> Callable[[str], jsonschema_rs.Draft202012Validator]:
    registry = jsonschema_rs.Registry([(f"{ROOT}{name}.json", schemas.load(name)) for name in schemas.names()])

    @cache
    def of(name: str) -> jsonschema_rs.Draft202012Validator:
        return jsonschema_rs.Draft202012Validator(
            {"$ref": f"{ROOT}{name}.json"}, registry=registry, validate_formats=True
        )

    return of

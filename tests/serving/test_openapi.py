"""The checked-in OpenAPI document is what the code says, and describes every route."""

from pathlib import Path
from typing import Any

import jsonschema_rs

import schemas
from serving.http import openapi, routes
from tests.serving.deployment import Deployment


def test_the_document_is_fresh() -> None:
    checked_in = Path(schemas.FOLDER / "openapi.json").read_text(encoding="utf-8")
    assert checked_in == openapi.text(), "run: python -m serving.http.openapi > schemas/openapi.json"


async def test_the_served_document_is_the_checked_in_one(shop: Deployment) -> None:
    assert (await shop.call("GET", "/openapi.json")).json() == openapi.document()


async def test_every_route_is_described_and_nothing_else(shop: Deployment) -> None:
    described = {(method.upper(), path) for path, of_path in openapi.document()["paths"].items() for method in of_path}
    assert described == {(route.method, routes.described(route.path)) for route in shop.api.routes}


def test_every_reference_leads_somewhere() -> None:
    document = openapi.document()
    for reference in _references(document):
        found: Any = document
        for part in reference.removeprefix("#/").split("/"):
            found = found[part]


def test_every_schema_is_one() -> None:
    for name, schema in openapi.document()["components"]["schemas"].items():
        assert jsonschema_rs.meta.is_valid({"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}), name


def test_operations_have_names_of_their_own_and_a_sentence() -> None:
    operations = [one for of_path in openapi.document()["paths"].values() for one in of_path.values()]
    assert len({one["operationId"] for one in operations}) == len(operations)
    assert all(one["summary"].endswith(".") and one["responses"] for one in operations)


def _references(value: Any) -> list[str]:
    if isinstance(value, list):
        return [found for one in value for found in _references(one)]
    if not isinstance(value, dict):
        return []
    own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
    return own + [found for one in value.values() for found in _references(one)]

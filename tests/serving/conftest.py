"""A deployment in memory for each test, and the checked-in schemas as validators."""

from collections.abc import AsyncIterator, Callable

import jsonschema_rs
import pytest

import schemas
from tests.serving.deployment import Deployment

BASE = "https://liveshelf.invalid/schemas/"


@pytest.fixture
async def shop() -> AsyncIterator[Deployment]:
    """A deployment without items or events."""
    deployment = Deployment()
    yield deployment
    await deployment.client.aclose()


@pytest.fixture(scope="session")
def validator() -> Callable[[str], jsonschema_rs.Draft202012Validator]:
    """Makes the validator of a checked-in schema."""
    named = {f"{BASE}{name}.json": schemas.load(name) for name in schemas.names()}
    registry = jsonschema_rs.Registry(list(named.items()))

    def of(name: str) -> jsonschema_rs.Draft202012Validator:
        return jsonschema_rs.Draft202012Validator({"$ref": f"{BASE}{name}.json"}, registry=registry)

    return of

"""Whatever a contract refers to is there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import schemas

FILES = [f"{name}.json" for name in schemas.names()]


def read(file: Path) -> Any:
    return yaml.safe_load(file.read_text("utf-8"))


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for one in node.values():
            yield from references(one)
    elif isinstance(node, list):
        for one in node:
            yield from references(one)


@pytest.mark.parametrize("name", [*FILES, "asyncapi.yaml"])
def test_references_lead_somewhere(name: str) -> None:
    here = schemas.FOLDER / name
    for target in references(read(here)):
        file, _, place = target.partition("#")
        node = read(here.parent / file) if file else read(here)
        for step in filter(None, place.split("/")):
            assert step in node, f"{target} leads nowhere"
            node = node[step]

"""The tables of `stream/adapters/DESIGN.md` are what the code maps."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import stream.adapters
from stream.adapters import adapters

DESIGN = (Path(stream.adapters.__file__).parent / "DESIGN.md").read_text(encoding="utf-8")


def section(name: str) -> str:
    """The chapter whose title begins with the format's name."""
    return next(part for part in DESIGN.split("\n## ") if re.split(r"\W", part, maxsplit=1)[0].lower() == name)


def rows(text: str, name: str) -> list[tuple[str, str]]:
    table = text.split(f"| {name} | ours |\n|---|---|\n", 1)[1].split("\n\n", 1)[0]
    return re.findall(r"^\| `(.+)` \| `(.+)` \|$", table, re.MULTILINE)


@pytest.mark.parametrize("name", adapters())
def test_events(name: str) -> None:
    assert rows(section(name).split("### Events")[1], name) == list(adapters()[name].events.items())


@pytest.mark.parametrize("name", adapters())
def test_names_that_are_ignored(name: str) -> None:
    line = section(name).split("Known, and answered `ignored`: ")[1].split(".\n")[0]
    assert set(re.findall(r"`([^`]+)`", line)) == adapters()[name].unused


@pytest.mark.parametrize("name", adapters())
def test_fields(name: str) -> None:
    assert rows(section(name).split("### Fields")[1], name) == list(adapters()[name].fields.items())

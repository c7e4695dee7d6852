"""The contracts as files: JSON Schema 2020-12, examples of what is valid and what is not, and the topics.

A schema's name is its path below this folder without the ending: `event`, `events/view_item`, `catalog_item`. Files
refer to each other by relative path, so an editor resolves them in a checkout, offline. `openapi.json` is not a schema
of this kind.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
_EXAMPLES = FOLDER / "examples"
_NOT_SCHEMAS = {"openapi"}


@cache
def names() -> tuple[str, ...]:
    """The names of all schemas, in order."""
    files = [*FOLDER.glob("*.json"), *FOLDER.glob("events/*.json")]
    return tuple(sorted({path.relative_to(FOLDER).with_suffix("").as_posix() for path in files} - _NOT_SCHEMAS))


def load(name: str) -> dict[str, Any]:
    """The schema of this name; KeyError if there is none."""
    if name not in names():
        raise KeyError(f"there is no schema {name!r}; there are {', '.join(names())}")
    document: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_bytes())
    return document


def examples(name: str, valid: bool) -> dict[str, Any]:
    """Instances that the schema allows, or that it does not, by file name.

    An invalid one's name says what is wrong, and for what comes in (events, items) after a point also the reason that
    the gate gives: `quantity_zero.range`.
    """
    folder = _EXAMPLES / name / ("valid" if valid else "invalid")
    return {path.name.removesuffix(".json"): json.loads(path.read_bytes()) for path in sorted(folder.glob("*.json"))}

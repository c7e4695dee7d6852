"""The golden documents of each format: what goes in, and what must come out.

``python -m tests.adapters.golden_files`` writes the outcomes anew; read the difference before it is committed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from stream.adapter import Adapted, Ignored, Outcome
from stream.adapters import adapters
from stream.strict_json import Rejected

FOLDER = Path(__file__).parent / "golden"


def documents() -> Iterator[tuple[str, Path]]:
    """Every golden document with the name of its format."""
    return ((path.parent.name, path) for path in sorted(FOLDER.glob("*/*.json")))


def outcomes(name: str, golden: dict[str, Any]) -> list[Outcome] | Rejected:
    return adapters()[name].adapt(golden["payload"], golden.get("item_id", "sku"))


def written(name: str, golden: dict[str, Any]) -> dict[str, Any]:
    """A golden document with the outcomes as they are now."""
    found = outcomes(name, golden)
    if isinstance(found, Rejected):
        return {**golden, "outcomes": _refusal(found)}
    return {**golden, "outcomes": [_outcome(one) for one in found]}


def _outcome(one: Outcome) -> dict[str, Any]:
    if isinstance(one, Adapted):
        return {"source": one.source, "event": one.event}
    told = {"ignored": one.why} if isinstance(one, Ignored) else {"refused": _refusal(one.why)}
    return {"source": one.source, "event_id": one.event_id, **told}


def _refusal(why: Rejected) -> dict[str, str]:
    return {"reason": why.reason, "field": why.field, "detail": why.detail}


if __name__ == "__main__":
    for format_, file in documents():
        whole = written(format_, json.loads(file.read_text(encoding="utf-8")))
        file.write_text(json.dumps(whole, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")

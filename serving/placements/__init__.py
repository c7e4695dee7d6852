"""The built-in placements, one JSON document each; the folder is scanned."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

from serving.config.documents import Kind
from serving.placement import KIND, Placement, placement


@cache
def placements() -> Mapping[str, Placement]:
    """The built-in placements by name."""
    files = sorted(Path(__file__).parent.glob("*.json"))
    return MappingProxyType({file.stem: placement(json.loads(file.read_bytes()), file.stem) for file in files})


@cache
def kind() -> Kind[Placement]:
    """Placements as a kind of document that marketers edit."""
    return Kind(KIND, placement, placements())

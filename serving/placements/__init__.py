"""One file per kind of placement; the folder is scanned."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from serving.placement import Placement


@cache
def placements() -> dict[str, Placement]:
    """The built-in placements by name."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    found: list[Placement] = [importlib.import_module(f"{__name__}.{name}").PLACEMENT for name in names]
    return {one.name: one for one in found}

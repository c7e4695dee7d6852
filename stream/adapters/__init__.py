"""One file per foreign event format; the folder is scanned."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from stream.adapter import Adapter


@cache
def adapters() -> dict[str, Adapter]:
    """The adapters by name."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    found: list[Adapter] = [importlib.import_module(f"{__name__}.{name}").ADAPTER for name in names]
    return {one.name: one for one in found}

"""One file per signal; the folder is scanned."""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any, Literal

from stream.signal import Signal


def _scan() -> tuple[Signal[Any], ...]:
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    return tuple(importlib.import_module(f"{__name__}.{name}").SIGNAL for name in names)


def signals(scope: Literal["visitor", "item"]) -> tuple[Signal[Any], ...]:
    """The signals of one scope, by name."""
    return tuple(signal for signal in _scan() if signal.scope == scope)

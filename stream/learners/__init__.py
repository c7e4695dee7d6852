"""One file per online model; the folder is scanned."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from stream.chooser import Chooser
from stream.estimator import Estimator


def names() -> list[str]:
    """The models' names, without importing them (River takes a second)."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


@cache
def models() -> dict[str, type[Estimator | Chooser]]:
    """The estimator of each model, by name."""
    found: list[type[Estimator | Chooser]] = [importlib.import_module(f"{__name__}.{name}").MODEL for name in names()]
    return {model.name: model for model in found}

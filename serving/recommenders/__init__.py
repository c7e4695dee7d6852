"""One file per candidate generator; the folder is scanned."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from serving.recommender import Recommender, Relation


@cache
def recommenders() -> dict[str, Recommender]:
    """The candidate generators by name, in the order of their tiers."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    found: list[Recommender] = [importlib.import_module(f"{__name__}.{name}").RECOMMENDER for name in names]
    return {one.name: one for one in sorted(found, key=lambda one: (one.tier, one.name))}


@cache
def relations() -> dict[str, Relation | None]:
    """How each generator's candidates stand to the visitor's item that speaks for them."""
    return {name: one.relation for name, one in recommenders().items()}

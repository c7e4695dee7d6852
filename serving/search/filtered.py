"""The filters of a search, taken apart by field, so that a facet can leave its own out."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from functools import reduce
from operator import and_
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.filters.columns import Mask
from serving.filters.rule import Rule, compiled
from serving.shop import Shop


class Filtered:
    """What filters let through; all of them must hold."""

    def __init__(self, shop: Shop, rules: Iterable[Rule]) -> None:
        self._masks = [(_field(rule), shop.met(rule)) for rule in rules]

    @property
    def fields(self) -> Collection[str]:
        """The fields that a facet may leave out."""
        return {field for field, _ in self._masks if field}

    def lets(self, codes: NDArray[np.int32], but: str | None = None) -> Mask:
        """Which of these codes all let through, or all but those about one field."""
        masks = [mask[codes] for field, mask in self._masks if not field or field != but]
        found: Mask = reduce(and_, masks) if masks else np.ones(len(codes), np.bool_)
        return found


def parts(rule: Rule, document: dict[str, Any]) -> list[Rule]:
    """A filter as one for each of its conditions; `rule` is `document`, compiled."""
    return [rule] if len(document) == 1 else [compiled({name: value}) for name, value in document.items()]


def _field(rule: Rule) -> str:
    """The only field that it asks about; empty if it asks about several."""
    return next(iter(rule.fields)) if len(rule.fields) == 1 else ""

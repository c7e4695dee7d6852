"""Masks of filters that are asked for again and again, kept until one of their own fields has changed.

A shop's stock changes all the time, its brands and categories hardly ever: a rule on brands costs nothing when an item
is sold.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from serving.filters.columns import Columns, Mask
from serving.filters.rule import Rule

KEPT = 1_024


class _Kept(NamedTuple):
    at: tuple[int, int]
    stamp: tuple[int, int]
    mask: Mask


class Masks:
    """Masks by filter; each is the same array for as long as it says the same."""

    def __init__(self, columns: Columns) -> None:
        self.columns = columns
        self._kept: OrderedDict[Rule, _Kept] = OrderedDict()

    def of(self, rule: Rule) -> Mask:
        """By code, which items the filter lets through."""
        columns = self.columns
        at, kept = (columns.version, columns.count), self._kept.get(rule)
        if kept is not None and kept.at == at:
            return kept.mask
        stamp = columns.stamp(rule.fields)
        mask = kept.mask if kept is not None and kept.stamp == stamp else rule.mask(columns)
        self._kept[rule] = _Kept(at, stamp, mask)
        self._kept.move_to_end(rule)
        if len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return mask


class Together:
    """The mask of several filters that must all hold, those that are `never` as their opposites."""

    def __init__(self, parts: Sequence[tuple[Rule, bool]]) -> None:
        self._parts = parts
        self._masks: Masks | None = None

    def __call__(self, columns: Columns) -> Mask:
        if self._masks is None or self._masks.columns is not columns:
            self._masks = Masks(columns)
        of = self._masks.of
        met = np.ones(columns.count, np.bool_)
        for part, never in self._parts:
            met &= ~of(part) if never else of(part)
        return met

"""What was asked and at which place the answer stood: one row a target, by columns, as a history has millions."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from serving.quality import MISSED, Places

OURS = "liveshelf"
STEPS = ("view_item", "add_to_cart")
NOT_ASKED = MISSED - 1


class Target(Struct, frozen=True):
    """What came next, and when.

    Attributes
    ----------
    session: a number of its session.
    length: steps that the session had before.
    event: `STEPS`, or another name where the item came without a step.
    unseen: no session taught anything of it.
    cold: it came up in the tested part, in few sessions before this one.
    repeated: it was a step of its session before.
    stranger: its session began in the tested part, and nothing was known of its visitor then.
    """

    session: int
    length: int
    event: str
    unseen: bool = False
    cold: bool = False
    repeated: bool = False
    stranger: bool = False


class Ledger:
    """Targets, and for each recommender the place of each target in its list.

    Parameters
    ----------
    names: the recommenders.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._places = {name: array("b") for name in names}
        self._apart = {name: array("b") for name in self._places}
        self._session, self._length, self._event = array("q"), array("q"), array("b")
        self._flags = {name: array("b") for name in ("unseen", "cold", "repeated", "stranger")}
        self._bought = array("q")

    def __len__(self) -> int:
        return len(self._session)

    @property
    def names(self) -> list[str]:
        """The recommenders."""
        return list(self._places)

    def add(self, target: Target, places: Mapping[str, int], apart: Mapping[str, int]) -> int:
        """The number of the row; `apart` are places in lists without the session's own items, if those were asked."""
        self._session.append(target.session)
        self._length.append(target.length)
        self._event.append(STEPS.index(target.event) if target.event in STEPS else len(STEPS))
        for name, flags in self._flags.items():
            flags.append(getattr(target, name))
        for name, column in self._places.items():
            column.append(places[name])
            self._apart[name].append(apart.get(name, NOT_ASKED))
        return len(self) - 1

    def buy(self, row: int) -> None:
        """The row's item was bought in its session."""
        self._bought.append(row)

    def places(self, name: str) -> Places:
        """By row, the target's place in the list of `name`."""
        return np.array(self._places[name], np.int64)

    def apart(self, name: str) -> Places:
        """By row, the target's place in the list without the session's items; `NOT_ASKED` where there is none."""
        return np.array(self._apart[name], np.int64)

    def sessions(self) -> npt.NDArray[np.int64]:
        """By row, the session's number."""
        return np.array(self._session, np.int64)

    def rows(self) -> dict[str, npt.NDArray[np.int64]]:
        """The rows of each group of targets that the report has."""
        event, length = np.array(self._event), np.array(self._length)
        flag = {name: np.array(flags, bool) for name, flags in self._flags.items()}
        step = event < len(STEPS)
        following, first = step & (length > 0), step & (length == 0)
        new = following & ~flag["repeated"]
        masks = {
            "next": following,
            "first": first,
            "new_in_session": new,
            "cold_first": first & flag["stranger"],
            "cold_next": step & (length == 1) & flag["stranger"],
            "unseen": step & flag["unseen"],
            "unseen_items": new & flag["unseen"],
            "cold_items": new & flag["cold"],
        }
        masks |= {name: following & (event == number) for number, name in enumerate(STEPS)}
        masks |= {name: step & (length >= low) & (length <= high) for name, low, high in LENGTHS}
        return {name: np.flatnonzero(mask) for name, mask in masks.items()} | {"purchase": np.array(self._bought)}


LENGTHS = (("1", 1, 1), ("2", 2, 2), ("3-4", 3, 4), ("5-9", 5, 9), ("10+", 10, 1 << 60))

"""What may be among the results: sold now, and not kept out by the visitor, the request, marketers or their rules.

As the contract says of every decision: never what is out of stock, hidden, in the cart, bought in the last 30 days,
dismissed or excluded. Of these, what lies in the cart or was bought is told apart (`yours`): who asks for it by name
must not read that it is not sold here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

import numpy as np

from serving.filters.columns import Mask
from serving.filters.rule import Rule
from serving.shop import Shop

YOURS: Mapping[str, str] = {"in_cart": "is in your cart already", "bought": "was bought by you lately"}
"""Why an item that the visitor has is left out, and how to say it."""


class Showable:
    """What may be shown, by code.

    Parameters
    ----------
    hidden: by item why a visit hides it; `excluded` by the request, `curated` by what marketers say of the query.
    rule: what marketers' filter rules let through; None: everything.

    Attributes
    ----------
    may: what may be among the results.
    yours: what might be as well if the visitor had it not already; None: nothing.
    """

    def __init__(
        self,
        shop: Shop,
        hidden: Mapping[str, str],
        excluded: Collection[str],
        curated: Collection[str],
        rule: Rule | None,
    ) -> None:
        self._shop, self._hidden = shop, hidden
        shown = shop.shown
        self.may = np.ones(len(shop.codes), np.bool_) if shown is None else shown.copy()
        if rule is not None:
            self.may &= shop.met(rule)[: len(self.may)]
        self._take_out({*excluded, *curated})
        self.yours = self._mine([item_id for item_id, why in hidden.items() if why in YOURS])
        self._take_out(hidden)

    def lets(self, item_id: str) -> bool:
        """Whether it may be among the results."""
        return self._is(self.may, item_id)

    def why(self, item_id: str) -> str:
        """Why an item is left out although it matches (`YOURS`); empty where that is not why."""
        return self._hidden[item_id] if self.yours is not None and self._is(self.yours, item_id) else ""

    def _is(self, mask: Mask, item_id: str) -> bool:
        code = self._shop.codes.known(item_id)
        return code is not None and code < len(mask) and bool(mask[code])

    def _take_out(self, item_ids: Iterable[str]) -> None:
        self.may[self._codes(item_ids)] = False

    def _mine(self, item_ids: Iterable[str]) -> Mask | None:
        codes = [code for code in self._codes(item_ids) if self.may[code]]
        if not codes:
            return None
        mine = np.zeros(len(self.may), np.bool_)
        mine[codes] = True
        return mine

    def _codes(self, item_ids: Iterable[str]) -> list[int]:
        known = map(self._shop.codes.known, item_ids)
        return [code for code in known if code is not None and code < len(self.may)]

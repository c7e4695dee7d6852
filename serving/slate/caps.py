"""Caps: how many items of one category, brand or group a shelf shows at most."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from serving.placement import Placement
from serving.shop import Shop


class Caps:
    """Counts what a shelf has taken of each category and brand, against the placement's limits.

    What has no category or no brand is not counted. Groups are the slate's own (`serving/slate/slate.py`).
    """

    def __init__(self, placement: Placement, shop: Shop) -> None:
        caps = placement.caps
        limits = (("category", caps.category, shop.category_of.get), ("brand", caps.brand, shop.brand_of.get))
        self._limits: list[tuple[str, int, Callable[[str], str | None]]] = [
            (name, limit, of) for name, limit, of in limits if limit is not None
        ]
        self._taken: Counter[tuple[str, str]] = Counter()

    def take(self, item_id: str) -> str:
        """Count the item in, or say which cap is reached, as a refusal."""
        of_it = [(name, value, limit) for name, limit, of in self._limits if (value := of(item_id)) is not None]
        for name, value, limit in of_it:
            if self._taken[name, value] >= limit:
                return f"cap_{name}"
        self._taken.update((name, value) for name, value, _ in of_it)
        return ""

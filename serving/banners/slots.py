"""The campaigns by slot: made once for each change of the documents."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from serving.banners.campaign import Campaign
from serving.config.documents import Documents


class Slots:
    """Follows the documents."""

    def __init__(self, documents: Documents[Campaign]) -> None:
        self._documents = documents
        self._of: Mapping[str, Campaign] | None = None
        self._slots: dict[str, tuple[Campaign, ...]] = {}

    def of(self, slot: str) -> tuple[Campaign, ...]:
        """The campaigns of a slot that are on, in their order; none where no document names it."""
        return self._now().get(slot, ())

    @property
    def names(self) -> Iterable[str]:
        """The slots that have campaigns."""
        return self._now().keys()

    def _now(self) -> Mapping[str, tuple[Campaign, ...]]:
        documents = self._documents.all  # another mapping after a change
        if documents is not self._of:
            self._of, self._slots = documents, by_slot(documents.values())
        return self._slots


def by_slot(campaigns: Iterable[Campaign]) -> dict[str, tuple[Campaign, ...]]:
    """Those that are on, by each of their slots, in their order."""
    found: dict[str, list[Campaign]] = {}
    for one in sorted(campaigns, key=lambda one: one.order):
        for slot in one.document.slots if one.document.enabled else ():
            found.setdefault(slot, []).append(one)
    return {slot: tuple(here) for slot, here in found.items()}

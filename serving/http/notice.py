"""``GET /v1/privacy/notice``: what is kept, why, for how long, and how to change it; for everybody."""

from __future__ import annotations

import msgspec

from serving.config.documents import Documents
from serving.http.access import Served
from serving.http.answer import Answer
from serving.http.exchange import Exchange
from serving.notice import notice
from serving.placement import Placement


class Notice:
    """The route."""

    def __init__(self, consent_default: str, placements: Documents[Placement]) -> None:
        self._consent_default, self._placements = consent_default, placements
        self._known = placements.all
        self._answer = self._written()

    @property
    def routes(self) -> Served:
        """What it answers."""
        return (("GET", "/v1/privacy/notice", self.answer),)

    async def answer(self, _: Exchange) -> Answer:
        if self._known is not self._placements.all:
            self._known, self._answer = self._placements.all, self._written()
        return self._answer

    def _written(self) -> Answer:
        return Answer(msgspec.json.encode(notice(self._consent_default, self._placements.all.values())))

"""``GET /v1/privacy/notice``: what is kept, why, for how long, and how to change it; for everybody."""

from __future__ import annotations

import msgspec

from serving.http.answer import Answer
from serving.http.exchange import Exchange
from serving.notice import notice


class Notice:
    """The route."""

    def __init__(self, consent_default: str) -> None:
        self._answer = Answer(msgspec.json.encode(notice(consent_default)))

    async def answer(self, _: Exchange) -> Answer:
        return self._answer

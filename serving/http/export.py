"""``GET /v1/visitors/{visitor_id}/export``: what is held of a visitor, streamed."""

from __future__ import annotations

from serving.export import Busy, Exports
from serving.http import problem
from serving.http.access import Served
from serving.http.answer import Streamed
from serving.http.exchange import Exchange
from serving.http.visitors import visitor_id_of
from stream.cluster import BrokerAway
from stream.state.store import Unavailable

BUSY_S = 5
HEADERS = ((b"content-disposition", b'attachment; filename="liveshelf-export.json"'),)


class Export:
    """The route."""

    def __init__(self, exports: Exports) -> None:
        self._exports = exports

    @property
    def routes(self) -> Served:
        """What it answers."""
        return (("GET", "/v1/visitors/{visitor_id:id}/export", self.answer),)

    async def answer(self, exchange: Exchange) -> Streamed:
        """The document; 503 if it cannot begin."""
        parts = self._exports.parts(visitor_id_of(exchange))
        try:
            first = await anext(parts)
        except Busy:
            raise problem.unavailable("Another export is being made; one at a time. Ask again.", BUSY_S) from None
        except (Unavailable, BrokerAway):
            raise problem.unavailable(
                "Redis or the broker does not answer, so not all could be told. Ask again."
            ) from None
        return Streamed(first, parts, headers=HEADERS)

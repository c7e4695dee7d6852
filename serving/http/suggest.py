"""``GET /v1/suggest``: what a shopper may be about to type."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import msgspec
from msgspec import Struct

from serving.http import problem
from serving.http.access import Served
from serving.http.answer import Answer
from serving.http.exchange import Exchange
from serving.http.search import query_of
from serving.search.suggestions import Suggestion

SUGGESTIONS, MOST_SUGGESTIONS = 8, 20
_WRONG_N = f"It must be a whole number from 1 to {MOST_SUGGESTIONS}."

_encode = msgspec.json.Encoder().encode


class Suggested(Struct, frozen=True):
    """The answer."""

    query: str
    suggestions: Sequence[Suggestion]
    took_ms: float


class Suggest:
    """The route; `suggest` says at most so many suggestions for what was typed."""

    def __init__(
        self, suggest: Callable[[str, int], Sequence[Suggestion]], timer: Callable[[], float] = time.perf_counter
    ) -> None:
        self._suggest, self._timer = suggest, timer

    @property
    def routes(self) -> Served:
        """What it answers."""
        return (("GET", "/v1/suggest", self.answer),)

    async def answer(self, exchange: Exchange) -> Answer:
        began, asked = self._timer(), dict(exchange.parameters())
        query = query_of(asked.get("q", ""))
        found = self._suggest(query, _count(asked["n"]) if "n" in asked else SUGGESTIONS)
        return Answer(_encode(Suggested(query, found, (self._timer() - began) * 1000)))


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 4 and 1 <= int(text) <= MOST_SUGGESTIONS):
        raise problem.wrong_at("/n", _WRONG_N)
    return int(text)

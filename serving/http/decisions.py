"""``GET /v1/decisions/{decision_id}``: why a decision was made, for the shop and for the shopper whose it was."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from serving.again import Again
from serving.explain import Explained, Explanations
from serving.http import problem
from serving.http.access import Served
from serving.http.answer import Answer
from serving.http.exchange import Caller, Exchange
from stream.tokens import BadToken

_NONE = "There is no such decision among those that this key and this visitor token may see."
_encode = msgspec.json.Encoder().encode


class Decisions:
    """The route. `again` decides again; `pid_of` gives a visitor's pseudonym of epoch 0."""

    def __init__(self, explanations: Explanations, again: Again, pid_of: Callable[[str], str]) -> None:
        self._explanations, self._again, self._pid_of = explanations, again, pid_of

    @property
    def routes(self) -> Served:
        """What it answers."""
        return (("GET", "/v1/decisions/{decision_id}", self.answer),)

    async def answer(self, exchange: Exchange) -> Answer:
        """The explanation; 404 alike for what was never made and for what is another's."""
        try:
            found = await self._explanations.of(exchange.path["decision_id"])
        except BadToken:
            raise problem.not_found(_NONE) from None
        if not self._may_see(exchange.caller, found):
            raise problem.not_found(_NONE)
        explanation = found.explanation
        if explanation.record is not None:
            recomputed = await self._again.of(msgspec.json.decode(explanation.record))
            explanation = msgspec.structs.replace(explanation, recomputed=recomputed)
        return Answer(_encode(explanation))

    def _may_see(self, caller: Caller, found: Explained) -> bool:
        if caller.token is None:
            return caller.key.secret
        pid = found.pid if found.visitor_id is None else self._pid_of(found.visitor_id)
        return caller.token.pid == pid

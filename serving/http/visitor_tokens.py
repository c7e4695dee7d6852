"""``POST /v1/visitors/{visitor_id}/token``: the shop's server says who a visitor is, in a token for its page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from serving.http import problem
from serving.http.access import Served
from serving.http.answer import Answer
from serving.http.body import struct_of
from serving.http.exchange import Exchange
from stream.pseudonyms import Pseudonyms
from stream.tokens import VisitorToken, visitor_token

MOST_BYTES = 4_096
USUAL_S = 24 * 3_600
MOST_S = 30 * 24 * 3_600
MOST_CHARACTERS = 128

Id = Annotated[str, Meta(min_length=1, max_length=MOST_CHARACTERS, pattern=r"[^ \t\r\n]")]


class TokenAsk(Struct, frozen=True, forbid_unknown_fields=True):
    """Whom the token names beside the visitor, and how long it holds."""

    customer_id: Id | None = None
    ttl_s: Annotated[int, Meta(ge=1, le=MOST_S)] = USUAL_S


class Minted(Struct, frozen=True):
    """A new token; `expires_at` in ms since 1970, as all instants of the API."""

    visitor_token: str
    expires_at: int


_encode = msgspec.json.Encoder().encode


class VisitorTokens:
    """The route. `clock` gives now in ms, `pid_of` a visitor's pseudonym of epoch 0."""

    def __init__(
        self, signing_key: bytes, pseudonyms: Pseudonyms, pid_of: Callable[[str], str], clock: Callable[[], float]
    ) -> None:
        self._signing_key, self._pseudonyms = signing_key, pseudonyms
        self._pid_of, self._clock = pid_of, clock

    @property
    def routes(self) -> Served:
        """What it answers."""
        return (("POST", "/v1/visitors/{visitor_id:id}/token", self.mint),)

    async def mint(self, exchange: Exchange) -> Answer:
        visitor_id = exchange.path["visitor_id"]
        if not visitor_id.strip() or len(visitor_id) > MOST_CHARACTERS:
            raise problem.bad_request(f"A visitor_id has 1 to {MOST_CHARACTERS} characters, and is not blank.")
        return Answer(_encode(self.token_of(visitor_id, struct_of(await exchange.body(MOST_BYTES), TokenAsk))))

    def token_of(self, visitor_id: str, ask: TokenAsk) -> Minted:
        """A new token."""
        cid = "" if ask.customer_id is None else self._pseudonyms.of_customer(ask.customer_id)
        expires_at = int(self._clock() / 1000) + ask.ttl_s
        token = VisitorToken(self._pid_of(visitor_id), cid, expires_at, self._pseudonyms.length)
        return Minted(visitor_token(self._signing_key, token), expires_at * 1000)

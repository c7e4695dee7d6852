"""Who asks: the publishable key, which pages carry, or the secret key, which servers keep.

Both are compared in constant time. A key opens routes, it does not name a visitor: a visitor's id that the SDK makes is
random and is itself the capability for that visitor's decisions.
"""

from __future__ import annotations

import hmac
from typing import Literal

from serving.http.exchange import Exchange
from serving.http.problem import Problem

Access = Literal["publishable", "secret"]

_CHALLENGE = ((b"www-authenticate", b'Bearer realm="liveshelf"'),)
_IN_URL = (
    "The secret key came in a URL, where logs keep it. Make a new one, and send it as Authorization: Bearer sk_… from "
    "servers only."
)
_UNKNOWN = (
    "The key is not one of this deployment's. Compare it with the one that `liveshelf up` printed or "
    "LIVESHELF_PUBLISHABLE_KEY says."
)
_NOT_PUBLISHABLE = (
    "This route needs the secret key (sk_…); the publishable one (pk_…) is for events and decisions. Call it from a "
    "server."
)
_NO_KEYS = (
    "This deployment has no keys, and there are no default ones. Set LIVESHELF_PUBLISHABLE_KEY and "
    "LIVESHELF_SECRET_KEY; `liveshelf up` makes a pair by itself."
)


class ApiKeys:
    """The deployment's two keys; an empty one opens nothing."""

    def __init__(self, publishable: str, secret: str) -> None:
        self._publishable, self._secret = publishable.encode(), secret.encode()

    def access(self, exchange: Exchange, needed: Access, *, in_query: bool = False) -> Access:
        """What the request's key may do, at least `needed`; else `Problem` 401 or 403.

        With `in_query` a beacon, which can set no header, may send the publishable key as ``?key=``.
        """
        token = _bearer(exchange)
        if token is None and in_query:
            token = next((value.encode() for name, value in exchange.parameters() if name == "key"), None)
            if token is not None and self._is_secret(token):
                raise Problem(403, "wrong_key", _IN_URL)
        if token is None:
            raise Problem(401, "no_key", self._missing(), headers=_CHALLENGE)
        if self._is_secret(token):
            return "secret"
        if not (self._publishable and hmac.compare_digest(token, self._publishable)):
            raise Problem(401, "no_key", _UNKNOWN, headers=_CHALLENGE)
        if needed == "secret":
            raise Problem(403, "wrong_key", _NOT_PUBLISHABLE)
        return "publishable"

    def _is_secret(self, token: bytes) -> bool:
        return bool(self._secret) and hmac.compare_digest(token, self._secret)

    def _missing(self) -> str:
        if not (self._publishable or self._secret):
            return _NO_KEYS
        return "The request carries no key. Send it as Authorization: Bearer pk_… or sk_…"


def _bearer(exchange: Exchange) -> bytes | None:
    value = exchange.header(b"authorization")
    if value is None:
        return None
    scheme, _, token = value.partition(b" ")
    return token.strip() if scheme.lower() == b"bearer" else b""

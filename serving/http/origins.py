"""Whose pages may call: CORS, by key.

A preflight carries no key, so it is told what any key allows; the answer itself obeys its own key. A page on the API's
own origin is no other origin (behind a proxy this needs the Host header as the browser sent it).
"""

from __future__ import annotations

from collections.abc import Iterable

from serving.http.answer import CORS, CORS_NAMED, Headers
from serving.http.exchange import Exchange, Scope, header
from serving.http.keys import Key
from serving.http.problem import Problem

_VARY: Headers = ((b"vary", b"origin"),)
_IN_A_PAGE = (
    "This secret key was sent by a page of another origin, so everybody who opens that page has it. Make a new key, "
    "and call from a server; pages use a publishable one (pk_…)."
)
_ELSEWHERE = (
    "This key is not for pages of this origin. Add the origin to the key's `origins` (the publishable key's are "
    "LIVESHELF_ALLOWED_ORIGINS), or use another key."
)


class Origins:
    """What all keys together allow, and what one allows."""

    def __init__(self, keys: Iterable[Key]) -> None:
        allowed = [key.origins for key in keys]
        self._anywhere = not allowed or None in allowed
        self._named = frozenset(origin for origins in allowed if origins is not None for origin in origins)

    def of_any(self, scope: Scope) -> Headers:
        """The headers as long as the key is not known."""
        return CORS if self._anywhere else _naming(header(scope, b"origin"), self._named)

    def check(self, key: Key, exchange: Exchange) -> None:
        """Give the exchange its key's headers; `Problem` 403 if a page of another origin may not use this key."""
        if key.origins is None:
            exchange.cors = CORS
            return
        origin = exchange.header(b"origin")
        exchange.cors = _naming(origin, key.origins)
        if origin is None or origin in key.origins or _own(origin, exchange.header(b"host")):
            return
        raise Problem(403, "wrong_origin", _IN_A_PAGE if key.secret else _ELSEWHERE)


def _naming(origin: bytes | None, allowed: frozenset[bytes]) -> Headers:
    if origin is None or origin not in allowed:
        return _VARY
    return ((b"access-control-allow-origin", origin), *CORS_NAMED, *_VARY)


def _own(origin: bytes, host: bytes | None) -> bool:
    return host is not None and origin.partition(b"://")[2] == host

"""Who may call what: one table of all routes, and the gate that every route stands behind.

```
request ─▶ key (401) ─▶ its origins (403) ─▶ its scopes (403) ─▶ visitor token (401, 403) ─▶ rate (429) ─▶ the route
```
A publishable key opens what pages need; it does not name a visitor. A visitor's own data (`own`) opens to a secret key
with the scope, or to any publishable key together with that visitor's token.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from serving.http.answer import Response
from serving.http.crowd import address_of
from serving.http.exchange import Caller, Exchange
from serving.http.keys import ApiKeys, Key, Scope
from serving.http.origins import Origins
from serving.http.problem import Problem
from serving.http.proofs import Proofs
from serving.http.rate import Limits

Answers = Callable[[Exchange], Awaitable[Response]]
Served = tuple[tuple[str, str, Answers], ...]
"""Routes: method, path, and who answers."""


class Need(NamedTuple):
    """What a route needs.

    Attributes
    ----------
    scope: what the key must be for; None: the route is for everybody, without a key.
    own: a publishable key does as well, with the token of the visitor whom the route is about. Where the path has no
        `visitor_id`, the route itself compares (`Proofs.of_visitor`).
    beacon: a publishable key may stand in the URL (``?key=``), as a beacon can set no header.
    """

    scope: Scope | None
    own: bool = False
    beacon: bool = False


PUBLIC: Final = Need(None)
NEEDS: Final[Mapping[tuple[str, str], Need]] = MappingProxyType(
    {
        ("POST", "/v1/events"): Need("events", beacon=True),
        ("GET", "/v1/recommendations/{placement}"): Need("decisions"),
        ("POST", "/v1/recommendations/{placement}"): Need("decisions"),
        ("POST", "/v1/page"): Need("decisions"),
        ("GET", "/v1/banners/{slot}"): Need("decisions"),
        ("GET", "/v1/search"): Need("decisions"),
        ("GET", "/v1/suggest"): Need("decisions"),
        ("GET", "/v1/offers"): Need("decisions"),
        ("GET", "/v1/decisions/{decision_id}"): Need("decisions", own=True),
        ("PUT", "/v1/catalog/items"): Need("catalog"),
        ("GET", "/v1/catalog/items/{item_id}"): Need("catalog"),
        ("DELETE", "/v1/catalog/items/{item_id}"): Need("catalog"),
        ("POST", "/v1/visitors/{visitor_id}/token"): Need("privacy"),
        ("PUT", "/v1/visitors/{visitor_id}/consent"): Need("events"),
        ("GET", "/v1/visitors/{visitor_id}/export"): Need("privacy", own=True),
        ("POST", "/v1/visitors/{visitor_id}/reset"): Need("privacy", own=True),
        ("DELETE", "/v1/visitors/{visitor_id}"): Need("privacy", own=True),
        ("GET", "/v1/erasures/{erasure}"): Need("events"),
        ("GET", "/v1/privacy/notice"): PUBLIC,
        ("GET", "/v1/admin/placements"): Need("admin"),
        ("GET", "/v1/admin/placements/{name}"): Need("admin"),
        ("PUT", "/v1/admin/placements/{name}"): Need("admin"),
        ("DELETE", "/v1/admin/placements/{name}"): Need("admin"),
        ("GET", "/v1/admin/rules"): Need("admin"),
        ("GET", "/v1/admin/rules/{name}"): Need("admin"),
        ("PUT", "/v1/admin/rules/{name}"): Need("admin"),
        ("DELETE", "/v1/admin/rules/{name}"): Need("admin"),
        ("POST", "/v1/admin/rules/preview"): Need("admin"),
        ("GET", "/v1/admin/campaigns"): Need("admin"),
        ("GET", "/v1/admin/campaigns/{name}"): Need("admin"),
        ("PUT", "/v1/admin/campaigns/{name}"): Need("admin"),
        ("DELETE", "/v1/admin/campaigns/{name}"): Need("admin"),
        ("POST", "/v1/admin/campaigns/preview"): Need("admin"),
        ("POST", "/v1/admin/searches/preview"): Need("admin"),
        ("GET", "/v1/admin/searches"): Need("admin"),
        ("GET", "/v1/admin/searches/{name}"): Need("admin"),
        ("PUT", "/v1/admin/searches/{name}"): Need("admin"),
        ("DELETE", "/v1/admin/searches/{name}"): Need("admin"),
        ("GET", "/v1/admin/offers"): Need("admin"),
        ("GET", "/v1/admin/offers/{name}"): Need("admin"),
        ("PUT", "/v1/admin/offers/{name}"): Need("admin"),
        ("DELETE", "/v1/admin/offers/{name}"): Need("admin"),
        ("GET", "/v1/ops/lag"): Need("ops"),
        ("GET", "/v1/ops/health-of-data"): Need("ops"),
        ("GET", "/v1/ops/searches"): Need("ops"),
        ("GET", "/metrics"): Need("ops"),
        ("GET", "/healthz"): PUBLIC,
        ("GET", "/readyz"): PUBLIC,
        ("GET", "/openapi.json"): PUBLIC,
    }
)
"""Every route of `serving.http.routes`, and nothing else."""

_CHALLENGE = ((b"www-authenticate", b'Bearer realm="liveshelf"'),)
_IN_URL = (
    "The secret key came in a URL, where logs keep it. Make a new one, and send it as Authorization: Bearer sk_… from "
    "servers only."
)
_UNKNOWN = (
    "The key is not one of this deployment's. Compare it with the one that `liveshelf up` printed, or that "
    "LIVESHELF_PUBLISHABLE_KEY or the file of LIVESHELF_API_KEYS_FILE says."
)
_NO_KEY = "The request carries no key. Send it as Authorization: Bearer pk_… or sk_…"
_NO_KEYS = (
    "This deployment has no keys, and there are no default ones. Set LIVESHELF_PUBLISHABLE_KEY and "
    "LIVESHELF_SECRET_KEY; `liveshelf up` makes a pair by itself."
)
_OWN = (
    "This is a visitor's own: it needs a secret key with the scope `{}`, or with the publishable key the visitor's "
    "token in Liveshelf-Visitor-Token, which the shop's server gets from POST /v1/visitors/{{visitor_id}}/token."
)


class Access:
    """The gate: puts the caller on the exchange, or refuses with a `Problem`."""

    def __init__(self, keys: ApiKeys, proofs: Proofs, limits: Limits) -> None:
        self._keys, self._proofs, self._limits = keys, proofs, limits
        self.origins = Origins(keys.keys)

    def guards(self, need: Need, answer: Answers) -> Answers:
        """The route's answer, for those who may have it."""
        if need.scope is None:
            return answer

        async def guarded(exchange: Exchange) -> Response:
            exchange.caller = self.admit(exchange, need)
            return await answer(exchange)

        return guarded

    def admit(self, exchange: Exchange, need: Need) -> Caller:
        """Who asks, if they have what is needed."""
        key = self._key(exchange, need)
        self.origins.check(key, exchange)
        own = need.own and not key.secret
        if not own and need.scope not in key.scopes:
            raise Problem(403, "wrong_key", _lacking(key, need))
        objects = exchange.header(b"sec-gpc") == b"1"
        caller = Caller(key, address_of(exchange.scope), self._proofs.sent(exchange), objects)
        if own and caller.token is None:
            raise Problem(403, "wrong_key", _OWN.format(need.scope))
        if "visitor_id" in exchange.path:
            self._proofs.of_visitor(caller, exchange.path["visitor_id"])
        self._limits.charge(caller, 1)
        return caller

    def _key(self, exchange: Exchange, need: Need) -> Key:
        token = _bearer(exchange)
        in_url = token is None and need.beacon
        if in_url:
            token = next((value.encode() for name, value in exchange.parameters() if name == "key"), None)
        if token is None:
            raise Problem(401, "no_key", _NO_KEY if self._keys.keys else _NO_KEYS, headers=_CHALLENGE)
        key = self._keys.find(token)
        if key is None:
            raise Problem(401, "no_key", _UNKNOWN, headers=_CHALLENGE)
        if in_url and key.secret:
            raise Problem(403, "wrong_key", _IN_URL)
        return key


def _lacking(key: Key, need: Need) -> str:
    has = ", ".join(sorted(key.scopes))
    mend = "Use a key that has it" if key.secret else "Call from a server, with a secret key (sk_…) that has it"
    return f"This route needs the scope `{need.scope}`; this key has {has}. {mend}."


def _bearer(exchange: Exchange) -> bytes | None:
    value = exchange.header(b"authorization")
    if value is None:
        return None
    scheme, _, token = value.partition(b" ")
    return token.strip() if scheme.lower() == b"bearer" else b""

"""What requests for shelves have in common: who may ask about whom, which placement, which filter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, NamedTuple, TypeAlias

import msgspec
from msgspec import Meta
from prometheus_client import Counter

from serving.config.documents import Documents
from serving.decision import Decision
from serving.filters.rule import BadFilter, Rule, compiled
from serving.http import metrics, problem
from serving.http.exchange import Caller
from serving.http.proofs import Proofs
from serving.placement import Placement
from serving.slate import cursor
from stream.tokens import BadToken, FreshToken, read_fresh_token

NEVER_SEEN = " "
"""Nobody's id, as the gate refuses blank ones: who must show a token and has none is answered with its shelf, so that
neither what is said nor how long it takes tells whether there is a visitor of the id that was asked for."""

OF_SERVERS = frozenset({"quantity", "margin", "margin_percent"})
_OF_SERVERS = (
    "How many of an item are left and what it earns is no business of pages, which could find it out by asking: "
    "`quantity`, `margin` and `margin_percent` are for secret keys, for a placement's own filter and for rules."
)

Id: TypeAlias = Annotated[str, Meta(min_length=1, max_length=128)]
Filter: TypeAlias = Annotated[dict[str, Any], Meta(extra_json_schema={"$ref": "#/components/schemas/filter"})]


class Asking(NamedTuple):
    """`require_token`: with a publishable key, a visitor is known only by their token."""

    proofs: Proofs
    placements: Documents[Placement]
    signing_key: bytes
    require_token: bool

    def placement(self, name: str) -> Placement | None:
        """The placement of this name as it holds now."""
        return self.placements.all.get(name)

    def no_placement(self) -> str:
        """What to say where there is no placement of a name."""
        return f"There is no placement of this name; there are {', '.join(self.placements.all)}."

    def visitor_id(self, caller: Caller, visitor_id: str | None, customer_id: str | None) -> str:
        """Whose shelf this caller may see, empty for nobody's; `Problem` 403 for another's token or customer."""
        if customer_id is not None:
            self.proofs.demand_customer(caller, customer_id)
        if visitor_id is None:
            return ""
        proven = self.proofs.of_visitor(caller, visitor_id)
        return visitor_id if proven or not self.require_token else NEVER_SEEN

    def wanted(self, token: str | None) -> FreshToken | None:
        """The event that must be known; `Problem` 400 for no token of ours."""
        if not token:
            return None
        try:
            return read_fresh_token(self.signing_key, token)
        except BadToken as error:
            raise problem.bad_request(f"min_fresh: {error}.") from None

    def shown_before(self, token: str | None) -> Sequence[int]:
        """What the pages before have shown; `Problem` 400 for no cursor of ours."""
        if not token:
            return ()
        try:
            return cursor.shown_before(self.signing_key, token)
        except BadToken as error:
            raise problem.bad_request(f"after: {error}.") from None


def rule_of(document: dict[str, Any] | None, caller: Caller, at: str = "/filter") -> Rule | None:
    """The filter of a request, compiled; `Problem` 400 says what it must be instead. It stands `at` that pointer."""
    if document is None:
        return None
    try:
        rule = compiled(document)
    except BadFilter as error:
        raise problem.wrong_at(f"{at}{error.pointer}", error.detail) from None
    if not caller.key.secret and not rule.fields.isdisjoint(OF_SERVERS):
        raise problem.wrong_at(at, _OF_SERVERS)
    return rule


def filter_of(text: str) -> Any:
    """The filter of a query, which is JSON."""
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        raise problem.wrong_at("/filter", "This is not JSON: write the filter as in a body, URL-encoded.") from None


def count(decision: Decision) -> None:
    """Count a decision by its status and its rung."""
    of = decision.placement, decision.status, decision.rung
    counters = _COUNTERS.get(of)
    if counters is None:
        by_status, by_rung = metrics.DECISIONS.labels(*of[:2]), metrics.ANSWERS.labels(of[0], of[2])
        counters = _COUNTERS[of] = by_status, by_rung
    for counter in counters:
        counter.inc()


_COUNTERS: dict[tuple[str, str, str], tuple[Counter, Counter]] = {}

"""What the edge knows of an event, stamped on it before it goes into the log.

`signed`: its customer is proven, by a secret key or by a visitor token that names visitor and customer; `teaches`: its
address has not brought more visitors than others should learn from; `purchase_confirmed`: it counts as revenue;
`decision_verified`: the decision that it names was made here.
"""

from __future__ import annotations

from serving.http import metrics
from serving.http.crowd import Crowd
from serving.http.exchange import Caller
from serving.http.proofs import Proofs
from stream.events import Event
from stream.ingest import Accepted, Rejected, edge_refusal, stamp, validate
from stream.strict_json import rejected

Edge = dict[str, object]


class Stamps:
    """Reads events as the worker will.

    Parameters
    ----------
    consent_default: what the shop assumes of visitors of whom nothing is known, stamped into each event.
    trust_browser_purchases: whether a purchase with a publishable key counts as revenue.
    require_token: with a publishable key, only events of a visitor whose token comes along: elsewhere an id that can be
        guessed would be enough to write into somebody's profile, or to withdraw their consent.
    """

    def __init__(
        self,
        proofs: Proofs,
        crowd: Crowd,
        *,
        consent_default: bool,
        trust_browser_purchases: bool,
        require_token: bool = False,
    ) -> None:
        self._proofs, self._crowd, self._trust_browser = proofs, crowd, trust_browser_purchases
        self._require_token = require_token
        self._default = {"analytics": consent_default, "personalization": consent_default, "marketing": False}

    def read(self, value: bytes, caller: Caller, received_at: int) -> tuple[bytes, Accepted | Rejected]:
        """The event as it goes into the log, and what it says or why it does not go; `Problem` 403 for a foreign token.

        What is stamped depends on what the event says. Few differ from what most of this caller's get, so those are
        read twice.
        """
        usual = self._edge(caller, signed=caller.key.secret or caller.token is not None)
        stamped, judged = self._stamped(value, usual, received_at, caller)
        if isinstance(judged, Rejected):
            return stamped, judged
        edge = self._edge_of(judged.event, caller)
        if edge != usual:
            stamped, judged = self._stamped(value, edge, received_at, caller)
        refused = judged if isinstance(judged, Rejected) else self._refusal(judged, caller)
        return stamped, refused or judged

    def _refusal(self, accepted: Accepted, caller: Caller) -> Rejected | None:
        """Why a valid event is not taken from this caller, if so."""
        if self._require_token and not self._proofs.of_visitor(caller, accepted.event.visitor_id):
            fix = (
                "Send the visitor's token along (Liveshelf-Visitor-Token, or `visitor_token` in the body); the shop's "
                "server gets it from POST /v1/visitors/{visitor_id}/token."
            )
            return rejected("schema", "this shop's visitor ids can be guessed, and nothing proves this one", fix)
        return _refusal(accepted)

    def _stamped(self, value: bytes, edge: Edge, received_at: int, caller: Caller) -> tuple[bytes, Accepted | Rejected]:
        stamped = stamp(
            value, received_at=received_at, edge=edge, consent_default=self._default, objects=caller.objects
        )
        return stamped, validate(stamped, timestamp=received_at)

    def _edge(self, caller: Caller, *, signed: bool) -> Edge:
        confirmed = caller.key.secret or self._trust_browser
        return {"key": caller.key.name, "signed": signed, "purchase_confirmed": confirmed}

    def _edge_of(self, event: Event, caller: Caller) -> Edge:
        edge = self._edge(caller, signed=self._signed(event, caller))
        if not (caller.key.secret or self._crowd.teaches(caller.address, event.visitor_id)):
            edge["teaches"] = False
            metrics.EVENTS_NOT_TEACHING.inc()
        if event.decision_id is not None:
            edge["decision_verified"] = self._proofs.of_decision(event.decision_id)
        return edge

    def _signed(self, event: Event, caller: Caller) -> bool:
        known = self._proofs.of_visitor(caller, event.visitor_id)
        return known and (event.customer_id is None or self._proofs.of_customer(caller, event.customer_id))


def _refusal(accepted: Accepted) -> Rejected | None:
    """Why a valid event is not taken over HTTP, if so."""
    edge = accepted.event.edge
    if accepted.name == "identify" and not (edge is not None and edge.signed):
        fix = (
            "Send it from a server with a secret key, or with a visitor token that names this visitor and customer "
            "(POST /v1/visitors/{visitor_id}/token)."
        )
        return rejected("schema", "nothing proves that this visitor is that customer", fix)
    return edge_refusal(accepted.name)

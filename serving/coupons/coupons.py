"""Coupons for an answer: decides with what this process holds, and puts claims and decisions on their way.

Neither is waited for. A claim that is lost is made again with the next ask; a coupon is shown only once its
claim was counted, so what is lost costs the shopper a moment and the budget nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Any, Final

import msgspec
from msgspec import Struct

from serving.config.documents import Documents
from serving.coupons.budgets import Budgets
from serving.coupons.decide import Asked, Decided, decide
from serving.coupons.offer import PERSONALISED, Offer
from serving.decision import Decision
from serving.decision_log import DecisionLog
from serving.decision_log import Offers as Takes
from serving.models import Models
from serving.request import Request
from serving.rules.segment import Shopper
from serving.shop import Shop
from serving.stage import Snapshot
from serving.visitors import Visitors
from stream.events import Claim
from stream.features import intent_features
from stream.signals import cart, session
from stream.topics import TOPICS

_EVENTS: Final = TOPICS["events"].name
_encode = msgspec.json.Encoder().encode


class CouponShown(Struct, frozen=True, gc=False):
    """A coupon as the visitor is told of it; `until` in epoch ms, `text` says that it depends on them."""

    name: str
    code: str
    says: str
    until: int
    text: str
    price_personalised: bool = True


class Coupons:
    """Gives coupons.

    Parameters
    ----------
    events: takes claims, as events of the server; they may be lost.
    consent_default: what the shop assumes of visitors of whom nothing is known, stamped as into their events.
    pid_keys: with how many keys pseudonyms are made.
    """

    def __init__(
        self,
        documents: Documents[Offer],
        budgets: Budgets,
        models: Models,
        visitors: Visitors,
        shop: Shop,
        events: Takes,
        decisions: DecisionLog,
        *,
        consent_default: bool = False,
        pid_keys: int = 1,
    ) -> None:
        self._documents, self._budgets, self._models = documents, budgets, models
        self._visitors, self._shop, self._events, self._decisions = visitors, shop, events, decisions
        self._default = {"analytics": consent_default, "personalization": consent_default}
        self._pid_keys = pid_keys
        self._of: Mapping[str, Offer] = {}
        self._second, self._open = -1, list[Offer]()

    def decided(self, request: Request, snapshot: Snapshot, now: int) -> Decided | None:
        """What is decided for the visitor at `now` (ms); None: nothing is, or nothing of them may be known."""
        visitor: Any = snapshot.visitor
        if visitor is None or not self._documents.all:
            return None
        customer = bool(request.customer_id or visitor.customer)
        shopper = Shopper(visitor, customer, snapshot.visit.others, self._shop, now)
        partition = self._visitors.partition(request.visitor_id)
        asked = Asked(shopper, snapshot.pid, partition, self._intent(visitor, now), self._budgets.held)
        return decide(self._open_at(now // 1_000), asked)

    def _open_at(self, second: int) -> Sequence[Offer]:
        """The offers that are open in this second since 1970."""
        documents = self._documents.all  # another mapping after a change
        if documents is not self._of or second != self._second:
            self._of, self._second = documents, second
            self._open = [one for one in documents.values() if one.document.enabled and one.schedule.open(second)]
        return self._open

    def shown(self, decided: Decided | None) -> list[CouponShown]:
        """What the answer tells: the coupon that the visitor has, or none."""
        coupon = decided and decided.coupon
        if not coupon:
            return []
        offer = self._documents.all.get(coupon.offer)
        text = PERSONALISED if offer is None else offer.document.text
        return [CouponShown(coupon.offer, coupon.code, coupon.says, coupon.until, text)]

    def note(self, visitor_id: str, decided: Decided, decision: Decision, head: str) -> None:
        """Put the claim and the decision's record on their way; `head` is what the answer begins with."""
        if decided.claim is not None:
            newest = str(decision.fresh.occurred_at)
            event = self._event(visitor_id, decided.claim, decision.at, newest)
            key = visitor_id.encode()
            self._events.offer(_EVENTS, self._visitors.partition(visitor_id), key, _encode(event))
        keys = f'"pid_keys":{self._pid_keys},' if self._pid_keys > 1 else ""
        told = {
            "name": decided.offer,
            "reason": decided.reason,
            "propensity": decided.propensity,
            "intent": decided.intent,
            "refused": decided.refused,
        }
        more = (
            f'"decided_at":{decision.at},"kind":"offer","pid":{_encode(decision.pid).decode()},{keys}'
            f'"offer":{_encode(told).decode()},"items":[]}}'
        )
        self._decisions.write(visitor_id, (head + more).encode())

    def _intent(self, visitor: Any, now: int) -> float | None:
        """How probable it is that the running visit ends in a purchase; None while the model is not proven."""
        model, running = self._models.intent, session.SIGNAL.of(visitor)
        if model is None or not model.proven or not running.last_at or now > running.last_at + session.GAP_MS:
            return None
        return model.predict(intent_features(running, cart.SIGNAL.of(visitor), running.last_at))

    def _event(self, visitor_id: str, claim: Claim, now: int, newest: str) -> dict[str, Any]:
        """A claim as an event; one until the visitor's newest event is another, or the offer."""
        named = blake2b(f"{newest}\0{claim.offer}\0{claim.revision}".encode(), digest_size=10).hexdigest()
        return {
            "event": "due",
            "event_id": f"coupon-{named}",
            "kind": "coupon",
            "visitor_id": visitor_id,
            "occurred_at": now,
            "received_at": now,
            "consent_default": self._default,
            "claim": claim,
        }

"""A visitor's own rights: consent, a new beginning, and erasure (`GUARANTEES.md` §4)."""

from __future__ import annotations

import secrets
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import msgspec

from serving.erasure import Erasures
from serving.http import problem
from serving.http.access import Served
from serving.http.answer import Answer
from serving.http.body import struct_of
from serving.http.exchange import Exchange
from serving.http.problem import Problem
from serving.http.proofs import Proofs
from serving.privacy import Ledger, shown
from serving.sends import Sends
from serving.visitors import TOPIC, Visitors
from stream.backpressure import Full
from stream.cluster import BrokerAway
from stream.consent import PURPOSES, Known, all_joined, learn
from stream.events import Consent
from stream.ingest import GPC, Accepted, validate
from stream.privacy import Privacy
from stream.producer import NotAcknowledged
from stream.state.store import Unavailable
from stream.strict_json import Rejected
from stream.tokens import BadToken, FreshToken, fresh_token
from stream.topics import TOPICS

MOST_BYTES = 16_000
LONGEST_ID = 128
RETRY_S = 2
T = TypeVar("T")
_UNPROVEN = (
    "This shop's visitor ids can be guessed, so a consent needs the visitor's token in Liveshelf-Visitor-Token, which "
    "the shop's server gets from POST /v1/visitors/{visitor_id}/token."
)
_encode = msgspec.json.Encoder().encode


class Rights:
    """The routes. `require_token`: with a publishable key, only the visitor's token changes anything; `clock` in ms.

    `consent_default` is what the shop assumes of visitors of whom nothing is known, stamped as into their events.
    """

    def __init__(
        self,
        proofs: Proofs,
        visitors: Visitors,
        ledger: Ledger,
        erasures: Erasures,
        producer: Sends,
        signing_key: bytes,
        *,
        require_token: bool,
        consent_default: bool = False,
        clock: Callable[[], float] = lambda: time.time() * 1000,
    ) -> None:
        self._proofs, self._require_token = proofs, require_token
        self._visitors, self._ledger, self._erasures = visitors, ledger, erasures
        self._producer, self._signing_key, self._clock = producer, signing_key, clock
        self._default = {"analytics": consent_default, "personalization": consent_default}

    @property
    def routes(self) -> Served:
        """What it answers."""
        return (
            ("PUT", "/v1/visitors/{visitor_id:id}/consent", self.consent),
            ("POST", "/v1/visitors/{visitor_id:id}/reset", self.reset),
            ("DELETE", "/v1/visitors/{visitor_id:whole}", self.erase),
            ("GET", "/v1/erasures/{erasure}", self.erasure),
        )

    async def consent(self, exchange: Exchange) -> Answer:
        """Grant or withdraw, per purpose; holds for the next read, whatever the workers do."""
        visitor_id, caller = visitor_id_of(exchange), exchange.caller
        signed = self._proofs.of_visitor(caller, visitor_id)
        if self._require_token and not signed:
            raise Problem(403, "wrong_visitor", _UNPROVEN)
        said = _said(await exchange.body(MOST_BYTES), objects=caller.objects)
        event = self._event(visitor_id, said, {"key": caller.key.name, "signed": signed})
        accepted = validate(_encode(event), timestamp=int(self._clock()))
        if isinstance(accepted, Rejected):
            raise problem.bad_request(f"{accepted.detail}.")
        token, told = await _stored(self._say(visitor_id, accepted, _encode(event)))
        return Answer(_encode({"consent": shown(await self._holds(visitor_id, told)), "fresh_token": token}))

    async def _holds(self, visitor_id: str, told: Privacy) -> Known:
        """What holds now, also of purposes that nothing was said of; with Redis away what is on record."""
        try:
            seen = (await self._visitors.many([visitor_id]))[visitor_id]
        except Unavailable:
            seen = None
        return told.consent if seen is None else all_joined(seen.consent, told.consent)

    async def reset(self, exchange: Exchange) -> Answer:
        """Forget the profile and begin anew; consents stay as they are."""
        visitor_id = visitor_id_of(exchange)
        event = {**self._control("reset", visitor_id), "consent_default": self._default}
        token = await _stored(self._tell(visitor_id, _encode(event)))
        return Answer(_encode({"status": "accepted", "fresh_token": token}), 202)

    async def erase(self, exchange: Exchange) -> Answer:
        """Erase the visitor: 200 with the receipt, or 202 and where to ask for it."""
        token = await _stored(self._erasures.begin(visitor_id_of(exchange)))
        return await self._certified(token)

    async def erasure(self, exchange: Exchange) -> Answer:
        """Whether an erasure is over; the token is the right to ask."""
        return await self._certified(exchange.path["erasure"])

    async def _certified(self, token: str) -> Answer:
        try:
            found = await _stored(self._erasures.certificate(token))
        except BadToken as error:
            raise problem.not_found(f"There is no such erasure: {error}.") from None
        if found is not None:
            return Answer(_encode(found))
        where = f"/v1/erasures/{token}"
        waiting = {"status": "erasing", "at": where, "detail": "Nothing of the visitor is read any more; ask again."}
        headers = ((b"location", where.encode()), (b"retry-after", str(RETRY_S).encode()))
        return Answer(_encode(waiting), 202, headers=headers)

    def _event(self, visitor_id: str, said: Consent, edge: dict[str, Any]) -> dict[str, Any]:
        words: dict[str, Any] = {purpose: said.word(purpose) for purpose in PURPOSES}
        words["text_version"] = said.text_version
        consent = {name: word for name, word in words.items() if word is not None}
        return {**self._control("consent_update", visitor_id), "edge": edge, "consent": consent}

    def _control(self, name: str, visitor_id: str) -> dict[str, Any]:
        now = int(self._clock())
        return {
            "event": name,
            "event_id": f"{name}-{secrets.token_hex(8)}",
            "visitor_id": visitor_id,
            "occurred_at": now,
            "received_at": now,
        }

    async def _say(self, visitor_id: str, accepted: Accepted, value: bytes) -> tuple[str, Privacy]:
        """Tell the visitor's owner, go on record, and into Redis."""
        token = await self._tell(visitor_id, value)
        said: Known = learn({}, accepted)
        return token, await self._ledger.consent(visitor_id, said)

    async def _tell(self, visitor_id: str, value: bytes) -> str:
        """Put an event into the visitor's log; its fresh token."""
        partition = self._visitors.partition(visitor_id)
        offset = await self._producer.send(TOPICS[TOPIC].name, partition, visitor_id.encode(), value)
        return fresh_token(self._signing_key, FreshToken(TOPIC, partition, offset))


async def _stored(work: Awaitable[T]) -> T:
    try:
        return await work
    except (Full, NotAcknowledged, Unavailable, BrokerAway):
        raise problem.unavailable(
            "The broker or Redis did not take it, so it is not on record. Send it again."
        ) from None


def visitor_id_of(exchange: Exchange) -> str:
    """The id of the path, checked."""
    visitor_id = exchange.path["visitor_id"]
    if not visitor_id.strip() or len(visitor_id) > LONGEST_ID or "\0" in visitor_id:
        raise problem.bad_request(f"A visitor id has 1 to {LONGEST_ID} characters and no NUL.")
    return visitor_id


def _said(body: bytes, *, objects: bool) -> Consent:
    said = struct_of(body, Consent)
    if objects:
        said = msgspec.structs.replace(said, personalization=False, text_version=GPC)
    if all(said.word(purpose) is None for purpose in PURPOSES):
        raise problem.bad_request(
            f"Nothing is said of any purpose; say true or false for at least one of {', '.join(PURPOSES)}."
        )
    return said

"""Who the visitor really is: visitor tokens, and what a request may therefore say and see.

The shop's server asks for a token (`POST /v1/visitors/{visitor_id}/token`) and gives it to its page, which sends it
along in a header, or for beacons in the body. A token that is given must be right, whatever key comes with it: a page
that sends a wrong one has a mistake that should not look like a visitor without history.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from serving.http.exchange import Caller, Exchange
from serving.http.problem import Problem
from stream.pseudonyms import Pseudonyms
from stream.tokens import BadToken, VisitorToken, read_decision_id, read_visitor_token

HEADER = b"liveshelf-visitor-token"
REMEMBERED = 16_384
_CHALLENGE = ((b"www-authenticate", b'Bearer realm="liveshelf", error="invalid_token"'),)
_ANEW = "Let the shop's server ask POST /v1/visitors/{visitor_id}/token for a new one."
_OTHER_VISITOR = (
    "The visitor token is another visitor's than the one that the request names; nothing was read or stored. Send the "
    "token of this very visitor_id. " + _ANEW
)
_CUSTOMER = f"What belongs to a customer needs a secret key, or a visitor token that names this customer. {_ANEW}"


class Proofs:
    """Reads visitor tokens and compares them. `clock` gives now in ms, `pid_of` a visitor's pseudonym of epoch 0."""

    def __init__(
        self, signing_key: bytes, pseudonyms: Pseudonyms, pid_of: Callable[[str], str], clock: Callable[[], float]
    ) -> None:
        self._pid_of, self._clock = pid_of, clock
        # a page sends the same token again and again, and its signature takes longer than the rest of a decision's rim
        self._signed = lru_cache(maxsize=REMEMBERED)(
            lambda text: _today(read_visitor_token(signing_key, text), pseudonyms)
        )
        self._decided = lru_cache(maxsize=REMEMBERED)(lambda text: _is_decision(signing_key, text))
        self._cid_of = lru_cache(maxsize=REMEMBERED)(pseudonyms.of_customer)

    def sent(self, exchange: Exchange) -> VisitorToken | None:
        """The token of the request's header, if there is one."""
        value = exchange.header(HEADER)
        return None if value is None else self.read(value.decode("latin-1"))

    def read(self, text: str) -> VisitorToken:
        """The token, which was signed here and has not ended; else `Problem` 401."""
        try:
            token = self._signed(text)
        except BadToken as error:
            raise Problem(401, "bad_token", f"The visitor token does not hold: {error}.", headers=_CHALLENGE) from None
        if token.expires_at * 1000 <= self._clock():
            raise Problem(401, "bad_token", f"The visitor token has ended. {_ANEW}", headers=_CHALLENGE)
        return token

    def of_decision(self, decision_id: str) -> bool:
        """Whether we made this decision. Whose it is the fold knows, under whatever keys."""
        return self._decided(decision_id)

    def of_visitor(self, caller: Caller, visitor_id: str) -> bool:
        """Whether this is the visitor beyond doubt; `Problem` 403 if the token is another's."""
        if caller.token is not None and caller.token.pid != self._pid_of(visitor_id):
            raise Problem(403, "wrong_visitor", _OTHER_VISITOR)
        return caller.key.secret or caller.token is not None

    def of_customer(self, caller: Caller, customer_id: str) -> bool:
        """Whether the visitor is this customer beyond doubt."""
        return caller.key.secret or (caller.token is not None and caller.token.cid == self._cid_of(customer_id))

    def demand_customer(self, caller: Caller, customer_id: str) -> None:
        """`Problem` 403 unless the visitor is this customer beyond doubt."""
        if not self.of_customer(caller, customer_id):
            raise Problem(403, "wrong_visitor", _CUSTOMER)


def _is_decision(signing_key: bytes, decision_id: str) -> bool:
    try:
        read_decision_id(signing_key, decision_id)
    except BadToken:
        return False
    return True


def _today(token: VisitorToken, pseudonyms: Pseudonyms) -> VisitorToken:
    """A token as it would be made now, also one of before a migration; raises `BadToken`."""
    pid, cid = (name and pseudonyms.of_token(name, token.keys) for name in (token.pid, token.cid))
    return token._replace(pid=pid, cid=cid, keys=pseudonyms.length)

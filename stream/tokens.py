"""Pseudonyms, and the small signed tokens that travel through browsers.

A token is ``base64url(msgpack(kind, body…) ‖ first 12 bytes of HMAC-SHA256(signing key, payload))``; nothing in it is
secret, nothing in it can be changed. The fresh token names an event's place in the log; the decision token carries all
that attribution needs (`CONTRACT.md` §2), so that no look-up stands between a click and its credit; the visitor token
is the word of the shop's own server for who a visitor is.
"""

from __future__ import annotations

import binascii
import hmac
from base64 import b32decode, b32encode, urlsafe_b64decode, urlsafe_b64encode
from functools import lru_cache
from typing import NamedTuple, TypeVar

import msgspec

T = TypeVar("T")
SEALED = 24
"""Characters of a sealed pseudonym; an open one has 26."""
_MAC_BYTES = 12
_NOT_ONE = "this is not a token: send it exactly as the API gave it"
_encode = msgspec.msgpack.Encoder().encode


class BadToken(ValueError):
    """The token was not made by this shop's signing key, or was changed on the way."""


class FreshToken(NamedTuple):
    """Where an acknowledged event lies in the log."""

    topic: str
    partition: int
    offset: int


class DecisionToken(NamedTuple):
    """A decision as attribution needs it; `at` in ms, windows in seconds, `pid` the visitor's pseudonym by `keys`.

    Where nobody knew yet whether the visitor consents, it is `sealed`: only who knows the pseudonym can tell whose.
    """

    placement: str
    variation: str
    at: int
    pid: str
    policy: int
    click_window_s: int
    view_window_s: int
    nonce: bytes
    keys: int = 1

    @property
    def sealed(self) -> bool:
        """Whether `pid` is none, but one sealed for this decision alone."""
        return len(self.pid) == SEALED


class VisitorToken(NamedTuple):
    """Who a visitor is: `pid` of epoch 0, the customer's pseudonym `cid` or empty; ends at `expires_at` (s).

    `keys`: with how many keys the pseudonyms were made, as in every token.
    """

    pid: str
    cid: str
    expires_at: int
    keys: int = 1


def pseudonym(key: bytes, visitor_id: str, epoch: int = 0) -> str:
    """The visitor's pseudonym (pid): 26 lower-case base32 characters of HMAC-SHA256(key, epoch ‖ id)."""
    digest = hmac.digest(key, epoch.to_bytes(4, "big") + visitor_id.encode(), "sha256")
    return b32encode(digest[:16])[:26].decode().lower()


def sealed(pid: str, nonce: bytes) -> str:
    """What a decision says of a visitor who has not been asked yet: HMAC-SHA256(pid, nonce), 24 base32 characters.

    It links no two decisions, and tells whose one is only to who has the pseudonym already.
    """
    return _pid(hmac.digest(pid.encode(), b"decision\0" + nonce, "sha256")[: SEALED * 5 // 8])


def customer_pseudonym(key: bytes, customer_id: str) -> str:
    """The customer's pseudonym (cid): as a visitor's, of another kind of id."""
    return pseudonym(key, f"customer\0{customer_id}")


def sign(key: bytes, kind: str, fields: tuple[object, ...]) -> str:
    """A token of `kind` with these fields."""
    payload = _encode((kind, *fields))
    mac = hmac.digest(key, payload, "sha256")[:_MAC_BYTES]
    return urlsafe_b64encode(payload + mac).rstrip(b"=").decode()


def verify(key: bytes | None, kind: str, token: str) -> tuple[object, ...]:
    """The fields signed under `kind`; raises `BadToken`. Without a key: what it says, whoever made it."""
    payload, mac = _parts(token)
    if key is not None and not hmac.compare_digest(mac, hmac.digest(key, payload, "sha256")[:_MAC_BYTES]):
        raise BadToken("the token's signature is not ours: send it exactly as the API gave it")
    return _fields(kind, payload)


def _parts(token: str) -> tuple[bytes, bytes]:
    """The payload and what it is signed with."""
    try:
        blob = urlsafe_b64decode(token.encode("ascii") + b"=" * (-len(token) % 4))
        if urlsafe_b64encode(blob).rstrip(b"=").decode() != token:
            raise BadToken(_NOT_ONE)
    except (UnicodeEncodeError, binascii.Error):
        raise BadToken(_NOT_ONE) from None
    return blob[:-_MAC_BYTES], blob[-_MAC_BYTES:]


def _fields(kind: str, payload: bytes) -> tuple[object, ...]:
    try:
        found, *fields = msgspec.msgpack.decode(payload, type=list[object])
    except (UnicodeEncodeError, binascii.Error, msgspec.MsgspecError, ValueError) as error:
        if isinstance(error, BadToken):
            raise
        raise BadToken("this is not a token: send it exactly as the API gave it") from None
    if found != kind:
        raise BadToken(f"this is a {found} token where a {kind} token is needed")
    return tuple(fields)


def _typed(fields: tuple[object, ...], shape: type[T]) -> T:
    try:
        return msgspec.convert(fields, shape)
    except msgspec.ValidationError:
        raise BadToken("this token was made by another release: ask the API for a new one") from None


def read(key: bytes, kind: str, token: str, shape: type[T]) -> T:
    """The fields signed under `kind`, of that shape; raises `BadToken`."""
    return _typed(verify(key, kind, token), shape)


def made_with(keys: int) -> tuple[int, ...]:
    """The last field of a token that carries pseudonyms: by how many keys they were made, nothing for one."""
    return (keys,) if keys > 1 else ()


def read_made_with(key: bytes | None, kind: str, token: str, shape: type[T], others: int) -> T:
    """As `read`, where `made_with` follows `others` fields: 1 if it is not there."""
    fields = verify(key, kind, token)
    return _typed((*fields, 1) if len(fields) == others else fields, shape)


def fresh_token(key: bytes, place: FreshToken) -> str:
    """The token of an acknowledged event."""
    return sign(key, "fresh", place)


def read_fresh_token(key: bytes, token: str) -> FreshToken:
    """Where the event lies; raises `BadToken`."""
    return FreshToken(*read(key, "fresh", token, tuple[str, int, int]))


@lru_cache(maxsize=65_536)  # Python's base32 takes as long as the rest of a token
def _raw_pid(pid: str) -> bytes:
    return b32decode(pid.upper() + "=" * (-len(pid) % 8))


def _pid(raw: bytes) -> str:
    return b32encode(raw).rstrip(b"=").decode().lower()


def decision_id(key: bytes, token: DecisionToken) -> str:
    """The `decision_id` of a decision."""
    *fields, keys = token._replace(pid=_raw_pid(token.pid))  # type: ignore[arg-type]  # raw bytes travel shorter
    return sign(key, "decision", (*fields, *made_with(keys)))


def read_decision_id(key: bytes | None, token: str) -> DecisionToken:
    """What attribution needs of the decision; raises `BadToken`.

    A fold has no key (`GUARANTEES.md` §1.6): it reads what the edge has verified, or what came straight from Kafka.
    """
    fields = read_made_with(key, "decision", token, tuple[str, str, int, bytes, int, int, int, bytes, int], 8)
    placement, variation, at, raw_pid, policy, click_window_s, view_window_s, nonce, keys = fields
    return DecisionToken(placement, variation, at, _pid(raw_pid), policy, click_window_s, view_window_s, nonce, keys)


def visitor_token(key: bytes, token: VisitorToken) -> str:
    """The token with which a page shows who its visitor is."""
    return sign(key, "visitor", (_raw_pid(token.pid), _raw_pid(token.cid), token.expires_at, *made_with(token.keys)))


def read_visitor_token(key: bytes, token: str) -> VisitorToken:
    """Who the visitor is; raises `BadToken`. The caller has the clock, and judges `expires_at`."""
    raw_pid, raw_cid, expires_at, keys = read_made_with(key, "visitor", token, tuple[bytes, bytes, int, int], 3)
    return VisitorToken(_pid(raw_pid), _pid(raw_cid), expires_at, keys)

"""Pseudonyms, and the small signed tokens that travel through browsers.

A token is ``base64url(msgpack(kind, body…) ‖ first 12 bytes of HMAC-SHA256(signing key, payload))``; nothing in it is
secret, nothing in it can be changed. The fresh token names an event's place in the log; the decision token carries all
that attribution needs (`CONTRACT.md` §2), so that no look-up stands between a click and its credit.
"""

from __future__ import annotations

import binascii
import hmac
from base64 import b32decode, b32encode, urlsafe_b64decode, urlsafe_b64encode
from functools import lru_cache
from typing import NamedTuple, TypeVar

import msgspec

T = TypeVar("T")
_MAC_BYTES = 12
_encode = msgspec.msgpack.Encoder().encode


class BadToken(ValueError):
    """The token was not made by this shop's signing key, or was changed on the way."""


class FreshToken(NamedTuple):
    """Where an acknowledged event lies in the log."""

    topic: str
    partition: int
    offset: int


class DecisionToken(NamedTuple):
    """A decision as attribution needs it; `at` in ms, windows in seconds, `pid` the visitor's pseudonym."""

    placement: str
    variation: str
    at: int
    pid: str
    policy: int
    click_window_s: int
    view_window_s: int
    nonce: bytes


def pseudonym(key: bytes, visitor_id: str, epoch: int = 0) -> str:
    """The visitor's pseudonym (pid): 26 lower-case base32 characters of HMAC-SHA256(key, epoch ‖ id)."""
    digest = hmac.digest(key, epoch.to_bytes(4, "big") + visitor_id.encode(), "sha256")
    return b32encode(digest[:16])[:26].decode().lower()


def customer_pseudonym(key: bytes, customer_id: str) -> str:
    """The customer's pseudonym (cid): as a visitor's, of another kind of id."""
    return pseudonym(key, f"customer\0{customer_id}")


def sign(key: bytes, kind: str, fields: tuple[object, ...]) -> str:
    """A token of `kind` with these fields."""
    payload = _encode((kind, *fields))
    mac = hmac.digest(key, payload, "sha256")[:_MAC_BYTES]
    return urlsafe_b64encode(payload + mac).rstrip(b"=").decode()


def verify(key: bytes, kind: str, token: str) -> tuple[object, ...]:
    """The fields signed under `kind`; raises `BadToken`."""
    try:
        blob = urlsafe_b64decode(token.encode("ascii") + b"=" * (-len(token) % 4))
        if urlsafe_b64encode(blob).rstrip(b"=").decode() != token:
            raise BadToken("this is not a token: send it exactly as the API gave it")
        payload, mac = blob[:-_MAC_BYTES], blob[-_MAC_BYTES:]
        if not hmac.compare_digest(mac, hmac.digest(key, payload, "sha256")[:_MAC_BYTES]):
            raise BadToken("the token's signature is not ours: send it exactly as the API gave it")
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


def fresh_token(key: bytes, place: FreshToken) -> str:
    """The token of an acknowledged event."""
    return sign(key, "fresh", place)


def read_fresh_token(key: bytes, token: str) -> FreshToken:
    """Where the event lies; raises `BadToken`."""
    return FreshToken(*_typed(verify(key, "fresh", token), tuple[str, int, int]))


@lru_cache(maxsize=65_536)  # Python's base32 takes as long as the rest of a token
def _raw_pid(pid: str) -> bytes:
    return b32decode(pid.upper() + "======") if pid else b""


def decision_id(key: bytes, token: DecisionToken) -> str:
    """The `decision_id` of a decision."""
    return sign(key, "decision", token._replace(pid=_raw_pid(token.pid)))  # type: ignore[arg-type]  # raw bytes travel shorter


def read_decision_id(key: bytes, token: str) -> DecisionToken:
    """What attribution needs of the decision; raises `BadToken`."""
    fields = _typed(verify(key, "decision", token), tuple[str, str, int, bytes, int, int, int, bytes])
    placement, variation, at, raw_pid, policy, click_window_s, view_window_s, nonce = fields
    pid = b32encode(raw_pid)[:26].decode().lower() if raw_pid else ""
    return DecisionToken(placement, variation, at, pid, policy, click_window_s, view_window_s, nonce)

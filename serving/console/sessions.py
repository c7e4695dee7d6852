"""Sessions as signed cookies: nothing is kept on the server, so any serving process can read them.

A session ends after 12 hours, after one hour without a request, when its account is removed or gets another role, and
when the account's password changes.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable
from typing import NamedTuple

import msgspec

from serving.console.accounts import Account, Accounts
from serving.console.roles import Role
from stream.tokens import BadToken, sign, verify

KIND = "console"
ABSOLUTE_MS = 12 * 3_600_000
IDLE_MS = 3_600_000
RENEW_EVERY_MS = 300_000


class Session(NamedTuple):
    """Who is signed in; instants in ms. `fingerprint` is of the account's password hash."""

    name: str
    role: Role
    issued_at: int
    expires_at: int
    nonce: bytes
    fingerprint: bytes


class Sessions:
    """Begins, reads and renews sessions; `clock` is now in ms."""

    def __init__(self, key: bytes, accounts: Accounts, clock: Callable[[], float]) -> None:
        self._key, self._accounts, self._clock = key, accounts, clock

    def begin(self, account: Account) -> Session:
        now = int(self._clock())
        return Session(
            account.name, account.role, now, now + IDLE_MS, secrets.token_bytes(16), self._fingerprint(account)
        )

    def token(self, session: Session) -> str:
        """The session as a cookie's value."""
        return sign(self._key, KIND, session)

    def read(self, token: str | None) -> Session | None:
        """The session that the token carries, if it still holds."""
        if token is None:
            return None
        try:
            session = Session(*msgspec.convert(verify(self._key, KIND, token), _Fields))
        except (BadToken, msgspec.ValidationError):
            return None
        return session if self._holds(session) else None

    def renewed(self, session: Session) -> Session | None:
        """The session with a later end, if that is worth a new cookie."""
        end = min(session.issued_at + ABSOLUTE_MS, int(self._clock()) + IDLE_MS)
        return session._replace(expires_at=end) if end - session.expires_at >= RENEW_EVERY_MS else None

    def csrf(self, session: Session) -> str:
        """What a form of this session carries."""
        return form_token(self._key, session.nonce)

    def _holds(self, session: Session) -> bool:
        account = self._accounts.named(session.name)
        if account is None or account.role != session.role:
            return False
        end = min(session.expires_at, session.issued_at + ABSOLUTE_MS)
        return self._clock() < end and hmac.compare_digest(session.fingerprint, self._fingerprint(account))

    def _fingerprint(self, account: Account) -> bytes:
        return hmac.digest(self._key, b"console-password\0" + account.password.encode(), "sha256")[:16]


_Fields = tuple[str, Role, int, int, bytes, bytes]


def form_token(key: bytes, nonce: bytes) -> str:
    """What a form carries that only the page belonging to this nonce can know."""
    return hmac.digest(key, b"console-form\0" + nonce, "sha256")[:20].hex()

"""Passwords as argon2id hashes (RFC 9106, its choice for little memory: 64 MiB, 3 passes, 4 lanes).

A hash costs a tenth of a second and 64 MiB, so a few run at once, in threads, and a few more wait: a flood of sign-ins
neither holds the event loop nor fills the memory. A name without an account costs the same as one with.
"""

from __future__ import annotations

import asyncio
import secrets
import unicodedata
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.profiles import RFC_9106_LOW_MEMORY

LEAST_CHARACTERS = 12
AT_ONCE = 2
WAITING = 16
HASHER = PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY)


class TooShort(ValueError):
    """The password has too few characters."""


class Busy(Exception):
    """Too many passwords are being checked now."""


def hash_of(password: str, hasher: PasswordHasher = HASHER) -> str:
    """The hash of a new password; raises `TooShort`. Takes a tenth of a second."""
    if len(password) < LEAST_CHARACTERS:
        raise TooShort(
            f"The password has {len(password)} characters; {LEAST_CHARACTERS} is the least: take a few words."
        )
    return hasher.hash(_normal(password))


class Passwords:
    """Checks and hashes passwords beside the event loop."""

    def __init__(self, hasher: PasswordHasher = HASHER) -> None:
        self._hasher = hasher
        self._nobodys = ""
        self._room = asyncio.Semaphore(AT_ONCE)
        self._here = 0

    async def fits(self, password: str, hashed: str | None) -> bool:
        """Whether the password belongs to the hash; with None it takes as long, and is no. Raises `Busy`."""
        async with self._turn():
            return await asyncio.to_thread(self._fits, password, hashed)

    async def hash_of(self, password: str) -> str:
        """The hash of a new password; raises `TooShort` or `Busy`."""
        async with self._turn():
            return await asyncio.to_thread(hash_of, password, self._hasher)

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        if self._here >= AT_ONCE + WAITING:
            raise Busy
        self._here += 1
        try:
            async with self._room:
                yield
        finally:
            self._here -= 1

    def _fits(self, password: str, hashed: str | None) -> bool:
        # made at the first sign-in, whoever it is, so that its time tells nothing about a name
        self._nobodys = self._nobodys or self._hasher.hash(secrets.token_hex())
        try:
            self._hasher.verify(hashed or self._nobodys, _normal(password))
        except (VerificationError, InvalidHashError):
            return False
        return hashed is not None


def _normal(password: str) -> str:
    """The same text for the same keys, whichever keyboard composed them (NIST SP 800-63B, 3.1.1.2)."""
    return unicodedata.normalize("NFKC", password)

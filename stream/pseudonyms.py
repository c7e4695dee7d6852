"""Pseudonyms of visitors (pid) and customers (cid), made by a chain of keys: one, until a key has leaked.

The first key makes a pseudonym from an id, each further one the next pseudonym from the one before:
``pid₁ = HMAC(k₁, epoch ‖ id)``, ``pid₂ = HMAC(k₂, pid₁)``. So `liveshelf migrate` renames what is stored without
knowing any id, and whoever has only the older keys can link no id to what is stored now. What outlives a migration says
with how many keys its pseudonyms were made, and whoever reads it goes on from there.
"""

from __future__ import annotations

import hmac
from base64 import b32encode
from collections.abc import Sequence

from stream.shard import Halt
from stream.tokens import BadToken, customer_pseudonym, pseudonym

STORED = "pseudonyms"
"""The value beside each events partition's state that says by which keys its pseudonyms were made."""


class TooFewKeys(Halt):
    """A pseudonym was made with more keys than this process has."""


class Pseudonyms:
    """Makes pseudonyms with `keys`, oldest first, at least one."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._first, *self._later = keys

    @property
    def length(self) -> int:
        """With how many keys they are made."""
        return 1 + len(self._later)

    def of_visitor(self, visitor_id: str, epoch: int = 0) -> str:
        """The visitor's pseudonym (pid)."""
        return self.continued(pseudonym(self._first, visitor_id, epoch), 1)

    def of_customer(self, customer_id: str) -> str:
        """The customer's pseudonym (cid)."""
        return self.continued(self.first_of_customer(customer_id), 1)

    def first_of_customer(self, customer_id: str) -> str:
        """The customer's pseudonym by the first key alone: it says where the customer's entries lie for good."""
        return customer_pseudonym(self._first, customer_id)

    def earlier(self, visitor_id: str) -> list[str]:
        """The visitor's pseudonyms (of epoch 0) by fewer keys, under which older records may lie."""
        found = [pseudonym(self._first, visitor_id)]
        for key in self._later:
            found.append(_next(key, found[-1]))
        return found[:-1]

    def continued(self, name: str, made_with: int) -> str:
        """The pseudonym that a pseudonym by the first `made_with` keys is now; raises `TooFewKeys`."""
        if made_with > self.length:
            raise TooFewKeys(
                f"something was stored or sent under pseudonyms of {made_with} keys, this process has {self.length}: "
                "its settings are from before a `liveshelf migrate`. Give it the LIVESHELF_LATER_PSEUDONYM_KEYS and "
                "the LIVESHELF_KEY_PREFIX that the migration named."
            )
        for key in self._later[made_with - 1 :]:
            name = _next(key, name)
        return name

    def of_token(self, name: str, made_with: int) -> str:
        """As `continued`, of a pseudonym in a token; raises `BadToken`."""
        if made_with > self.length:
            raise BadToken("it was made with newer keys than this process has: all processes need the same")
        return self.continued(name, made_with)

    def and_another(self, key: bytes) -> Pseudonyms:
        """The chain with one more key; raises `ValueError` if it is in it already."""
        if key in (self._first, *self._later):
            raise ValueError("this key is in use already")
        return Pseudonyms((self._first, *self._later, key))

    @property
    def fingerprint(self) -> bytes:
        """Tells chains apart, and nothing of the keys."""
        told = b"fingerprint"
        for key in (self._first, *self._later):
            told = hmac.digest(key, b"keys of pseudonyms\0" + told, "sha256")
        return told[:8].hex().encode()


def _next(key: bytes, name: str) -> str:
    return b32encode(hmac.digest(key, name.encode(), "sha256")[:16])[:26].decode().lower()


ONE_KEY = Pseudonyms((b"",))
"""A chain of one key, which leaves names made with one as they are: for folds whose ids are their own pseudonyms."""

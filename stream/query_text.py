"""A search as it is counted: one spelling for each, and none that looks like something of a person.

What a shopper types is theirs. It is counted only in this form, and shown to others only once several visitors have
asked for the same (`stream.asked`).
"""

from __future__ import annotations

import re
from hashlib import blake2b
from unicodedata import normalize

LONGEST = 64
_ADDRESS = re.compile(r"\S@\S")
_NUMBER = re.compile(r"\d{7}|\d(?:[ .\-/()+]*\d){8}")
"""Seven digits in a row, or nine with what stands between the digits of a telephone or card number."""


def normalised(text: str) -> str | None:
    """The query in lower case, NFKC, with single spaces; None if it is not to be kept.

    Not kept are what has no letter or digit, what is longer than `LONGEST` characters (it is not cut: nobody asked for
    its beginning), and what looks like an e-mail address, a telephone, card or customer number.
    """
    folded = normalize("NFKC", text).lower()
    query = " ".join("".join(one if one.isprintable() else " " for one in folded).split())
    if len(query) > LONGEST or not any(one.isalnum() for one in query):
        return None
    return None if _ADDRESS.search(query) or _NUMBER.search(query) else query


def digest(query: str) -> str:
    """16 hexadecimal digits that stand for a normalised query in keys."""
    return blake2b(query.encode(), digest_size=8).hexdigest()


def mark_of(visitor_id: str, query: str) -> int:
    """16 bits that tell a query's visitors apart: too few to say who it was, and others for each query.

    They go by the id and not by a pseudonym, which changes with a migration.
    """
    return int.from_bytes(blake2b(f"{query}\0{visitor_id}".encode(), digest_size=2).digest(), "big")

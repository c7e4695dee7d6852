"""What a check says."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

Verdict = Literal["ok", "warn", "bad"]


class Finding(Struct, frozen=True):
    """A check's verdict, what it found in one sentence, and unless it is `ok` what to do."""

    verdict: Verdict
    says: str
    fix: str = ""


def ok(says: str) -> Finding:
    """As it should be."""
    return Finding("ok", says)


def warn(says: str, fix: str) -> Finding:
    """Works, but not as well as it could, or not for long."""
    return Finding("warn", says, fix)


def bad(says: str, fix: str) -> Finding:
    """Does not work."""
    return Finding("bad", says, fix)

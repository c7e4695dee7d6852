"""Instants as clients send them: RFC 3339 text, or milliseconds since 1970 as a number.

Inside, an instant is always integer milliseconds.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

LAST_INSTANT_MS = 253_402_300_799_999
"""The end of the year 9999, the last that RFC 3339 can write."""

_RFC3339 = re.compile(
    r"(?:19[7-9][0-9]|[2-9][0-9]{3})-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])"
    r"[Tt](?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,9})?(?:[Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
).fullmatch
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def instant_ms(value: float | str) -> int:
    """Milliseconds since 1970 of a number (rounded down) or of RFC 3339 text from 1970 on.

    Raises ValueError for text that is not such an instant (a date alone, no offset, 30 February, a leap second).
    """
    if isinstance(value, str):
        return _text_ms(value)
    return int(value)


def _text_ms(text: str) -> int:
    if _RFC3339(text) is None:
        raise ValueError("not an RFC 3339 instant with an offset")
    return (datetime.fromisoformat(text.upper()) - _EPOCH) // _MILLISECOND

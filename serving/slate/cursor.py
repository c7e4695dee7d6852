"""The cursor of the next page: which items the pages so far have shown.

It names them, instead of a place in an order that may have changed meanwhile: three bytes each, of a hash of the item's
group or of its id, so that no page repeats an item or brings a variant of one. An item that was never shown has the
hash of one of n shown ones, and is left out of these pages, with a probability of n / 2^24: 1 in 14,000 after a
thousand. `MOST` items (100 pages of 12) is where the pages end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from zlib import crc32

from serving.candidate import Candidate
from serving.shop import Shop
from stream.tokens import BadToken, read, sign

MOST = 1_200
MOST_CHARACTERS = 4_900
_KIND = "next"
_BYTES = 3


def code(item_id: str, shop: Shop) -> int:
    """What a cursor calls an item: 24 bits, of its group where it is a variant."""
    group = shop.group_of(item_id) if shop.grouped else None
    return crc32(item_id.encode() if group is None else b"\0" + group.encode()) & 0xFFFFFF


def cursor(key: bytes, before: Iterable[int], item_ids: Iterable[str], shop: Shop) -> str | None:
    """The cursor of the page after these items, and after those `before`; None if that is too far down."""
    codes = list(dict.fromkeys([*before, *(code(item_id, shop) for item_id in item_ids)]))
    if len(codes) >= MOST:
        return None
    return sign(key, _KIND, (b"".join([one.to_bytes(_BYTES, "big") for one in codes]),))


def unseen(candidates: list[Candidate], before: Sequence[int], shop: Shop) -> list[Candidate]:
    """The candidates that no page before has shown."""
    if not before:
        return candidates
    new = fresh(before, shop)
    return [one for one in candidates if new(one.item_id)]


def fresh(before: Sequence[int], shop: Shop) -> Callable[[str], bool]:
    """Says of an item whether no page before has shown it."""
    seen = frozenset(before)
    return lambda item_id: code(item_id, shop) not in seen


def shown_before(key: bytes, token: str) -> tuple[int, ...]:
    """What a cursor says was shown, in that order; raises `BadToken`."""
    (packed,) = read(key, _KIND, token, tuple[bytes])
    if len(packed) % _BYTES:
        raise BadToken("this token was made by another release: ask the API for a new one")
    return tuple(int.from_bytes(packed[at : at + _BYTES], "big") for at in range(0, len(packed), _BYTES))

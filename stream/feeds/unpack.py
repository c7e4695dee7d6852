"""The bytes of a feed, unpacked within bounds: gzip is read whatever the file is called."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from itertools import chain

from msgspec import Struct

from stream.feeds.flaws import BadFeed

_GZIP, _ZIP = b"\x1f\x8b", b"PK\x03\x04"
_PIECE = 64 * 1024
_LAYERS = 2  # a server may compress on its way what is a .gz already


class Limits(Struct, frozen=True):
    """How much a feed may be: bytes unpacked, and how many times its packed size beyond the first `free_bytes`.

    Tables and XML of products shrink to a fifth or a twentieth; a bomb to a thousandth.
    """

    unpacked_bytes: int = 4 * 1024**3
    ratio: int = 100
    free_bytes: int = 16 * 1024**2


def unpacked(chunks: Iterable[bytes], limits: Limits) -> Iterator[bytes]:
    """The content; raises `BadFeed` for what is too large, torn, or another kind of archive."""
    for _ in range(_LAYERS):
        head, chunks = _peek(chunks)
        if head.startswith(_ZIP):
            raise BadFeed("it is a ZIP archive (or a spreadsheet, which is one). Unpack it, or save it as CSV.")
        if not head.startswith(_GZIP):
            break
        chunks = _gunzipped(chunks, limits)
    total = 0
    for chunk in chunks:
        total += len(chunk)
        if total > limits.unpacked_bytes:
            raise _too_large(limits)
        yield chunk


def _peek(chunks: Iterable[bytes]) -> tuple[bytes, Iterator[bytes]]:
    rest = iter(chunks)
    head = b""
    for chunk in rest:
        head += chunk
        if len(head) >= len(_ZIP):
            break
    return head, chain((head,), rest)


def _gunzipped(chunks: Iterable[bytes], limits: Limits) -> Iterator[bytes]:
    inflater, taken, given = zlib.decompressobj(wbits=31), 0, 0
    for chunk in chunks:
        taken, rest = taken + len(chunk), chunk
        while rest:
            try:
                piece = inflater.decompress(rest, _PIECE)
            except zlib.error as error:
                raise BadFeed(f"its gzip data is damaged ({error}). Make or fetch the file again.") from None
            given += len(piece)
            if given > limits.unpacked_bytes or (given > limits.free_bytes and given > limits.ratio * taken):
                raise _too_large(limits)
            yield piece
            rest = inflater.unconsumed_tail
            if inflater.eof:  # another member may follow, or padding
                rest = inflater.unused_data.lstrip(b"\0")
                inflater = zlib.decompressobj(wbits=31) if rest else inflater
    while not inflater.eof:  # what it still holds
        piece = inflater.decompress(b"", _PIECE)
        if not piece:
            raise BadFeed("its gzip data ends too early: the file was cut off. Make or fetch it again.")
        given += len(piece)
        yield piece


def _too_large(limits: Limits) -> BadFeed:
    return BadFeed(
        f"unpacked it is larger than {limits.unpacked_bytes:,} bytes, or more than {limits.ratio} times what it is "
        "packed, as a bomb would be. Split the feed, or send it unpacked."
    )

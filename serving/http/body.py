"""Bodies, read with bounds: while they arrive, not afterwards, and as much after decompression as before."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Awaitable, Callable, MutableMapping
from functools import cache
from typing import Any, TypeVar

import msgspec

from serving.http import problem
from stream.strict_json import whole_floats_as_integers

PATIENCE_S = 15.0
_GZIP, _ZLIB, _RAW = 31, 15, -15
T = TypeVar("T")


class ClientGone(Exception):
    """The client closed the connection before its request was whole: nobody waits for an answer."""


Header = Callable[[bytes], bytes | None]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]


def struct_of(body: bytes, kind: type[T]) -> T:
    """The body as a Struct (an empty one as an object without fields); `Problem` 400 if it is none.

    A whole number may be written as 8.0, which JSON Schema calls an integer.
    """
    decoder: msgspec.json.Decoder[T] = _decoder(kind)  # type: ignore[arg-type]  # mypy: a type is hashable
    try:
        try:
            return decoder.decode(body or b"{}")
        except msgspec.ValidationError:
            return msgspec.convert(whole_floats_as_integers(msgspec.json.decode(body)), kind)
    except msgspec.ValidationError as error:
        raise problem.bad_request(f"{error}.") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise problem.unreadable("The body is not a JSON object.") from None


@cache
def _decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind)


async def read(header: Header, receive: Receive, limit: int) -> bytes:
    """The body, decompressed, of at most `limit` bytes."""
    declared = header(b"content-length")
    if declared is not None and declared.isdigit() and int(declared) > limit:
        raise _too_large(limit)
    unpack = _unpacker(header(b"content-encoding"))
    try:
        async with asyncio.timeout(PATIENCE_S):
            return await _receive_all(receive, unpack, limit)
    except TimeoutError:
        raise problem.Problem(
            408, "too_slow", f"The body was not whole after {PATIENCE_S:.0f} s; nothing was stored. Send it again."
        ) from None


async def _receive_all(receive: Receive, unpack: _Unpacker | None, limit: int) -> bytes:
    parts: list[bytes] = []
    arrived = size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        part = message.get("body", b"")
        arrived += len(part)
        if unpack is not None:
            part = unpack.feed(part, limit - size)
        size += len(part)
        if size > limit or arrived > limit:
            raise _too_large(limit)
        parts.append(part)
        if not message.get("more_body", False):
            break
    if unpack is not None:
        unpack.finish()
    return parts[0] if len(parts) == 1 else b"".join(parts)


class _Unpacker:
    """Decompresses as it comes, never more than one byte beyond what is allowed."""

    def __init__(self, encoding: str) -> None:
        self._encoding = encoding
        self._engine: Any = None

    def feed(self, part: bytes, room: int) -> bytes:
        if not part:
            return b""
        try:
            if self._engine is None:
                self._engine = zlib.decompressobj(self._window(part))
            out: bytes = self._engine.decompress(part, room + 1)
        except zlib.error:
            raise self._broken() from None
        if self._engine.unused_data:
            raise self._broken()
        return out

    def finish(self) -> None:
        if self._engine is not None and not self._engine.eof:
            raise self._broken()

    def _window(self, part: bytes) -> int:
        if self._encoding == "gzip":
            return _GZIP
        # "deflate" means zlib (RFC 9110), but some clients send it bare; a zlib header is divisible by 31
        return _ZLIB if part[0] & 15 == 8 and len(part) > 1 and int.from_bytes(part[:2], "big") % 31 == 0 else _RAW

    def _broken(self) -> problem.Problem:
        return problem.unreadable(f"The body is not whole {self._encoding} data; nothing was stored. Compress it anew.")


def _unpacker(encoding: bytes | None) -> _Unpacker | None:
    name = (encoding or b"identity").strip().lower().decode("latin-1")
    if name == "identity":
        return None
    if name not in {"gzip", "x-gzip", "deflate"}:
        raise problem.Problem(
            415, "encoding", "The Content-Encoding is not one of gzip, deflate, identity. Send the body as plain JSON.",
            headers=((b"accept-encoding", b"gzip, deflate"),),
        )  # fmt: skip
    return _Unpacker("deflate" if name == "deflate" else "gzip")


def _too_large(limit: int) -> problem.Problem:
    return problem.too_large(f"The body has more than {limit} bytes; nothing was stored. Send less at a time.")

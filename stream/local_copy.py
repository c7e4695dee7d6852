"""A file that a process keeps so that it can start and answer while its sources are away.

A copy is a line of identification, then msgpack blocks (length, bytes), then the SHA-256 of all before; it is written
beside its place and renamed, so that a reader sees the old one or the new one, never half of either. A copy that is
damaged or of another format counts as none: everything in it comes from somewhere else.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
import structlog

_LENGTH_BYTES = 4
_DIGEST_BYTES = 32

log = structlog.get_logger()


class LocalCopy:
    """One such file. `kind` names its content and format, for example ``catalogue 1``."""

    def __init__(self, path: Path, kind: str) -> None:
        self.path = path
        self._header = f"liveshelf {kind}\n".encode()

    async def write(self, blocks: Iterable[Any]) -> None:
        """Replace the file by `blocks`; other tasks run between them. Raises `OSError` (disk full, read-only)."""
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        beside = self.path.with_name(f"{self.path.name}.{os.getpid()}.new")
        try:
            with beside.open("wb") as file:
                await self._write(file, blocks)
                await asyncio.to_thread(os.fsync, file.fileno())
            beside.replace(self.path)
        finally:
            beside.unlink(missing_ok=True)

    async def _write(self, file: BinaryIO, blocks: Iterable[Any]) -> None:
        digest = hashlib.sha256(self._header)
        file.write(self._header)
        for block in blocks:
            packed = msgspec.msgpack.encode(block)
            framed = len(packed).to_bytes(_LENGTH_BYTES, "big") + packed
            digest.update(framed)
            file.write(framed)
            await asyncio.sleep(0)
        file.write(digest.digest())

    def read(self) -> list[bytes] | None:
        """The packed blocks, or None where there is no whole copy of this kind."""
        try:
            stored = self.path.read_bytes()
        except OSError:
            return None
        body, digest = stored[:-_DIGEST_BYTES], stored[-_DIGEST_BYTES:]
        if not body.startswith(self._header) or hashlib.sha256(body).digest() != digest:
            log.warning("local_copy_ignored", file=self.path.name, reason="damaged, or of another format")
            return None
        return list(_blocks(body, len(self._header)))


def _blocks(body: bytes, at: int) -> Iterable[bytes]:
    while at < len(body):
        length = int.from_bytes(body[at : at + _LENGTH_BYTES], "big")
        at += _LENGTH_BYTES
        yield body[at : at + length]
        at += length

"""An import from beginning to end: fetch, check every row, plan, send.

```
FILE | URL ─▶ bytes ─▶ unpacked ─▶ text ─▶ rows of a format ─▶ validated, compared ─▶ changes, spooled on disk
                                                                       ▲                   │
 liveshelf.catalog.v1 ─────────────────────────── followed meanwhile ──┘                   │
                      ◀── acknowledged ◀── only what still differs ◀── unless refused ◀────┘
```
Nothing is sent before every feed has been read to its end, so that a feed that breaks off changes nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Protocol

from msgspec import Struct

from stream.catalogue import Catalogue, Shelved
from stream.feeds.check import Checked, check, gone, refuse_broken
from stream.feeds.columns import Options
from stream.feeds.fetch import fetch, is_url, spoken
from stream.feeds.flaws import BadFeed
from stream.feeds.plan import changes, refuse_shrinking
from stream.feeds.send import Sends, send
from stream.feeds.spool import Spool
from stream.feeds.text import FeedText

SHOWN_WITHIN_S = 5.0
_PIECE = 64 * 1024
_BREATH = 200


class Wanted(Struct, frozen=True):
    """What is asked for.

    `full`: the feeds are the whole assortment, so what they no longer have goes. `allow_shrink`: also if that is most
    of it. `loopback`: fetch by http from this machine only, for trials.
    """

    sources: Sequence[str]
    options: Options
    encoding: str = ""
    full: bool = False
    allow_shrink: bool = False
    loopback: bool = False


class Watcher(Protocol):
    """Is told how far an import is."""

    def begin(self, source: str, size: int) -> None: ...

    def read(self, count: int) -> None: ...

    def sending(self, records: int) -> None: ...

    def sent(self, count: int) -> None: ...


async def check_all(
    wanted: Wanted, known: Mapping[str, Shelved], spool: Spool, checked: Checked, watcher: Watcher
) -> None:
    """Read and validate all feeds; raises `BadFeed`, which names the feed, and `Refused`."""
    for source in wanted.sources:
        name = spoken(source)
        try:
            with await _opened(source, loopback=wanted.loopback) as file:
                watcher.begin(name, _size(file))
                text = FeedText(_chunks(file, watcher.read), encoding=wanted.encoding)
                for number, _ in enumerate(check(name, text, wanted.options, known, spool, checked)):
                    if number % _BREATH == 0:
                        await asyncio.sleep(0)
        except BadFeed as error:
            raise BadFeed(f"{name}: {error}") from None
        except OSError as error:
            raise BadFeed(f"{name} cannot be read: {error.strerror or error}") from None
    refuse_broken(checked)


def leaving(wanted: Wanted, checked: Checked, known: Mapping[str, Shelved]) -> list[str]:
    """The items that go, and the plan completed by them; raises `Refused`."""
    found = gone(checked, known) if wanted.full else []
    for change in changes((), found, known):
        checked.plan.count(change)
    checked.plan.live = sum(one.sellable for one in known.values())
    if not wanted.allow_shrink:
        refuse_shrinking(checked.plan)
    return found


async def carry_out(
    spool: Spool, going: Sequence[str], catalogue: Catalogue, producer: Sends, partitions: int, watcher: Watcher
) -> int:
    """Send the changes against the catalogue as it is by now; how many were acknowledged."""
    count = 0

    def progress(acknowledged: int) -> None:
        nonlocal count
        count += acknowledged
        watcher.sent(acknowledged)

    # the catalogue changes while its own records come back, so each is compared when its turn comes
    offsets = await send(changes(spool, going, catalogue.items), producer, partitions, progress)
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(catalogue.reached(offsets), SHOWN_WITHIN_S)
    return count


async def _opened(source: str, *, loopback: bool) -> IO[bytes]:
    if is_url(source):
        return await fetch(source, loopback=loopback)
    return await asyncio.to_thread(Path(source).open, "rb")


def _size(file: IO[bytes]) -> int:
    size = file.seek(0, 2)
    file.seek(0)
    return size


def _chunks(file: IO[bytes], read: Callable[[int], None]) -> Iterator[bytes]:
    while chunk := file.read(_PIECE):
        read(len(chunk))
        yield chunk

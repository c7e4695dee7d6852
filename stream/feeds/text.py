"""The text of a feed: decoded and handed out piece by piece, so that memory stays small however long the feed is."""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Iterable, Iterator
from itertools import chain

from stream.feeds.flaws import BadFeed
from stream.feeds.unpack import Limits, unpacked

HEAD = 64 * 1024
LONGEST_LINE = 2 * 1024 * 1024
MOST_WHOLE = 64 * 1024 * 1024
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_STATED = re.compile(rb"""(?:encoding|charset)\s*=\s*["']?([A-Za-z0-9_.:-]{2,20})""").search
_KNOWN = re.compile(
    r"utf-?8|utf-?16(-?(le|be))?|(us-)?ascii|latin-?1|iso-?8859-\d{1,2}|(windows-?|cp)125\d|koi8-[ru]|shift_jis|"
    r"euc-jp|euc-kr|gb2312|gbk|gb18030|big5",
    re.IGNORECASE,
).fullmatch


class FeedText:
    """One feed's text, read once, with every line ending as a line feed.

    Parameters
    ----------
    chunks: its bytes, packed or not.
    encoding: what the caller says it is; empty: what a byte order mark or an XML declaration says, else UTF-8.

    Attributes
    ----------
    head: its beginning, for recognising the format; all further reading starts there again.
    """

    def __init__(self, chunks: Iterable[bytes], *, encoding: str = "", limits: Limits | None = None) -> None:
        self._pieces = _decoded(unpacked(chunks, limits or Limits()), encoding)
        self.head = ""
        for piece in self._pieces:
            self.head += piece
            if len(self.head) >= HEAD:
                break
        if not self.head.strip():
            raise BadFeed("it is empty. Nothing was changed.")

    def chunks(self) -> Iterator[str]:
        """All of it."""
        yield self.head
        yield from self._pieces

    def lines(self) -> Iterator[str]:
        """Line by line, each with its line feed; raises `BadFeed` where one has no end."""
        rest = ""
        for chunk in self.chunks():
            first, *more = chunk.split("\n")
            rest += first
            if more:
                yield rest + "\n"
                yield from (line + "\n" for line in more[:-1])
                rest = more[-1]
            if len(rest) > LONGEST_LINE:
                raise BadFeed(f"a line has more than {LONGEST_LINE:,} characters, which no row of a feed has.")
        if rest:
            yield rest

    def whole(self) -> str:
        """All of it at once, for formats that cannot be read in pieces; raises `BadFeed` beyond `MOST_WHOLE`."""
        pieces: list[str] = []
        size = 0
        for chunk in self.chunks():
            size += len(chunk)
            if size > MOST_WHOLE:
                raise BadFeed(
                    f"it is one JSON or HTML document of more than {MOST_WHOLE:,} characters, which has to be read at "
                    "once. Send JSON Lines (one item a line) or several files."
                )
            pieces.append(chunk)
        return "".join(pieces)


def _decoded(chunks: Iterator[bytes], stated: str) -> Iterator[str]:
    head = b""
    for chunk in chunks:
        head += chunk
        if len(head) >= 1024:
            break
    name = _encoding(head, stated)
    decoder = codecs.getincrementaldecoder(name)()
    newlines = io.IncrementalNewlineDecoder(None, translate=True)
    line = 1
    for data in chain((head,), chunks):
        text = newlines.decode(_decode(decoder, data, name, line))
        line += text.count("\n")
        yield text
    yield newlines.decode(_decode(decoder, b"", name, line, final=True), final=True)


def _decode(decoder: codecs.IncrementalDecoder, data: bytes, name: str, line: int, *, final: bool = False) -> str:
    try:
        return decoder.decode(data, final)
    except UnicodeDecodeError as error:
        at = line + error.object[: error.start].count(b"\n")
        raise BadFeed(
            f"line {at} is not {name}: byte 0x{error.object[error.start]:02x} cannot stand there. Save the file as "
            "UTF-8, or say what it is: --encoding cp1252 (Windows, Western Europe), latin-1, …"
        ) from None


def _encoding(head: bytes, stated: str) -> str:
    for mark, name in _BOMS:
        if head.startswith(mark):
            return name
    if not stated and head.lstrip().startswith(b"<"):
        found = _STATED(head)
        stated = found[1].decode() if found else ""
    if stated:
        return _checked(stated)
    if b"\0" in head[:2]:
        return "utf-16-le" if head[:2].endswith(b"\0") else "utf-16-be"
    return "utf-8"


def _checked(stated: str) -> str:
    try:
        if _KNOWN(stated):
            return codecs.lookup(stated).name
    except LookupError:
        pass
    raise BadFeed(f"its encoding is called {stated!r}, which is not known here. Save it as UTF-8.")

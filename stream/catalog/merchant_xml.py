"""Google Merchant's product feed as RSS 2.0 or Atom, with its elements in the namespace `g`.
https://support.google.com/merchants/answer/160589

Read as a stream; a document type, and with it every entity and every reference to another file, is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any
from xml.etree.ElementTree import ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from stream.feeds import merchant
from stream.feeds.columns import Options
from stream.feeds.flaws import BadFeed, Row
from stream.feeds.text import FeedText

_GOOGLE = "{http://base.google.com/ns/1.0}"
_SAID = merchant.COLUMNS - merchant.SELDOM
_ITEMS = frozenset({"item", "entry"})
_SAME = {"summary": "description", "content": "description"}
MOST_CHARACTERS = 1024 * 1024
DEEPEST = 32


class MerchantXml:
    """See the module."""

    name = "Google Merchant, RSS or Atom"
    mapping: Mapping[str, str] = merchant.MAPPING

    def looks(self, head: str) -> bool:
        start = head.lstrip()
        marks = ("<rss", "<feed", "base.google.com/ns/1.0", "<channel")
        return start.startswith("<") and any(one in start for one in marks) and "ld+json" not in start

    def rows(self, text: FeedText, options: Options) -> Iterator[Row]:
        for line, cells in items(text):
            yield merchant.read(Row(line), cells, _SAID, options)


def items(text: FeedText) -> Iterator[tuple[int, dict[str, str]]]:
    """Each item: the line where it starts, and the text of its elements by name; those inside others are left out."""
    found = _Items()
    parser: Any = DefusedXMLParser(target=found, forbid_dtd=True)
    found.line = lambda: int(parser.parser.CurrentLineNumber)
    try:
        for chunk in text.chunks():
            parser.feed(chunk)
            yield from found.taken()
        parser.close()
        yield from found.taken()
    except DefusedXmlException:
        raise BadFeed(
            "it declares a document type or entities, which a feed does not need and which can read files or fill the "
            "memory. Remove <!DOCTYPE …>."
        ) from None
    except ParseError as error:
        raise BadFeed(f"it is no longer XML at line {error.position[0]}: {error}. Nothing of it was used.") from None


class _Items:
    """What the parser tells; items are complete once their end came."""

    def __init__(self) -> None:
        self._open: list[str] = []
        self._item: dict[str, str] | None = None
        self._item_depth = 0
        self._size = 0
        self._text: list[str] = []
        self._started = 0
        self._done: list[tuple[int, dict[str, str]]] = []
        self.line: Callable[[], int] = lambda: 0

    def taken(self) -> list[tuple[int, dict[str, str]]]:
        done, self._done = self._done, []
        return done

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        self._open.append(tag)
        if len(self._open) > DEEPEST:
            raise BadFeed(
                f"elements are nested more than {DEEPEST} deep at line {self.line()}; a feed has four levels."
            )
        if self._item is None and _local(tag) in _ITEMS:
            self._item, self._item_depth, self._started, self._size = {}, len(self._open), self.line(), 0
        elif self._item is not None and len(self._open) == self._item_depth + 1:
            self._text = [attributes["href"]] if _local(tag) == "link" and "href" in attributes else []

    def data(self, data: str) -> None:
        if self._item is not None and len(self._open) == self._item_depth + 1:
            self._size += len(data)
            if self._size > MOST_CHARACTERS:
                raise BadFeed(f"the item at line {self._started} has more than {MOST_CHARACTERS:,} characters.")
            self._text.append(data)

    def end(self, tag: str) -> None:
        if self._item is not None and len(self._open) == self._item_depth + 1:
            self._keep(tag, self._item)
        elif self._item is not None and len(self._open) == self._item_depth:
            self._done.append((self._started, self._item))
            self._item = None
        self._open.pop()

    def _keep(self, tag: str, item: dict[str, str]) -> None:
        """Google's own element counts before the format's, and the first of several."""
        name, text = _SAME.get(_local(tag), _local(tag)), "".join(self._text).strip()
        if tag.startswith(_GOOGLE):
            if f"g:{name}" not in item:
                item[name] = item[f"g:{name}"] = text
        elif text:
            item.setdefault(name, text)

    def close(self) -> None: ...


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


FORMAT = MerchantXml()

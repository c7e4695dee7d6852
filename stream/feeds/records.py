"""JSON: one object a line, or one list of objects."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson

from stream.feeds.flaws import BadFeed
from stream.feeds.text import FeedText


def first(head: str) -> dict[str, Any]:
    """The first object that can be read in a feed's head, for recognising the format; empty if there is none."""
    if head.lstrip().startswith("["):
        return _first_of_list(head.lstrip())
    for line in head.split("\n")[:50]:
        try:
            found = orjson.loads(line)
        except orjson.JSONDecodeError:
            continue
        if isinstance(found, dict):
            return found
    return {}


def _first_of_list(head: str) -> dict[str, Any]:
    """The first object of a list, whose end need not be in the head."""
    depth, quoted, escaped = 0, False, False
    for place, one in enumerate(head):
        if quoted:
            quoted, escaped = escaped or one != '"', one == "\\" and not escaped
        elif one == '"':
            quoted = True
        elif one in "[{":
            depth += 1
        elif one in "]}":
            depth -= 1
            if depth == 1:
                return first(head[1 : place + 1].replace("\n", " "))
    return {}


def records(text: FeedText) -> Iterator[tuple[int, bytes]]:
    """Each object's place (its line, or its place in the list, from 1) and its JSON."""
    if text.head.lstrip().startswith("["):
        try:
            found: list[Any] = orjson.loads(text.whole())
        except orjson.JSONDecodeError as error:
            raise BadFeed(f"it is a list that is not JSON: {error}. Nothing of it can be read.") from None
        yield from ((place, orjson.dumps(one)) for place, one in enumerate(found, 1))
        return
    for number, line in enumerate(text.lines(), 1):
        if line.strip():
            yield number, line.encode("utf-8", "surrogatepass")

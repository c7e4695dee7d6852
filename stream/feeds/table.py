"""Delimited text: one row a line, or several where a cell is quoted. The delimiter is found, not asked for."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from msgspec import Struct

from stream.feeds.flaws import BadFeed, Flaw, shown
from stream.feeds.text import FeedText

_DELIMITERS = "\t,;|"


class Header(NamedTuple):
    """A table's first row: the columns' names in small letters with single blanks, as written, and the delimiter."""

    names: tuple[str, ...]
    written: tuple[str, ...]
    delimiter: str


class Cells(Struct):
    """One row: the line where it starts, its cells by column (as `Header` spells them), or what is wrong with it."""

    number: int
    cells: dict[str, str]
    flaw: Flaw | None = None


def header(head: str) -> Header:
    """The header in a feed's head, by the delimiter that gives the most columns."""
    line = next((one for one in head.split("\n") if one.strip()), "")
    found = [(_cells(line, delimiter), delimiter) for delimiter in _DELIMITERS]
    cells, delimiter = max(found, key=lambda one: len(one[0]))
    written = tuple(re.sub(r"\s+", " ", cell).strip() for cell in cells)
    return Header(tuple(name.lower().removeprefix("g:") for name in written), written, delimiter)


def _cells(line: str, delimiter: str) -> Sequence[str]:
    try:
        return next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:
        return ()


def rows(text: FeedText, top: Header, needed: frozenset[str]) -> Iterator[Cells]:
    """The rows after the header; raises `BadFeed` if one of the `needed` columns is there twice."""
    twice = sorted(name for name in needed if top.names.count(name) > 1)
    if twice:
        raise BadFeed(f"its header has the column {twice[0]!r} more than once. Keep the one that counts.")
    reader = csv.reader(text.lines(), delimiter=top.delimiter, strict=True)
    seen_header = False
    while True:
        number = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield Cells(number, {}, _quoting(number, error))
            continue
        if not any(cell.strip() for cell in cells):
            continue
        if not seen_header:
            seen_header = True
            continue
        flaw = _miscounted(number, cells, top) if len(cells) != len(top.names) else None
        yield Cells(number, _by_name(top, cells), flaw)


def _by_name(top: Header, cells: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, cell in zip(top.names, cells, strict=False):
        found.setdefault(name, cell)
    return found


def _quoting(number: int, error: csv.Error) -> Flaw:
    fix = 'close the quotes, and write a quote inside them twice: "12"" pan"'
    return Flaw(number, "", "", "quoting", f"its quotes do not match ({error})", fix)


def _miscounted(number: int, cells: Sequence[str], top: Header) -> Flaw:
    message = f"it has {len(cells)} cells, the header {len(top.names)}"
    delimiter = {"\t": "tab", ",": "comma", ";": "semicolon"}.get(top.delimiter, top.delimiter)
    return Flaw(number, "", shown(cells[-1]), "cells", message, f"quote cells that contain a {delimiter}")

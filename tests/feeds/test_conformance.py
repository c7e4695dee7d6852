"""What every feed format keeps: the same items, however they are written down, packed or encoded."""

from __future__ import annotations

import gzip
import pkgutil
from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import stream.catalog
from stream.catalog import formats, recognised
from stream.feeds.flaws import BadFeed
from stream.feeds.text import FeedText
from tests.feeds.shop import ITEMS, OPTIONS, WRITERS, Item, folded, item, parsed, read

Writer = Callable[[Iterable[Item]], bytes]
WHOLE = {"json_ld", "json_ld_list", "json_ld_page", "openai_list"}
"""A JSON document is read at once, up to a bound."""
ALL = [one for writers in WRITERS.values() for one in writers]
every = pytest.mark.parametrize("write", ALL, ids=lambda one: one.__name__)
in_pieces = pytest.mark.parametrize(
    "write", [one for one in ALL if one.__name__ not in WHOLE], ids=lambda one: one.__name__
)


def test_every_file_of_the_folder_is_a_format_and_has_a_writer() -> None:
    files = {module.name for module in pkgutil.iter_modules(stream.catalog.__path__)}
    assert files == set(WRITERS), "a format needs a writer in tests/feeds/shop.py, so that this suite can check it"
    assert len({one.name for one in formats()}) == len(files)


@every
def test_it_gives_the_same_twelve_items(write: Writer) -> None:
    assert parsed(write(ITEMS)) == folded(ITEMS)


@every
def test_one_format_and_only_one_says_that_it_is_its_own(write: Writer) -> None:
    text = FeedText([write(ITEMS)])
    assert [one.name for one in formats() if one.looks(text.head)] == [recognised(text).name]


@every
@pytest.mark.parametrize("wrap", [gzip.compress, lambda content: gzip.compress(gzip.compress(content))])
def test_packed_it_is_the_same(write: Writer, wrap: Callable[[bytes], bytes]) -> None:
    assert parsed(wrap(write(ITEMS))) == folded(ITEMS)


@every
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_in_every_unicode_it_is_the_same(write: Writer, encoding: str) -> None:
    content = write(ITEMS).decode().replace(' encoding="UTF-8"', "")
    assert parsed(content.encode(encoding)) == folded(ITEMS)


@every
def test_with_the_line_endings_of_windows_it_is_the_same(write: Writer) -> None:
    assert parsed(write(ITEMS).replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")) == folded(ITEMS)


@every
def test_cut_off_it_is_refused_or_gives_fewer_rows_and_never_other_items(write: Writer) -> None:
    content = write(ITEMS)
    for cut in range(len(content) // 2, len(content), 97):
        try:
            rows = read(content[:cut])
        except BadFeed:
            continue
        good = folded(row.item for row in rows[:-1] if not row.flaws)
        assert good == folded(ITEMS)[: len(good)]


@every
def test_rows_are_numbered_in_order(write: Writer) -> None:
    numbers = [row.number for row in read(write(ITEMS))]
    assert all(before < after for before, after in pairwise(numbers))


@in_pieces
def test_reading_holds_one_piece_of_the_feed_at_a_time(write: Writer) -> None:
    """Of formats that can be read in pieces, the first item is there before the rest has been asked for."""
    content = write([item(f"i{number}") for number in range(2_000)])
    asked = 0

    def chunks() -> Iterable[bytes]:
        nonlocal asked
        for at in range(0, len(content), 8_192):
            asked += 8_192
            yield content[at : at + 8_192]

    text = FeedText(chunks())
    next(iter(recognised(text).rows(text, OPTIONS)))
    assert asked < len(content) / 2


WORDS = st.text(st.characters(exclude_categories=("C", "Z"), include_characters=" "), min_size=1, max_size=30)
LINES = WORDS.map(lambda text: " ".join(text.split())).filter(bool)
PLAIN = LINES.filter(lambda text: not set(text) & set("<&"))
PRICES = st.decimals(min_value="0.01", max_value="99999.99", places=2)
IDS = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=30)


@st.composite
def some_items(draw: st.DrawFn) -> list[dict[str, Any]]:
    ids = draw(st.lists(IDS.filter(lambda one: "/" not in one), min_size=1, max_size=4, unique=True))
    return [
        item(
            f"sku-{number}",
            url=f"https://shop.example/products/h{number}",
            title=draw(LINES),
            description=draw(PLAIN),
            brand=draw(LINES),
            gtin=one,
            price=f"{draw(PRICES) + 1}",
            **({"sale_price": "0.80"} if draw(st.booleans()) else {}),
            availability=draw(st.sampled_from(["in_stock", "backorder"])),
            attributes={"color": draw(LINES)},
        )
        for number, one in enumerate(ids)
    ]


@every
@settings(max_examples=30)
@given(items=some_items())
def test_what_is_written_is_read(write: Writer, items: list[dict[str, Any]]) -> None:
    for one in items:
        one["quantity"] = 3 if one["availability"] == "in_stock" else 0
    assert [orjson.loads(one) for one in parsed(write(items))] == [orjson.loads(one) for one in folded(items)]

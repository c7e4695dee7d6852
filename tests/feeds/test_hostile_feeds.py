"""Feeds that were made to harm: each is refused quickly, in a sentence, with little memory."""

from __future__ import annotations

import gzip
import time
import tracemalloc
import zlib
from collections.abc import Iterator

import pytest

from stream.catalog import recognised
from stream.feeds import values
from stream.feeds.flaws import BadFeed, Unreadable
from stream.feeds.prose import LONGEST, prose
from stream.feeds.text import FeedText
from stream.feeds.unpack import Limits
from tests.feeds.shop import OPTIONS, item, merchant_table, read

RSS = '<rss version="2.0" xmlns:g="http://base.google.com/ns/1.0"><channel>{}</channel></rss>'
LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
XML_BOMBS = {
    "billion laughs": f'<!DOCTYPE rss [<!ENTITY l0 "ha">{LAUGHS}]>' + RSS.format("<item><title>&l9;</title></item>"),
    "quadratic blowup": f'<!DOCTYPE rss [<!ENTITY a "{"a" * 50_000}">]>'
    + RSS.format("<item>" + "&a;" * 50_000 + "</item>"),
    "external entity": '<!DOCTYPE rss [<!ENTITY x SYSTEM "file:///etc/passwd">]>' + RSS.format("<item>&x;</item>"),
    "external entity of the web": '<!DOCTYPE rss [<!ENTITY x SYSTEM "http://127.0.0.1/">]>'
    + RSS.format("<item>&x;</item>"),
    "parameter entity": '<!DOCTYPE rss [<!ENTITY % p SYSTEM "file:///etc/passwd"> %p;]>' + RSS.format(""),
    "external document type": '<!DOCTYPE rss SYSTEM "http://127.0.0.1/rss.dtd">' + RSS.format("<item></item>"),
}


@pytest.mark.parametrize("name", XML_BOMBS)
def test_xml_with_a_document_type_is_refused(name: str) -> None:
    began = time.monotonic()
    with pytest.raises(BadFeed, match="declares a document type or entities"):
        read(XML_BOMBS[name].encode())
    assert time.monotonic() - began < 2


def test_xml_without_end_in_depth() -> None:
    with pytest.raises(BadFeed, match="nested more than 32 deep"):
        read(RSS.format("<a>" * 100_000).encode())


def test_xml_with_an_item_without_end() -> None:
    with pytest.raises(BadFeed, match="the item at line 1 has more than"):
        read(RSS.format(f"<item><title>{'a' * 2_000_000}</title></item>").encode())


def _bomb(size: int) -> bytes:
    packer = zlib.compressobj(9, wbits=31)
    zeros = b"0" * 1_000_000
    return b"".join([*(packer.compress(zeros) for _ in range(size // 1_000_000)), packer.flush()])


@pytest.mark.parametrize("layers", [1, 2])
def test_a_gzip_bomb_is_given_up_early_and_takes_no_memory(layers: int) -> None:
    bomb = _bomb(400_000_000) if layers == 1 else gzip.compress(_bomb(400_000_000))
    assert len(bomb) < 500_000
    tracemalloc.start()
    try:
        with pytest.raises(BadFeed, match="as a bomb would be"):
            for _ in FeedText([bomb]).chunks():
                pass
        assert tracemalloc.get_traced_memory()[1] < 64 * 1024**2
    finally:
        tracemalloc.stop()


def test_what_is_too_large_unpacked_is_given_up_whatever_its_ratio() -> None:
    content = merchant_table(item(f"i{n}") for n in range(100))
    for packed in (content, gzip.compress(content)):
        with pytest.raises(BadFeed, match="larger than 9,000 bytes"):
            list(FeedText([packed], limits=Limits(unpacked_bytes=9_000)).chunks())


def test_three_layers_are_not_unpacked() -> None:
    with pytest.raises(BadFeed, match="not utf-8"):
        read(gzip.compress(gzip.compress(gzip.compress(b"id\ttitle\tprice\n"))))


def test_members_of_a_gzip_file_follow_each_other_and_padding_is_no_harm() -> None:
    content = merchant_table(item(f"i{n}") for n in range(50))
    packed = gzip.compress(content[:900]) + gzip.compress(content[900:]) + b"\0" * 500
    assert len(read(packed)) == 50


@pytest.mark.parametrize(
    "content", [b"[" * 1_000_000, b'{"@type":' * 100_000, b'{"@graph":[' * 50_000 + b"]}" * 50_000]
)
def test_json_without_end_in_depth(content: bytes) -> None:
    with pytest.raises(BadFeed):
        read(content)


@pytest.mark.parametrize(
    "page",
    ['<script type="application/ld+json">', "<script", "<!--", "<html><script>"],
    ids=["ld", "open", "note", "page"],
)
def test_a_page_of_endless_openings(page: str) -> None:
    began = time.monotonic()
    with pytest.raises(BadFeed):
        read(("<html>" + page * 100_000).encode())
    assert time.monotonic() - began < 5


def test_a_json_document_is_read_whole_only_up_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stream.feeds.text.MOST_WHOLE", 1_000)
    with pytest.raises(BadFeed, match="JSON Lines"):
        read(b'[{"item_id": "a", "title": "A"},' + b" " * 2_000 + b"{}]")


@pytest.mark.parametrize("piece", ["<", "<!", "<!--", "<a ", "<a b='", "&#", "&amp", "</", "<![CDATA[", "\n ", "<p><"])
def test_html_of_a_description_costs_no_more_than_it_is_long(piece: str) -> None:
    began = time.monotonic()
    prose(("<p>" + piece * LONGEST)[:LONGEST])
    assert time.monotonic() - began < 2


@pytest.mark.parametrize("cell", ["1," * 50_000, "9" * 100_000, "1 " * 50_000 + "EUR", "EUR" * 40_000])
def test_an_amount_is_short(cell: str) -> None:
    with pytest.raises(Unreadable):
        values.amount(cell)


def test_a_long_table_takes_no_more_memory_than_a_short_one() -> None:
    def table() -> Iterator[bytes]:
        yield b"id\ttitle\tprice\tavailability\n"
        for block in range(400):
            yield b"".join(b"i%d-%d\t%s\t5.00 EUR\tin_stock\n" % (block, n, b"Title " * 20) for n in range(25))

    text = FeedText(table())
    tracemalloc.start()
    try:
        assert sum(1 for _ in recognised(text).rows(text, OPTIONS)) == 10_000
        assert tracemalloc.get_traced_memory()[1] < 8 * 1024**2
    finally:
        tracemalloc.stop()


def test_a_long_xml_takes_no_more_memory_than_a_short_one() -> None:
    def feed() -> Iterator[bytes]:
        start, end = RSS.encode().split(b"{}")
        yield start
        for block in range(200):
            row = b"<item><g:id>i%d-%d</g:id><g:title>%s</g:title></item>"
            yield b"".join(row % (block, n, b"Title " * 20) for n in range(25))
        yield end

    text = FeedText(feed())
    tracemalloc.start()
    try:
        assert sum(1 for _ in recognised(text).rows(text, OPTIONS)) == 5_000
        assert tracemalloc.get_traced_memory()[1] < 8 * 1024**2
    finally:
        tracemalloc.stop()

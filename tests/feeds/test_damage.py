"""Damaged feeds: each damage is told with its row, its column and a way to mend it, and costs that row only."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from stream.feeds.check import Checked, check
from stream.feeds.columns import Options
from stream.feeds.flaws import BadFeed, Flaw
from stream.feeds.spool import Spool
from stream.feeds.text import FeedText
from tests.feeds.shop import (
    ITEMS,
    OPTIONS,
    json_ld_list,
    json_lines,
    merchant_table,
    merchant_xml,
    openai,
    product,
    shopify,
    shopify_older,
)

THREE = ITEMS[4:7]
NO_CURRENCY = Options(now_ms=OPTIONS.now_ms)


def checked(content: bytes, options: Options = OPTIONS, **more: Any) -> Checked:
    found = Checked()
    with Spool() as spool:
        for _ in check("feed", FeedText([content], **more), options, {}, spool, found):
            pass
    return found


class Damage(NamedTuple):
    """What is replaced by what in a good feed, and what must be said of it."""

    feed: bytes
    old: str
    new: str
    row: int
    column: str
    reason: str
    options: Options = OPTIONS


TSV, XML, OWN, LD, AI = (write(THREE) for write in (merchant_table, merchant_xml, json_lines, json_ld_list, openai))
NEWER, OLDER = shopify(THREE), shopify_older(THREE)
GROUP = shopify(ITEMS[:3])
SHORT = merchant_table({**one, "description": "One line"} for one in THREE)

DAMAGES = {
    # Google Merchant, table
    "id_empty": Damage(TSV, "\r\nlid\t", "\r\n\t", 2, "id", "missing"),
    "title_empty": Damage(TSV, "\tTitle of lid\t", "\t \t", 2, "title", "missing"),
    "price_in_words": Damage(TSV, "5.00 EUR", "on request", 2, "price", "not_a_price"),
    "price_negative": Damage(TSV, "5.00 EUR", "-5.00 EUR", 2, "price", "not_a_price"),
    "price_a_range": Damage(TSV, "5.00 EUR", "5.00-7.00 EUR", 2, "price", "not_a_price"),
    "price_a_thousand_or_a_fraction": Damage(TSV, "5.00 EUR", "5,000 EUR", 2, "price", "ambiguous_price"),
    "price_grouped_wrongly": Damage(TSV, "5.00 EUR", "1.23.45 EUR", 2, "price", "not_a_price"),
    "price_in_some_dollar": Damage(TSV, "5.00 EUR", "$5.00", 2, "price", "ambiguous_currency"),
    "price_of_too_much": Damage(TSV, "5.00 EUR", "9999999999999 EUR", 2, "price", "range"),
    "price_without_currency": Damage(TSV, "5.00 EUR", "5.00", 2, "price", "no_currency", NO_CURRENCY),
    "sale_price_above_price": Damage(TSV, "4.20 EUR", "6.00 EUR", 2, "sale_price", "sale_above_price"),
    "sale_price_in_another_currency": Damage(TSV, "4.20 EUR", "4.20 USD", 2, "sale_price", "other_currency"),
    "availability_in_german": Damage(TSV, "backorder", "vorbestellbar", 4, "availability", "not_an_availability"),
    "link_relative": Damage(TSV, "https://shop.example/products/kettle", "/kettle", 4, "link", "relative_url"),
    "link_a_script": Damage(TSV, "https://shop.example/products/kettle", "javascript:1", 4, "link", "not_a_url"),
    "image_with_a_blank": Damage(TSV, "images/kettle.jpg", "images/my kettle.jpg", 4, "image_link", "not_a_url"),
    "id_twice": Damage(TSV, "\r\nkettle\t", "\r\nlid\t", 4, "id", "duplicate"),
    "id_too_long": Damage(TSV, "\r\nlid\t", f"\r\n{'x' * 129}\t", 2, "id", "too_large"),
    "title_too_long": Damage(TSV, "Title of lid", "x" * 1_001, 2, "title", "too_large"),
    "a_cell_too_many": Damage(TSV, "Title of lid", "Title\tof lid", 2, "", "cells"),
    "quotes_that_do_not_match": Damage(SHORT, "Title of lid", '"Title" of lid', 2, "", "quoting"),
    "nul": Damage(TSV, "Title of lid", "Title\0of lid", 2, "title", "nul"),
    "quantity_in_words": Damage(TSV, "\t40\t", "\tplenty\t", 2, "quantity", "not_a_number"),
    # … RSS
    "xml_price_in_words": Damage(XML, ">5.00 EUR<", ">free<", 3, "price", "not_a_price"),
    "xml_id_missing": Damage(XML, "<g:id>kettle</g:id>", "", 6, "id", "missing"),
    # our own
    "line_not_json": Damage(OWN, '{"item_id":"kettle"', '{"item_id":kettle', 2, "", "not_json"),
    "line_not_an_object": Damage(OWN, '\n{"item_id":"kettle"', '\n5\n{"item_id":"kettle"', 2, "", "schema"),
    "number_in_words": Damage(OWN, '"quantity":0', '"quantity":"none"', 2, "quantity", "schema"),
    "availability_unknown": Damage(OWN, '"backorder"', '"perhaps"', 2, "availability", "schema"),
    "price_below_zero": Damage(OWN, '"5.00"', '"-5.00"', 1, "price", "range"),
    "title_null": Damage(OWN, '"title":"Title of lid"', '"title":null', 1, "title", "schema"),
    # schema.org
    "ld_sku_missing": Damage(LD, '"sku": "kettle"', '"skew": "kettle"', 2, "sku", "missing"),
    "ld_price_in_words": Damage(LD, '"price": "34.90"', '"price": "cheap"', 2, "offers.price", "not_a_price"),
    "ld_availability": Damage(LD, "schema.org/BackOrder", "schema.org/Soon", 2, "offers.availability",
                              "not_an_availability"),
    "ld_currency": Damage(LD, '"priceCurrency": "EUR", "price": "34', '"priceCurrency": "Euro", "price": "34', 2,
                          "offers.priceCurrency", "not_a_currency"),
    # OpenAI
    "ai_price": Damage(AI, '"5.00 EUR"', '"5.00 EUR each"', 1, "price", "not_a_price"),
    "ai_link": Damage(AI, '"https://shop.example/products/kettle"', '"shop.example/kettle"', 2, "url", "relative_url"),
    # Shopify
    "shopify_price": Damage(NEWER, ",16 cm,0.99,", ",16 cm,0.9.9,", 6, "Price", "not_a_price"),
    "shopify_quantity": Damage(OLDER, "shopify,0,TRUE", "shopify,some,TRUE", 4, "Variant Inventory Qty",
                               "not_a_number"),
    "shopify_sku_missing": Damage(GROUP, "saucepan-18,4006381333931", ",4006381333931", 3, "SKU", "missing"),
    "shopify_title_missing": Damage(NEWER, "Title of kettle", "", 4, "Title", "missing"),
    "shopify_published": Damage(NEWER, "Pans,,,TRUE,active,kettle", "Pans,,,maybe,active,kettle", 4,
                                "Published on online store", "not_a_flag"),
}  # fmt: skip


def damaged(one: Damage) -> bytes:
    text = one.feed.decode()
    assert one.old in text, "the damage must hit something"
    return text.replace(one.old, one.new, 1).encode()


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damage_is_told_where_it_is(name: str) -> None:
    one = DAMAGES[name]
    assert checked(one.feed).flaws == []
    found = checked(damaged(one), one.options)
    first = found.flaws[0]
    assert (first.row, first.column, first.reason) == (one.row, one.column, one.reason)
    assert first.source == "feed"
    assert first.message
    assert first.fix


@pytest.mark.parametrize("name", [name for name, one in DAMAGES.items() if one.options is OPTIONS])
def test_and_costs_its_row_only(name: str) -> None:
    found = checked(damaged(DAMAGES[name]))
    assert found.valid == found.rows - 1
    assert found.valid >= 2


def test_all_flaws_of_a_row_are_told_at_once() -> None:
    content = TSV.decode().replace("5.00 EUR", "x").replace("https://shop.example/products/lid", "/lid").encode()
    assert {(flaw.row, flaw.column) for flaw in checked(content).flaws} == {(2, "price"), (2, "link")}


def test_a_line_number_counts_lines_within_quotes() -> None:
    """Each row has a description of two lines, so the third row starts at line 6."""
    found = checked(TSV.decode().replace("0.99 EUR", "x").encode())
    assert [flaw.row for flaw in found.flaws] == [6]


def test_reasons_are_counted_the_most_frequent_first() -> None:
    found = checked(TSV.decode().replace(".jpg", " .jpg").replace("5.00 EUR", "x").encode())
    assert list(found.reasons().items()) == [("not_a_url", 3), ("not_a_price", 1)]


@pytest.mark.parametrize("value", ["\x1b[2Jx", "a" * 10_000])
def test_what_is_shown_of_a_value_is_short_and_steers_no_terminal(value: str) -> None:
    content = json_lines([{"item_id": "a", "title": "A", "availability": value}])
    (flaw,) = checked(content).flaws
    assert len(flaw.value) <= 81
    assert flaw.value.isprintable()


BAD_FEEDS: dict[str, tuple[bytes, str]] = {
    "empty": (b" \n\n", "empty"),
    "a_picture": (b"\x89PNG\r\n\x1a\n\xff\xfe", "line 1 is not utf-8"),
    "a_spreadsheet": (b"PK\x03\x04rest", "ZIP archive"),
    "plain_text": (b"Dear colleagues,\nhere is the feed", "format is not recognised.*Dear colleagues"),
    "latin_1_unsaid": (TSV.decode().encode("latin-1", "replace"), "line 3 is not utf-8: byte 0xfc.*--encoding"),
    "an_encoding_nobody_knows": (XML.replace(b"UTF-8", b"EBCDIC-7"), "'EBCDIC-7', which is not known"),
    "an_encoding_that_is_none": (XML.replace(b"UTF-8", b"zlib_codec"), "'zlib_codec', which is not known"),
    "xml_that_ends": (XML[:-30], "no longer XML at line"),
    "xml_not_well_formed": (XML.replace(b"</g:brand>", b"</g:band>", 1), "no longer XML at line 5"),
    "json_list_that_ends": (LD[:-10], "not JSON"),
    "a_page_without_products": (b"<html><body>Hello</body></html>", "no schema.org Product"),
    "a_column_twice": (TSV.replace(b"\tbrand\t", b"\tprice\t", 1), "column 'price' more than once"),
    "an_endless_line": (b'{"item_id": "' + b"x" * 3_000_000, "more than 2,097,152 characters|not recognised"),
    "gzip_cut_off": (gzip.compress(TSV)[:-9], "ends too early"),
    "gzip_damaged": (gzip.compress(TSV)[:40] + b"\xff" * 40, "damaged"),
}


@pytest.mark.parametrize("name", BAD_FEEDS)
def test_a_feed_that_is_none_is_refused_in_a_sentence(name: str) -> None:
    content, words = BAD_FEEDS[name]
    with pytest.raises(BadFeed, match=words):
        checked(content)


def test_shopify_needs_a_currency() -> None:
    with pytest.raises(BadFeed, match="--currency"):
        checked(NEWER, NO_CURRENCY)


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252"])
def test_an_encoding_that_is_said_is_used(encoding: str) -> None:
    content = merchant_table(THREE).decode().replace("“quoted”", "quoted").encode(encoding)
    found = checked(content, encoding=encoding)
    assert (found.valid, found.flaws) == (3, [])


def test_an_encoding_that_xml_declares_is_used() -> None:
    content = XML.decode().replace("UTF-8", "ISO-8859-1").replace("“quoted”", "quoted").encode("latin-1")
    assert checked(content).valid == 3


@pytest.mark.parametrize("write", [shopify, shopify_older])
def test_rows_of_a_product_that_lie_apart_are_not_taken_for_products(write: Callable[..., bytes]) -> None:
    lines = write(ITEMS[:3]).decode().split("\r\n")
    moved = "\r\n".join([*lines[:2], lines[2], *write([ITEMS[5]]).decode().split("\r\n")[1:-1], *lines[3:]])
    found = checked(moved.encode())
    assert {(flaw.column, flaw.reason) for flaw in found.flaws} >= {("Title", "missing")}


def test_a_page_with_one_product() -> None:
    page = f'<html><script type="application/ld+json">{json.dumps(product(ITEMS[5]))}</script></html>'
    assert checked(page.encode()).valid == 1


def test_a_flaw_is_a_plain_record() -> None:
    assert Flaw.__struct_fields__ == ("row", "column", "value", "reason", "message", "fix", "source")

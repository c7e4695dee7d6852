"""What a feed changes: only what differs, and nothing if it cannot be meant."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.catalogue import Catalogue
from stream.feeds.check import Checked, check, refuse_broken
from stream.feeds.importing import Wanted, leaving
from stream.feeds.plan import Change, Plan, Refused, changes
from stream.feeds.spool import Spool
from stream.feeds.text import FeedText
from stream.fold import Record
from tests.feeds.shop import ITEMS, OPTIONS, item, json_lines, merchant_table, merchant_xml


class Shop:
    """A catalogue that feeds are imported into, without a broker."""

    def __init__(self, *items: dict[str, Any]) -> None:
        self.catalogue = Catalogue()
        self.records = 0
        self.take(Change(one["item_id"], orjson.dumps(one)) for one in items)

    def take(self, found: Iterable[Change]) -> None:
        for one in list(found):
            self.catalogue.apply([Record("catalog", 0, self.records, 0, one.item_id.encode(), one.value)])
            self.records += 1

    def feed(self, *contents: bytes, full: bool = False, shrink: bool = False) -> Plan:
        """Import, as the command does; raises `Refused`."""
        found, known = Checked(), self.catalogue.items
        with Spool() as spool:
            for number, content in enumerate(contents):
                for _ in check(f"feed {number}", FeedText([content]), OPTIONS, known, spool, found):
                    pass
            refuse_broken(found)
            going = leaving(Wanted((), OPTIONS, full=full, allow_shrink=shrink), found, known)
            self.take(changes(spool, going, known))
        return found.plan

    def raw(self, item_id: str) -> dict[str, Any]:
        found: dict[str, Any] = orjson.loads(self.catalogue.items[item_id].raw)
        return found


def counts(plan: Plan) -> tuple[int, int, int, int]:
    return plan.new, plan.changed, plan.removed, plan.unchanged


def many(count: int, **more: Any) -> list[dict[str, Any]]:
    return [item(f"i{number}", **more) for number in range(count)]


def test_a_second_import_sends_nothing() -> None:
    shop = Shop()
    for content in (merchant_table(ITEMS), merchant_xml(ITEMS), json_lines(ITEMS)):
        shop.feed(content, full=True)
        assert counts(shop.feed(content, full=True)) == (0, 0, 0, 12)
    assert shop.records == 12


def test_only_what_changed_is_sent() -> None:
    shop = Shop(*ITEMS)
    changed = [{**one, "price": "2.00"} if one["item_id"] == "whisk" else one for one in ITEMS]
    assert counts(shop.feed(merchant_table([*changed, item("new")]))) == (1, 1, 0, 11)
    assert shop.raw("whisk")["price"] == "2.00"


def test_what_a_feed_does_not_speak_of_stays_and_what_it_leaves_empty_goes() -> None:
    shop = Shop(item("a", cost="1.00", hidden=True, locale="de", sale_price="9.00"))
    shop.feed(merchant_table([item("a", brand="")]))
    kept = shop.raw("a")
    assert (kept["cost"], kept["hidden"], kept["locale"]) == ("1.00", True, "de")
    assert "brand" not in kept
    assert "sale_price" not in kept


def test_stock_that_the_shop_sends_otherwise_stays_where_a_feed_has_no_column_for_it() -> None:
    shop = Shop(item("a", quantity=7))
    feed = b"id\ttitle\tprice\tavailability\na\tAnother\t5.00 EUR\tin_stock\n"
    shop.feed(feed)
    assert shop.raw("a")["quantity"] == 7


def test_our_own_lines_are_updates() -> None:
    shop = Shop(item("a"))
    assert counts(shop.feed(b'{"item_id": "a", "quantity": 3}\n')) == (0, 1, 0, 0)
    assert shop.raw("a")["title"] == "Title of a"


def test_without_full_nothing_is_removed_and_with_it_what_is_gone_goes() -> None:
    shop = Shop(*many(30))
    assert counts(shop.feed(merchant_table(many(29)))) == (0, 0, 0, 29)
    assert counts(shop.feed(merchant_table(many(29)), full=True)) == (0, 0, 1, 29)
    assert "i29" not in shop.catalogue.items


def test_several_feeds_together_are_the_assortment() -> None:
    shop = Shop(*many(30))
    halves = merchant_table(many(15)), merchant_xml(many(30)[15:])
    assert counts(shop.feed(*halves, full=True)) == (0, 0, 0, 30)


def test_a_row_that_is_wrong_keeps_its_item() -> None:
    shop = Shop(*many(30))
    content = merchant_table(many(30)).replace(b"\r\ni7\t", b"\r\ni7\t", 1).replace(b"images/i7.jpg", b"images/ .jpg")
    assert counts(shop.feed(content, full=True)) == (0, 0, 0, 29)
    assert "i7" in shop.catalogue.items


def test_where_an_id_cannot_be_read_nothing_is_removed() -> None:
    shop = Shop(*many(30))
    content = merchant_table(many(20)).replace(b"\r\ni7\t", b"\r\n\t", 1)
    assert shop.feed(content, full=True).removed == 0
    assert len(shop.catalogue) == 30


WIPING = {
    "an empty table": (b"id\ttitle\tprice\n", "no rows"),
    "an empty XML": (b'<rss version="2.0"><channel></channel></rss>', "no rows"),
    "a table cut off after some rows": (merchant_table(many(60)), "40 of 100 items for sale"),
    "another shop's feed": (merchant_table(ITEMS), "100 of 100 items for sale"),
    "everything sold out": (merchant_table(many(100, availability="out_of_stock")), "100 of 100 items for sale"),
    "every stock 0": (merchant_table(many(100, quantity=0)), "100 of 100 items for sale"),
    "most rows damaged": (merchant_table(many(100)).replace(b" EUR", b" each", 51), "only 49 of 100 rows"),
}


@pytest.mark.parametrize("name", WIPING)
def test_a_feed_that_would_wipe_the_shop_changes_nothing(name: str) -> None:
    content, words = WIPING[name]
    shop = Shop(*many(100))
    before = dict(shop.catalogue.items)
    with pytest.raises(Refused, match=words):
        shop.feed(content, full=True)
    assert shop.catalogue.items == before


def test_selling_out_most_of_the_shop_is_refused_without_full_too() -> None:
    with pytest.raises(Refused, match="100 of 100"):
        Shop(*many(100)).feed(merchant_table(many(100, availability="out_of_stock")))


def test_a_shop_that_means_it_says_so() -> None:
    shop = Shop(*many(100))
    assert counts(shop.feed(merchant_table(many(10)), full=True, shrink=True)) == (0, 0, 90, 10)


def test_even_who_allows_it_cannot_bring_a_broken_feed_in() -> None:
    with pytest.raises(Refused, match="only 49 of 100 rows"):
        Shop(*many(100)).feed(WIPING["most rows damaged"][0], full=True, shrink=True)


@pytest.mark.parametrize(("live", "left", "refused"), [
    (100, 80, False), (100, 79, True), (50, 39, True), (20, 10, False), (12, 2, False), (12, 1, True), (3, 1, False),
])  # fmt: skip
def test_a_fifth_or_ten_items_may_go(live: int, left: int, *, refused: bool) -> None:
    shop = Shop(*many(live))
    if refused:
        with pytest.raises(Refused):
            shop.feed(merchant_table(many(left)), full=True)
    else:
        assert shop.feed(merchant_table(many(left)), full=True).removed == live - left


def test_the_last_item_is_not_removed_unasked() -> None:
    with pytest.raises(Refused, match="1 of 1 items"):
        Shop(item("a")).feed(merchant_table([item("a", availability="out_of_stock")]))


def test_what_is_hidden_or_sold_out_already_is_no_loss() -> None:
    shop = Shop(*many(50), *[item(f"old{n}", availability="out_of_stock") for n in range(500)])
    assert shop.feed(merchant_table(many(50)), full=True).removed == 500


FIELDS = st.fixed_dictionaries(
    {
        "price": st.sampled_from(["1.00", "2.00"]),
        "brand": st.sampled_from(["A", "B"]),
        "quantity": st.integers(1, 3),
    }
)
SHOPS = st.dictionaries(st.sampled_from([f"i{n}" for n in range(6)]), FIELDS, min_size=1)


@given(before=SHOPS, after=SHOPS)
def test_a_full_import_leaves_exactly_what_the_feed_says(
    before: dict[str, dict[str, Any]], after: dict[str, dict[str, Any]]
) -> None:
    shop = Shop(*[item(item_id, **more) for item_id, more in before.items()])
    wanted = [item(item_id, **more) for item_id, more in after.items()]
    plan = shop.feed(merchant_table(wanted), full=True, shrink=True)
    fresh = Shop(*wanted)
    assert {one: held.raw for one, held in shop.catalogue.items.items()} == {
        one: held.raw for one, held in fresh.catalogue.items.items()
    }
    assert plan.new + plan.changed + plan.unchanged == len(after)
    assert counts(shop.feed(merchant_table(wanted), full=True)) == (0, 0, 0, len(after))

"""What is particular to a format."""

from __future__ import annotations

import json
from typing import Any

import pytest

from stream.feeds.columns import Options
from tests.feeds.shop import ITEMS, NOW, OPTIONS, product, read, table


def one(content: bytes | str, options: Options = OPTIONS) -> dict[str, Any]:
    """The only item of a feed in which nothing is wrong."""
    (row,) = read(content.encode() if isinstance(content, str) else content, options)
    assert row.flaws == []
    return {name: value for name, value in row.item.items() if value is not None}


def ld(**more: Any) -> dict[str, Any]:
    found = {"@context": "https://schema.org", "@type": "Product", "sku": "a", "name": "A", **more}
    return one(json.dumps(found))


# schema.org


def test_a_sku_may_be_missing_where_there_is_a_product_id() -> None:
    assert one('{"@type": "Product", "productID": "p", "name": "A"}')["item_id"] == "p"


def test_an_aggregate_offer_is_its_lowest_price_and_for_sale_if_any_offer_is() -> None:
    offers = [{"availability": "OutOfStock"}, {"availability": "https://schema.org/InStock"}]
    found = ld(offers={"@type": "AggregateOffer", "lowPrice": 5.5, "priceCurrency": "EUR", "offers": offers})
    assert (found["price"], found["currency"], found["availability"]) == ("5.50", "EUR", "in_stock")


def test_a_price_in_a_specification() -> None:
    assert ld(offers={"priceSpecification": {"price": "7", "priceCurrency": "CHF"}})["price"] == "7"


def test_a_sale_ends_with_the_day_that_the_price_is_valid_until() -> None:
    full = {"price": "9.00", "priceType": "https://schema.org/ListPrice"}
    offer = {"price": "7.00", "priceCurrency": "EUR", "priceSpecification": full}
    assert ld(offers={**offer, "priceValidUntil": "2026-09-21"})["sale_price"] == "7.00"
    assert "sale_price" not in ld(offers={**offer, "priceValidUntil": "2026-09-20"})


def test_references_within_a_graph_are_followed() -> None:
    graph = [
        {"@type": "Product", "sku": "a", "name": "A", "brand": {"@id": "#b"}, "offers": {"@id": "#o"}},
        {"@id": "#b", "@type": "Brand", "name": "Brand"},
        {"@id": "#o", "@type": "Offer", "price": "1.00", "priceCurrency": "EUR"},
    ]
    found = one(json.dumps({"@graph": graph}))
    assert (found["brand"], found["price"]) == ("Brand", "1.00")


def test_a_variant_in_the_graph_that_its_group_names_is_one_item() -> None:
    variant = {"@id": "#v", "@type": "Product", "sku": "v", "color": "Red", "isVariantOf": {"@id": "#g"}}
    group = {"@id": "#g", "@type": "ProductGroup", "productGroupID": "g", "name": "G", "hasVariant": [{"@id": "#v"}]}
    found = one(json.dumps({"@graph": [variant, group]}))
    assert (found["item_id"], found["title"], found["item_group_id"]) == ("v", "G", "g")


def test_a_reference_to_itself_ends() -> None:
    group = {"@id": "#g", "@type": "ProductGroup", "name": "G", "hasVariant": [{"@id": "#g"}]}
    (row,) = read(json.dumps(group).encode())
    assert [flaw.column for flaw in row.flaws] == ["sku"]


def test_a_list_of_a_category_page() -> None:
    items = [{"@type": "ListItem", "item": product(item)} for item in ITEMS[4:6]]
    found = read(json.dumps({"@type": "ItemList", "itemListElement": items}).encode())
    assert [row.item["item_id"] for row in found] == ["lid", "kettle"]


def test_several_scripts_of_a_page_and_what_is_no_product() -> None:
    scripts = [{"@type": "BreadcrumbList"}, product(ITEMS[5]), {"@type": "WebPage", "mainEntity": product(ITEMS[4])}]
    page = "".join(f"<SCRIPT type='application/ld+json' id=x>\n{json.dumps(found)}\n</SCRIPT>" for found in scripts)
    assert [row.item["item_id"] for row in read(f"<html>{page}</html>".encode())] == ["kettle", "lid"]


def test_properties_and_keywords() -> None:
    found = ld(
        additionalProperty=[{"name": "Weight", "value": 2.5}, {"name": "Dishwasher", "value": True}], keywords="a, b"
    )
    assert found["attributes"] == {"weight": "2.5", "dishwasher": "true"}
    assert found["tags"] == ["a", "b"]


# Shopify


def shopify(**cells: str) -> dict[str, Any]:
    return one(table(list(row := {"Title": "A", "URL handle": "a", "Price": "5.00", **cells}), [list(row.values())]))


def test_a_product_without_sku_is_known_by_its_handle() -> None:
    found = shopify(Description="<p>x</p>")
    assert (found["item_id"], found["url"]) == ("a", "https://shop.example/products/a")


@pytest.mark.parametrize(
    ("cells", "availability", "quantity"),
    [
        ({"Inventory tracker": "", "Inventory quantity": "0"}, "in_stock", None),
        ({"Inventory tracker": "shopify", "Inventory quantity": "3"}, "in_stock", 3),
        ({"Inventory tracker": "shopify", "Inventory quantity": "0"}, "out_of_stock", 0),
        ({"Inventory tracker": "shopify", "Inventory quantity": "-2"}, "out_of_stock", 0),
        (
            {
                "Inventory tracker": "shopify",
                "Inventory quantity": "0",
                "Continue selling when out of stock": "CONTINUE",
            },
            "backorder",
            0,
        ),
    ],
)
def test_stock(cells: dict[str, str], availability: str, quantity: int | None) -> None:
    found = shopify(**cells)
    assert (found["availability"], found.get("quantity")) == (availability, quantity)


@pytest.mark.parametrize(("before", "price", "sale"), [("9", "9", "5.00"), ("5.00", "5.00", None), ("4", "5.00", None)])
def test_a_compare_at_price_above_the_price_makes_a_sale(before: str, price: str, sale: str | None) -> None:
    found = shopify(**{"Compare-at price": before})
    assert (found["price"], found.get("sale_price")) == (price, sale)


@pytest.mark.parametrize(("status", "published", "hidden"), [
    ("active", "TRUE", False), ("draft", "TRUE", True), ("archived", "", True), ("active", "FALSE", True),
    ("", "", False),
])  # fmt: skip
def test_what_is_not_published_is_hidden(status: str, published: str, *, hidden: bool) -> None:
    found = shopify(Status=status, **{"Published on online store": published})
    assert found.get("hidden", False) is hidden


def test_what_a_file_has_no_column_for_it_does_not_speak_of() -> None:
    (row,) = read(table(["Title", "URL handle", "Price"], [["A", "a", "5.00"]]))
    assert row.item.keys().isdisjoint({"tags", "attributes", "hidden", "availability", "quantity", "brand"})


def test_tags_options_and_cost() -> None:
    found = shopify(
        Tags="new, blue ,", **{"Option1 name": "Title", "Option1 value": "Default Title", "Cost per item": "2"}
    )
    assert (found["tags"], found.get("attributes"), found["cost"]) == (["new", "blue"], None, "2")


# Google Merchant


def merchant(**cells: str) -> dict[str, Any]:
    row = {"id": "a", "title": "A", "price": "5.00 EUR", **cells}
    return one(table(list(row), [list(row.values())], "\t"))


@pytest.mark.parametrize("delimiter", ["\t", ",", ";", "|"])
def test_any_delimiter(delimiter: str) -> None:
    assert one(table(["id", "title", "price"], [["a", "A", "5,00 EUR"]], delimiter))["price"] == "5.00"


def test_header_words_with_blanks_capitals_and_the_namespace() -> None:
    found = one(b"g:ID\tTitle\tPrice\tImage  Link\na\tA\t5.00 EUR\thttps://shop.example/a.jpg\n")
    assert found["image_url"] == "https://shop.example/a.jpg"


@pytest.mark.parametrize(("dates", "sale"), [
    ("2026-09-01T00:00Z/2026-10-01T00:00Z", "4.00"), ("2026-10-01T00:00Z/2026-11-01T00:00Z", None), ("", "4.00"),
])  # fmt: skip
def test_a_sale_counts_in_its_time(dates: str, sale: str | None) -> None:
    assert merchant(sale_price="4.00 EUR", sale_price_effective_date=dates).get("sale_price") == sale


def test_labels_attributes_cost_and_googles_numbers() -> None:
    found = merchant(
        custom_label_0="a", custom_label_2="b", color="Red", cost_of_goods_sold="2 EUR", google_product_category="6070"
    )
    assert (found["tags"], found["attributes"], found["cost"]) == (["a", "b"], {"color": "Red"}, "2")
    assert "category" not in found


def test_a_price_without_currency_takes_the_one_that_was_said() -> None:
    assert merchant(price="5.00")["currency"] == "EUR"


def test_an_element_within_another_is_not_the_item_s_own() -> None:
    own = "<g:id>a</g:id><title>A</title><g:price>5.00 EUR</g:price><g:title>B</g:title>"
    another = "<g:shipping><g:price>4.90 EUR</g:price></g:shipping>"
    space = "http://base.google.com/ns/1.0"
    feed = f'<rss xmlns:g="{space}"><channel><item>{another}{own}</item></channel></rss>'
    found = one(feed)
    assert (found["price"], found["title"]) == ("5.00", "B")


# OpenAI


def openai(**more: Any) -> dict[str, Any]:
    found = {"is_eligible_search": True, "item_id": "a", "title": "A", "price": "5.00 USD", **more}
    return one(json.dumps(found))


def test_a_variant_s_options_are_attributes() -> None:
    found = openai(variant_dict={"Color": "Blue", "Size": 10}, color="Red", group_id="g")
    assert (found["attributes"], found["item_group_id"]) == ({"color": "Blue", "size": "10"}, "g")


@pytest.mark.parametrize(("start", "end", "sale"), [
    ("2026-09-01", "2026-09-21", "4.00"), ("2026-09-22", "", None), ("", "2026-09-20", None),
])  # fmt: skip
def test_a_sale_from_one_day_to_another(start: str, end: str, sale: str | None) -> None:
    found = openai(sale_price="4.00 USD", sale_price_start_date=start, sale_price_end_date=end)
    assert found.get("sale_price") == sale


def test_not_for_chatgpt_is_no_reason_to_hide_it_here() -> None:
    assert "hidden" not in openai(is_eligible_search=False)


def test_the_clock_is_given() -> None:
    assert OPTIONS.now_ms == NOW

"""Google Merchant's words, which other feeds borrow: the columns of a table, the elements of XML, OpenAI's fields."""

from __future__ import annotations

from collections.abc import Container, Mapping

from stream.feeds import values
from stream.feeds.columns import Field, Offer, Options, fill, gathered, item_id, offered
from stream.feeds.flaws import Row
from stream.feeds.prose import prose

FIELDS = (
    Field("item_id", ("id",), item_id, required=True),
    Field("title", ("title",), required=True),
    Field("description", ("description",), prose),
    Field("url", ("link",), values.web_url),
    Field("image_url", ("image_link",), values.web_url),
    Field("availability", ("availability",), values.availability),
    Field("quantity", ("quantity", "inventory", "quantity_to_sell_on_facebook"), values.whole_number),
    Field("brand", ("brand",)),
    Field("category", ("product_type", "google_product_category"), values.category),
    Field("item_group_id", ("item_group_id",), item_id),
    Field("gtin", ("gtin",)),
    Field("mpn", ("mpn",)),
)
OFFER = Offer("price", "sale_price", sale_dates="sale_price_effective_date", cost="cost_of_goods_sold")
ATTRIBUTES = {
    name: name
    for name in ("color", "size", "material", "pattern", "gender", "age_group", "condition", "size_type", "size_system")
}
LABELS = tuple(f"custom_label_{number}" for number in range(5))
COLUMNS = frozenset(name for one in FIELDS for name in one.columns) | ATTRIBUTES.keys() | set(LABELS)
SELDOM = frozenset({"quantity", "inventory", "quantity_to_sell_on_facebook"})
"""What a feed without a header is not taken to speak of, so that the stock that the shop sends otherwise stays."""

MAPPING = {one.name: ", ".join(one.columns) for one in FIELDS} | {
    "price, currency": OFFER.price,
    "sale_price": f"{OFFER.sale_price} (while {OFFER.sale_dates} lasts)",
    "cost": OFFER.cost,
    "attributes": ", ".join(ATTRIBUTES),
    "tags": "custom_label_0 … custom_label_4",
}


def read(row: Row, cells: Mapping[str, str], said: Container[str], options: Options) -> Row:
    """The row with everything that `cells` say."""
    fill(row, FIELDS, cells, said)
    gathered(row, "attributes", ATTRIBUTES, cells, said)
    labelled(row, cells, said)
    offered(row, OFFER, cells, options)
    return row


def labelled(row: Row, cells: Mapping[str, str], said: Container[str]) -> None:
    """The shop's own labels as tags."""
    if any(name in said for name in LABELS):
        row.item["tags"] = [values.text(cells[name]) for name in LABELS if cells.get(name, "").strip()] or None

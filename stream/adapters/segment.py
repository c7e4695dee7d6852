"""Segment's messages (spec: ecommerce v2): `track`, `page`, `screen` and `identify`, alone or as a `batch`.

`sentAt` goes with `originalTimestamp` where a message went through Segment, which has corrected its `timestamp`.
A message whose `integrations` exclude liveshelf, or all, is not for us.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from stream.adapter import Adapter, Ignored, ItemKey, Outcome, Refused, gathered, outcomes, unknown
from stream.draft import Draft, fingerprint, short_id
from stream.source import Flaw, Spot
from stream.strict_json import Rejected

EVENTS = {
    "Products Searched": "search",
    "Product List Viewed": "view_item_list",
    "Promotion Viewed": "view_promotion",
    "Promotion Clicked": "select_promotion",
    "Product Clicked": "select_item",
    "Product Viewed": "view_item",
    "Product Added": "add_to_cart",
    "Product Removed": "remove_from_cart",
    "Cart Viewed": "view_cart",
    "Checkout Started": "begin_checkout",
    "Order Completed": "purchase",
    "Order Refunded": "refund",
    "Product Added to Wishlist": "add_to_wishlist",
    "Wishlist Product Added to Cart": "add_to_cart",
    "Segment Consent Preference Updated": "consent_update",
    "page (type)": "page_view",
    "screen (type)": "page_view",
    "identify (type)": "identify",
}
UNUSED = frozenset(
    {
        *("Product List Filtered", "Checkout Step Viewed", "Checkout Step Completed", "Payment Info Entered"),
        *("Order Updated", "Order Cancelled", "Coupon Entered", "Coupon Applied", "Coupon Denied", "Coupon Removed"),
        *("Product Removed from Wishlist", "Product Shared", "Cart Shared", "Product Reviewed"),
        *("group (type)", "alias (type)"),
    }
)
MESSAGE = {
    "messageId": "event_id",
    "anonymousId": "visitor_id",
    "userId": "customer_id",
    "originalTimestamp": "occurred_at",
    "timestamp": "occurred_at",
    "sentAt": "sent_at",
}
CONTEXT = {
    "sentAt": "sent_at",
    "context.locale": "context.locale",
    "context.timezone": "context.tz",
    "context.userAgentData.mobile": "context.device",
    "channel": "context.channel",
    "context.page.url": "page.url",
    "context.page.referrer": "page.referrer",
    "context.consent.categoryPreferences": "consent",
}
PROPERTIES = {
    "currency": "currency",
    "revenue": "value",
    "value": "value",
    "subtotal": "value",
    "total": "value",
    "order_id": "transaction_id",
    "cart_id": "cart_id",
    "list_id": "item_list_id",
    "query": "search_term",
    "coupon": "coupon",
    "decision_id": "decision_id",
    "placement": "placement",
}
PAGE = {"url": "page.url", "referrer": "page.referrer"}
PROMOTION = {"promotion_id": "promotion.promotion_id", "position": "promotion.creative_slot"}
PRODUCT = {
    "quantity": "quantity",
    "price": "price",
    "variant": "item_variant",
    "name": "item_name",
    "brand": "item_brand",
    "category": "item_category",
}
CHANNELS = {"browser": "web", "mobile": "app", "server": "server"}
PURPOSES = {
    **dict.fromkeys(("analytics", "statistics", "performance"), "analytics"),
    **dict.fromkeys(("personalization", "functional", "preferences"), "personalization"),
    **dict.fromkeys(("marketing", "advertising", "targeting"), "marketing"),
    **dict.fromkeys(("datasharing", "saleofdata"), "sale_of_data"),
}
OF_ONE = frozenset({"select_item", "view_item", "add_to_cart", "remove_from_cart", "add_to_wishlist"})
_OURS = "liveshelf"


def adapt(payload: Any, item_id: ItemKey = "sku") -> list[Outcome] | Rejected:
    """The outcomes of a message or of a batch."""
    messages = gathered(payload, "batch")
    if isinstance(messages, Rejected):
        return messages
    return outcomes(messages, lambda message: _read(message, Spot(payload), item_id))


def _read(message: Spot, batch: Spot, key: ItemKey) -> Iterator[Outcome]:
    if not isinstance(message.value, dict):
        fix = "Send one object for each message."
        raise Flaw("schema", f"`{message.path}` is not an object", fix, message.path)
    event_id = _event_id(message)
    try:
        yield _outcome(message, batch, key, event_id)
    except Flaw as wrong:
        yield Refused(message.path, wrong.rejected, event_id)


def _outcome(message: Spot, batch: Spot, key: ItemKey, event_id: str) -> Outcome:
    if not _for_us(message, batch):
        return Ignored(message.path, f"Its `{message.at('integrations').path}` exclude liveshelf.", event_id)
    kind = message.at("type").named("Say whether it is a track, page, screen or identify call.")
    track = kind == "track"
    name = message.at("event" if track else "type")
    called = name.named("Name what was done.") if track else f"{kind} (type)"
    if called in UNUSED:
        return Ignored(message.path, f"`{name.path}` is a call of Segment's that nothing here learns from.", event_id)
    if called not in EVENTS or track == called.endswith(" (type)"):
        return unknown(message.path, name, carries_items=_carries_items(message), event_id=event_id)
    if EVENTS[called] == "identify" and message.at("userId").text is None:
        return Ignored(message.path, "It tells traits without a `userId`, and traits are not kept here.", event_id)
    draft = _begun(message, batch, EVENTS[called], event_id)
    if track:
        _shopping(draft, message.at("properties"), key)
    return draft.done(message.path)


def _event_id(message: Spot) -> str:
    """The message's id; of one without, a hash of it without `sentAt`, which another attempt has another."""
    own = message.at("messageId").text
    if own is not None:
        return short_id(own)
    return fingerprint({name: value for name, value in message.value.items() if name != "sentAt"})


def _for_us(message: Spot, batch: Spot) -> bool:
    chosen = message.first("integrations").value or batch.at("integrations").value
    if not isinstance(chosen, dict):
        return True
    ours = next((word for name, word in chosen.items() if name.lower() == _OURS), None)
    return ours is not False and (ours is not None or chosen.get("All") is not False)


def _carries_items(message: Spot) -> bool:
    found = message.at("properties").value
    return isinstance(found, dict) and not found.keys().isdisjoint({"products", "product_id", "sku"})


def _begun(message: Spot, batch: Spot, event: str, event_id: str) -> Draft:
    draft = Draft(event=event, event_id=event_id)
    message.at("anonymousId").needed(
        "Send the visitor's anonymousId, also from servers: a userId alone names no visit."
    )
    draft.fill(message, MESSAGE)
    if event == "page_view":
        draft.fill(message.at("properties"), PAGE)
    for spot in (message, batch):
        for source, ours in CONTEXT.items():
            draft.put(ours, _translated(ours, spot.at(source)))
    draft.put("occurred_at", message.first("timestamp", "sentAt"))
    if "occurred_at" not in draft.fields:
        draft.put("occurred_at", batch.at("sentAt"))
    if "occurred_at" not in draft.fields:
        message.at("timestamp").needed("Say when it happened.")
    if event == "consent_update":
        message.at("context.consent.categoryPreferences").needed("Send the categories with true or false.")
    return draft


def _translated(ours: str, spot: Spot) -> Spot:
    """Values that Segment writes otherwise."""
    if ours == "context.device" and isinstance(spot.value, bool):
        return spot._replace(value="mobile" if spot.value else "desktop")
    if ours == "context.channel" and isinstance(spot.value, str):
        return spot._replace(value=CHANNELS.get(spot.value))
    return spot._replace(value=_consent(spot.value)) if ours == "consent" else spot


def _consent(preferences: Any) -> dict[str, bool] | None:
    """Categories as purposes: one no among the categories of a purpose is a no."""
    said: dict[str, bool] = {}
    for category, word in preferences.items() if isinstance(preferences, dict) else ():
        purpose = PURPOSES.get("".join(filter(str.isalpha, category)).lower())
        if purpose is not None and isinstance(word, bool):
            said[purpose] = said.get(purpose, True) and word
    return said or None


def _shopping(draft: Draft, properties: Spot, key: ItemKey) -> None:
    event = draft.fields["event"]
    draft.fill(properties, PROPERTIES)
    if event in {"view_promotion", "select_promotion"}:
        properties.at("promotion_id").needed("Send the banner's id.")
        draft.fill(properties, PROMOTION)
    elif event in OF_ONE:
        _add(draft, properties, key)
    elif event != "search":
        products = properties.at("products")
        needed = event == "view_item_list"
        for product in products.listed("Send the products as a list.") if needed or products.value else ():
            _add(draft, product, key)
    elif properties.at("query").text is None:
        properties.at("query").named("Send what was searched for, as a text.")


def _add(draft: Draft, product: Spot, key: ItemKey) -> None:
    item = Draft()
    id_ = product.first("sku", "product_id") if key == "sku" else product.at("product_id")
    if id_.value in (None, ""):
        id_ = product.at("product_id")
    id_.named("Give every product its product_id or its sku, as the catalogue has it.")
    item.put("item_id", id_)
    item.fill(product, PRODUCT)
    position = product.at("position")
    if isinstance(position.value, int) and position.value > 0:  # Segment counts from 1
        position = position._replace(value=position.value - 1)
    item.put("index", position)
    draft.add(item, product.path)


ADAPTER = Adapter(
    name="segment",
    explain="Segment's track, page, screen and identify messages, alone or as a batch.",
    adapt=adapt,
    events=EVENTS,
    unused=UNUSED,
    fields={
        **MESSAGE,
        **CONTEXT,
        **{f"properties.{source}": ours for source, ours in {**PROPERTIES, **PROMOTION, **PAGE}.items()},
        **{f"products[].{source}": f"items[].{ours}" for source, ours in PRODUCT.items()},
        "products[].sku": "items[].item_id",
        "products[].product_id": "items[].item_id",
        "products[].position": "items[].index",
    },
)

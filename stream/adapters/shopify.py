"""Shopify's web pixel: its standard events as a pixel's ``analytics.subscribe`` gets them, alone or several.

Only what the table names goes on: a checkout also carries mail and postal addresses, and they stay outside.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

from stream.adapter import Adapter, Ignored, ItemKey, Outcome, Refused, gathered, outcomes, unknown
from stream.draft import Draft, short_id
from stream.source import Flaw, Spot
from stream.strict_json import Rejected

EVENTS = {
    "page_viewed": "page_view",
    "collection_viewed": "view_item_list",
    "product_viewed": "view_item",
    "search_submitted": "search",
    "product_added_to_cart": "add_to_cart",
    "product_removed_from_cart": "remove_from_cart",
    "cart_viewed": "view_cart",
    "checkout_started": "begin_checkout",
    "checkout_completed": "purchase",
    "visitorConsentCollected": "consent_update",
}
UNUSED = frozenset(
    {
        *("checkout_address_info_submitted", "checkout_contact_info_submitted", "checkout_shipping_info_submitted"),
        *("payment_info_submitted", "alert_displayed", "ui_extension_errored"),
    }
)
EVENT = {
    "clientId": "visitor_id",
    "timestamp": "occurred_at",
    "context.navigator.language": "context.locale",
    "context.document.location.href": "page.url",
    "context.document.referrer": "page.referrer",
}
ENVELOPE = {"sent_at": "sent_at", "session_id": "session_id", "customer_id": "customer_id"}
PRIVACY = {
    "customerPrivacy.analyticsProcessingAllowed": "consent.analytics",
    "customerPrivacy.preferencesProcessingAllowed": "consent.personalization",
    "customerPrivacy.marketingAllowed": "consent.marketing",
    "customerPrivacy.saleOfDataAllowed": "consent.sale_of_data",
}
DATA = {
    "data.collection.id": "item_list_id",
    "data.searchResult.query": "search_term",
    "data.productVariant.price.currencyCode": "currency",
    "data.productVariant.price.amount": "value",
    "data.cartLine.cost.totalAmount.currencyCode": "currency",
    "data.cartLine.cost.totalAmount.amount": "value",
    "data.cart.id": "cart_id",
    "data.cart.cost.totalAmount.currencyCode": "currency",
    "data.cart.cost.totalAmount.amount": "value",
    "data.checkout.currencyCode": "currency",
    "data.checkout.subtotalPrice.amount": "value",
    "data.checkout.totalPrice.amount": "value",
    "data.checkout.order.id": "transaction_id",
}
VARIANT = {
    "price.amount": "price",
    "title": "item_variant",
    "product.title": "item_name",
    "product.vendor": "item_brand",
    "product.type": "item_category",
}
PAGES = {
    "view_item_list": "category",
    "view_item": "product",
    "search": "search",
    "view_cart": "cart",
    "begin_checkout": "checkout",
    "purchase": "checkout",
}
ONLY_VARIANT = "Default Title"
"""What Shopify calls the variant of a product that has no other."""

_handle = re.compile(r"/products/([^/?#]+)").search
_LINES_FIX = "Send the event as the pixel got it."


def adapt(payload: Any, item_id: ItemKey = "sku") -> list[Outcome] | Rejected:
    """The outcomes of an event or of several."""
    events = gathered(payload, "events")
    if isinstance(events, Rejected):
        return events
    return outcomes(events, lambda event: _read(event, Spot(payload), item_id))


def _read(event: Spot, envelope: Spot, key: ItemKey) -> Iterator[Outcome]:
    own = event.at("id").text
    event_id = None if own is None else short_id(own)
    try:
        yield _outcome(event, envelope, key, event_id)
    except Flaw as wrong:
        yield Refused(event.path, wrong.rejected, event_id)


def _outcome(event: Spot, envelope: Spot, key: ItemKey, event_id: str | None) -> Outcome:
    name = event.at("name")
    called = name.named(_LINES_FIX)
    if called in UNUSED or event.at("type").value in ("dom", "advanced-dom", "custom", "meta"):
        return Ignored(event.path, f"`{name.path}` is an event of the pixel that nothing here learns from.", event_id)
    if called not in EVENTS:
        found = event.at("data").value
        carries_items = isinstance(found, dict) and not found.keys().isdisjoint({"productVariant", "cartLine"})
        return unknown(event.path, name, carries_items=carries_items, event_id=event_id)
    event.at("id").named(_LINES_FIX)
    for needed in ("clientId", "timestamp"):
        event.at(needed).needed(_LINES_FIX)
    draft = _begun(event, envelope, EVENTS[called], event_id)
    for line in _lines(event, called):
        _add(draft, line, key)
    return draft.done(event.path)


def _begun(event: Spot, envelope: Spot, ours: str, event_id: str | None) -> Draft:
    draft = Draft(event=ours, event_id=event_id)
    draft.fill(event, EVENT)
    draft.fill(envelope, ENVELOPE)
    for spot in (event, envelope):
        draft.fill(spot, PRIVACY)
    draft.fill(event, DATA)
    if ours in PAGES:
        draft.put("page.type", Spot(PAGES[ours], event.at("name").path))
    if ours == "consent_update":
        event.at("customerPrivacy").needed("Send what the visitor chose along.")
    if ours == "search":
        event.at("data.searchResult.query").needed(_LINES_FIX)
    draft.put("coupon", _coupon(event.at("data.checkout.discountApplications")))
    draft.put("context.channel", Spot("web", event.path))
    return draft


def _coupon(applied: Spot) -> Spot:
    """The first code that the buyer entered."""
    codes = (one.at("title") for one in applied.each() if one.at("type").value == "DISCOUNT_CODE")
    return next(codes, Spot(None))


def _lines(event: Spot, called: str) -> list[Spot]:
    """Where the event has its variants: themselves, in the line of a cart, or in the lines of a cart or an order."""
    data = event.at("data")
    if called == "product_viewed":
        return [data.at("productVariant").needed(_LINES_FIX)]
    if called in ("product_added_to_cart", "product_removed_from_cart"):
        return [data.at("cartLine").needed(_LINES_FIX)]
    if called == "collection_viewed":
        return data.at("collection.productVariants").listed(_LINES_FIX)
    if called in ("checkout_started", "checkout_completed"):
        return data.at("checkout.lineItems").listed(_LINES_FIX)
    return list(data.at("searchResult.productVariants" if called == "search_submitted" else "cart.lines").each())


def _add(draft: Draft, line: Spot, key: ItemKey) -> None:
    """A variant as an item; an order's line that says that it is of none (`null`, a fee or a gift) is no item."""
    item, variant = Draft(), line
    for place in ("merchandise", "variant"):
        if isinstance(line.value, dict) and place in line.value:
            variant = line.at(place)
            item.put("quantity", line.at("quantity"))
    if variant is not line and variant.value is None and variant.path.endswith(".variant"):
        return
    item.put("item_id", _item_id(variant, key))
    item.fill(variant, VARIANT)
    if draft.fields["event"] == "view_item_list":
        item.put("index", Spot(len(draft.fields.get("items", ())), line.path))
    draft.add(item, line.path)


def _item_id(variant: Spot, key: ItemKey) -> Spot:
    """As the import of Shopify's product export has it: the SKU, without one an only variant's handle; else the id."""
    sku = variant.at("sku")
    if key == "sku" and (sku.text or "").strip():
        return sku._replace(value=(sku.text or "").strip())
    url = variant.at("product.url")
    handle = _handle(url.text or "") if key == "sku" and variant.at("title").value == ONLY_VARIANT else None
    if handle is not None:
        return url._replace(value=unquote(handle[1]))
    id_ = variant.at("id")
    return id_._replace(value=id_.named(_LINES_FIX).rpartition("/ProductVariant/")[2])


ADAPTER = Adapter(
    name="shopify",
    explain="The standard events of Shopify's web pixel, alone or several.",
    adapt=adapt,
    events=EVENTS,
    unused=UNUSED,
    fields={
        "id": "event_id",
        **EVENT,
        **ENVELOPE,
        **PRIVACY,
        **DATA,
        "data.checkout.discountApplications[].title": "coupon",
        "lines[].quantity": "items[].quantity",
        "variant.sku": "items[].item_id",
        "variant.product.url": "items[].item_id",
        "variant.id": "items[].item_id",
        **{f"variant.{source}": f"items[].{ours}" for source, ours in VARIANT.items()},
    },
)

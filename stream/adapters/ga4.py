"""GA4's `dataLayer`: objects as a page pushes them, and gtag's argument lists, in a small envelope of ours.

A push says neither whose it is nor when it was, so a page sends what it collected as ``{"visitor_id", "pushed_at",
"data": [push, …]}``; `DESIGN.md` has the whole envelope. The id is a push's own `event_id`, as shops set it for other
tags; a purchase's is made of its `transaction_id`, so that a thank-you page that is loaded again buys nothing twice;
any other one is a hash of the push, `pushed_at` and its number, so that the same delivery twice is a duplicate.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from stream.adapter import Adapter, Ignored, ItemKey, Outcome, gathered, outcomes, unknown
from stream.draft import Draft, fingerprint, short_id
from stream.events import CONSENT_MODE
from stream.source import Flaw, Spot
from stream.strict_json import Rejected

SAME = (
    *("page_view", "view_item_list", "select_item", "view_item", "search", "add_to_cart", "remove_from_cart"),
    *("view_cart", "begin_checkout", "purchase", "refund", "add_to_wishlist", "view_promotion", "select_promotion"),
)
EVENTS = {**{name: name for name in SAME}, "view_search_results": "search"}
UNUSED = frozenset(
    {
        *("add_payment_info", "add_shipping_info", "login", "sign_up", "share", "select_content", "generate_lead"),
        *("scroll", "click", "user_engagement", "session_start", "first_visit", "file_download", "form_submit"),
    }
)
COMMANDS = frozenset({"config", "set", "get", "js"})
ENVELOPE = {
    "visitor_id": "visitor_id",
    "customer_id": "customer_id",
    "session_id": "session_id",
    "sent_at": "sent_at",
    "consent": "consent",
    "page": "page",
    "context": "context",
}
FIELDS = {
    "currency": "currency",
    "value": "value",
    "transaction_id": "transaction_id",
    "coupon": "coupon",
    "search_term": "search_term",
    "item_list_id": "item_list_id",
    "cart_id": "cart_id",
    "decision_id": "decision_id",
    "placement": "placement",
    "page_location": "page.url",
    "page_referrer": "page.referrer",
}
PROMOTION = {"promotion_id": "promotion.promotion_id", "creative_slot": "promotion.creative_slot"}
ITEMS_NEEDED = frozenset(
    {"view_item_list", "select_item", "view_item", "add_to_cart", "remove_from_cart", "add_to_wishlist"}
)
PROMOTIONS = frozenset({"view_promotion", "select_promotion"})
_MODES = frozenset(name for names in CONSENT_MODE.values() for name in names)
_ENVELOPE_FIX = (
    'Send {"visitor_id": …, "pushed_at": …, "data": [what was pushed, …]}; stream/adapters/DESIGN.md says more.'
)
_TIME_FIX = "Say in the envelope when the first of the pushes was made, and say the same when you send them again."


class Push(NamedTuple):
    """One push: what was called, its parameters, the place in the page's dataLayer, and whose it is."""

    whole: Spot
    name: Spot
    parameters: Spot
    envelope: Spot
    number: int


def adapt(payload: Any, _: ItemKey = "sku") -> list[Outcome] | Rejected:
    """The outcomes of an envelope's pushes; an item has one id in GA4."""
    envelope = Spot(payload)
    try:
        envelope.at("data").needed(_ENVELOPE_FIX)
        envelope.at("visitor_id").needed("Send the shopper's first-party id in the envelope.")
        first = _first_number(envelope.at("sequence"))
    except Flaw as wrong:
        return wrong.rejected
    pushes = gathered(payload, "data")
    if isinstance(pushes, Rejected):
        return pushes
    numbers = {push.path: first + at for at, push in enumerate(pushes)}
    return outcomes(pushes, lambda push: _read(push, envelope, numbers[push.path]))


def _first_number(sequence: Spot) -> int:
    if sequence.value is None:
        return 0
    if not isinstance(sequence.value, int) or isinstance(sequence.value, bool) or abs(sequence.value) > 2**53:
        raise Flaw("schema", "`sequence` is not a whole number", "Count the page's pushes from 0.", "sequence")
    return sequence.value


def _read(spot: Spot, envelope: Spot, number: int) -> Iterator[Outcome]:
    """An object that was pushed, or gtag's arguments as a list or as an object of numbers."""
    command = _argument(spot, 0)
    if command.value is None:
        ecommerce = spot.at("ecommerce")
        parameters = ecommerce if isinstance(ecommerce.value, dict) else spot
        yield from _event(Push(spot, spot.at("event"), parameters, envelope, number))
    elif command.value == "event":
        yield from _event(Push(spot, _argument(spot, 1), _argument(spot, 2), envelope, number))
    elif command.value == "consent":
        yield _consent(Push(spot, _argument(spot, 1), _argument(spot, 2), envelope, number))
    elif command.text in COMMANDS:
        yield Ignored(spot.path, f"`{command.path}` is a command to Google's tag, not an event.")
    else:
        yield unknown(spot.path, command, carries_items=False)


def _argument(spot: Spot, number: int) -> Spot:
    """One of gtag's arguments: `arguments` becomes a list or, by JSON.stringify, an object with numbers for names."""
    if isinstance(spot.value, list):
        inside = spot.value[number] if number < len(spot.value) else None
        return Spot(inside, f"{spot.path}[{number}]")
    return spot.at(str(number))


def _event(push: Push) -> Iterator[Outcome]:
    name, parameters = push.name, push.parameters
    carries_items = isinstance(parameters.at("items").value, list) or parameters.path.endswith(".ecommerce")
    if name.value is None and not carries_items:
        yield Ignored(push.whole.path, "It sets variables of the dataLayer, and is no event.")
        return
    called = name.needed("Name the event beside its parameters.").text
    if called is not None and (called in UNUSED or called.startswith("gtm.")):
        yield Ignored(push.whole.path, f"`{name.path}` is one of Google's own events that nothing here learns from.")
    elif called not in EVENTS:
        yield unknown(push.whole.path, name, carries_items=carries_items)
    elif EVENTS[called] in PROMOTIONS:
        yield from _promotions(push, EVENTS[called])
    else:
        yield _shopping(push, EVENTS[called])


def _shopping(push: Push, event: str) -> Outcome:
    draft, items = _begun(push, event), push.parameters.at("items")
    if event in ITEMS_NEEDED:
        items.needed("Push the items with it, each with its item_id.")
    if event == "search":
        push.parameters.at("search_term").needed("Push what was searched for with it.")
    if items.value not in (None, ""):
        for item in items.listed("Push the items as a list.") if items.value else ():
            _add(draft, item)
    draft.put("item_list_id", next(items.each(), Spot(None)).at("item_list_id"))
    return _identified(push, draft)


def _promotions(push: Push, event: str) -> Iterator[Outcome]:
    """One event for each banner: the one named for all, or those that the items name."""
    entries = list(push.parameters.at("items").each())
    named = {entry.at("promotion_id").text: entry for entry in reversed(entries) if entry.at("promotion_id").text}
    banners = [push.parameters] if push.parameters.at("promotion_id").text or not named else [*reversed(named.values())]
    if not entries:
        push.parameters.at("promotion_id").needed("Push the banner's id, or items that name it.")
    for number, banner in enumerate(banners):
        draft = _begun(push, event)
        draft.fill(banner, PROMOTION)
        draft.fill(
            push.parameters, {"creative_slot": PROMOTION["creative_slot"]} if draft.fields.get("promotion") else {}
        )
        own = banner.at("promotion_id").text
        for entry in entries:
            if entry.at("item_id").value is not None and entry.at("promotion_id").text in {None, own}:
                _add(draft, entry)
        yield _identified(push, draft, number)


def _add(draft: Draft, item: Spot) -> None:
    """An item with all of its fields: they are GA4's words, and so are ours."""
    item.at("item_id").named("Give every item the id that the catalogue has.")
    one = Draft()
    for name in item.value:
        one.put(name, Spot(item.value[name], f"{item.path}.{name}"))
    draft.add(one, item.path)


def _begun(push: Push, event: str) -> Draft:
    draft = Draft(event=event)
    draft.fill(push.envelope, ENVELOPE)
    for spot in (push.parameters, push.whole):
        draft.fill(spot, FIELDS)
    return draft


def _identified(push: Push, draft: Draft, number: int = 0) -> Outcome:
    """The event with its time and its id."""
    pushed_at = push.whole.at("pushed_at")
    if pushed_at.value is None:
        pushed_at = push.envelope.first("pushed_at", "sent_at").needed(_TIME_FIX)
    draft.put("occurred_at", pushed_at)
    visitor, order = push.envelope.at("visitor_id").text, draft.fields.get("transaction_id")
    own = push.whole.at("event_id").text
    content = (push.whole.value, pushed_at.text or str(pushed_at.value), push.number)
    if own is not None:
        draft.fields["event_id"] = short_id(own if number == 0 else fingerprint(own, number))
    elif order is not None and draft.fields["event"] == "purchase":
        draft.fields["event_id"] = fingerprint(visitor, "purchase", order)
    else:
        draft.fields["event_id"] = fingerprint(visitor, content, number)
    return draft.done(push.whole.path)


def _consent(push: Push) -> Outcome:
    """An update is the visitor's word; a default is the shop's assumption, which the shop sets here once."""
    if push.name.value != "update":
        why = "A consent default is the shop's assumption, not the visitor's word: LIVESHELF_CONSENT_DEFAULT sets it."
        return Ignored(push.whole.path, why)
    words = push.parameters.value if isinstance(push.parameters.value, dict) else {}
    said = {name: word for name, word in words.items() if name in _MODES}
    if not said:
        return Ignored(push.whole.path, f"`{push.parameters.path}` names no purpose that is known here.")
    draft = Draft(event="consent_update")
    draft.put("consent", push.parameters._replace(value=said))
    draft.fill(push.envelope, {source: ours for source, ours in ENVELOPE.items() if ours not in {"page", "consent"}})
    return _identified(push, draft)


ADAPTER = Adapter(
    name="ga4",
    explain="What a page pushes to GA4's dataLayer, or calls gtag with, in an envelope that says whose it is and when.",
    adapt=adapt,
    events=EVENTS,
    unused=UNUSED | {f"{name} (command)" for name in COMMANDS},
    fields={**ENVELOPE, "pushed_at": "occurred_at", **FIELDS, **PROMOTION, "items[]": "items[]"},
)

"""Which coupon a visitor has, is asked for, or does without: a pure function of what was read and of the offers.

```
one that holds ─▶ counted? ─▶ given
none ─▶ open offers by name: segment, intent, cart, had it, spent ─▶ hold-out ─▶ asked: a claim
```
A claim becomes a coupon only when the offer's budget has counted it (`stream/budgets.py`), so the visitor sees it with
a later answer. The hold-out is a hash of pseudonym and offer: a visitor stays on one side.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from hashlib import blake2b
from typing import Final, Literal, NamedTuple, TypeAlias

from msgspec import UNSET

from serving.coupons.offer import Offer
from serving.rules.segment import Shopper
from serving.shop import Shop
from stream.budgets import Budget
from stream.events import Claim
from stream.signals import cart, coupons, session
from stream.signals.coupons import Coupon

_HOUR_MS = 3_600_000

Reason: TypeAlias = Literal[
    "given", "asked", "held_out", "bought", "other_shoppers", "cart", "intent_unknown", "will_not_buy", "will_buy",
    "had_it", "spent",
]  # fmt: skip


class Asked(NamedTuple):
    """What is known of a visitor whose state may be used.

    `pid`: their pseudonym; `partition`: where their events lie. `intent`: the probability that this visit ends in a
    purchase, None if nobody can say. `budgets`: what each offer has given.
    """

    shopper: Shopper
    pid: str
    partition: int
    intent: float | None
    budgets: Mapping[str, Budget]


class Line(NamedTuple):
    """A line of the cart: the item's code, and what it is worth in which currency by the catalogue's prices."""

    code: int
    worth: Decimal
    currency: str | None


class Decided(NamedTuple):
    """What came of it.

    `offer` is the one that it is about; with `coupon` the visitor has it, with `claim` it is asked for. `propensity`:
    how probable it was that this visitor was offered one, or was held out. `intent`: as it was asked with. `refused`:
    why each other offer was not meant.
    """

    offer: str
    reason: Reason
    propensity: float
    intent: float | None = None
    coupon: Coupon | None = None
    claim: Claim | None = None
    refused: Mapping[str, Reason] = {}


_NOTHING: Final = Budget()


def decide(offers: Iterable[Offer], asked: Asked) -> Decided | None:
    """The coupon that the visitor has, or what is decided of the first offer that is meant for them; None: nothing.

    `offers` are those that are open now.
    """
    shopper = asked.shopper
    held = next((one for one in reversed(_known(asked)) if one.holds(shopper.now)), None)
    granted = held and asked.budgets.get(held.offer, _NOTHING).granted_at(asked.partition, held.offset)
    if held is not None and granted is not False:
        return Decided(held.offer, "given" if granted else "asked", 1.0, asked.intent, held if granted else None)
    refused: dict[str, Reason] = {}
    lines = _lines(shopper)
    for offer in offers:
        reason = refusal(offer, asked, lines)
        if reason is None:
            return _drawn(offer, asked, refused)
        refused[offer.name] = reason
    return None


def refusal(offer: Offer, asked: Asked, lines: Sequence[Line]) -> Reason | None:
    """Why the offer is not meant for this visitor, in whose cart these lines are; None if it is."""
    shopper, document = asked.shopper, offer.document
    if offer.segment is not None and not offer.segment(shopper):
        return "other_shoppers"
    if _has_bought(shopper):
        return "bought"
    wavers = _wavers(offer, asked.intent)
    if wavers is not None:
        return wavers
    if document.cart is not UNSET and not _cart_meets(offer, lines, shopper.shop):
        return "cart"
    given = [one for one in _known(asked) if _was_given(one, asked)]
    if coupons.had(given, document.name, shopper.now) >= document.per_visitor:
        return "had_it"
    spent = asked.budgets.get(document.name, _NOTHING).given >= document.budget.coupons
    return "spent" if spent else None


def _drawn(offer: Offer, asked: Asked, refused: Mapping[str, Reason]) -> Decided:
    """The visitor is meant: held out, or asked for."""
    document, now = offer.document, asked.shopper.now
    if _share(asked.pid, document.name) < document.holdout:
        return Decided(document.name, "held_out", document.holdout, asked.intent, refused=refused)
    claim = Claim(
        offer=document.name,
        revision=offer.version,
        coupons=document.budget.coupons,
        per_visitor=document.per_visitor,
        code=document.coupon.code,
        says=document.coupon.says,
        until=now + document.coupon.hours * _HOUR_MS,
        refused=[one.offset for one in _known(asked) if not _was_given(one, asked)],
    )
    return Decided(document.name, "asked", 1.0 - document.holdout, asked.intent, claim=claim, refused=refused)


def _share(pid: str, name: str) -> float:
    """Where in [0, 1) a visitor lies for an offer."""
    drawn = blake2b(f"{pid}\0{name}\0offer".encode(), digest_size=8).digest()
    return (int.from_bytes(drawn, "big") >> 11) * 2.0**-53


def _known(asked: Asked) -> list[Coupon]:
    return coupons.SIGNAL.of(asked.shopper.visitor).coupons


def _was_given(one: Coupon, asked: Asked) -> bool:
    return asked.budgets.get(one.offer, _NOTHING).granted_at(asked.partition, one.offset) is not False


def _has_bought(shopper: Shopper) -> bool:
    """Whether this visit has bought something already."""
    running = session.SIGNAL.of(shopper.visitor)
    here = running.last_at and shopper.now <= running.last_at + session.GAP_MS
    return bool(here and (running.bought or running.claimed))


def _wavers(offer: Offer, intent: float | None) -> Reason | None:
    wanted = offer.document.intent
    if wanted is UNSET:
        return None
    if intent is None:
        return "intent_unknown"
    if intent < wanted.from_:
        return "will_not_buy"
    return "will_buy" if intent >= wanted.until else None


def _lines(shopper: Shopper) -> list[Line]:
    """The lines of the cart, as far as the catalogue has their items."""
    shop, found = shopper.shop, []
    for item_id, line in cart.SIGNAL.of(shopper.visitor).items.items():
        code, item = shop.codes.known(item_id), shop.item(item_id)
        if code is not None and item is not None:
            price = Decimal(item.sale_price or item.price or 0)
            found.append(Line(code, price * line.quantity, item.currency))
    return found


def _cart_meets(offer: Offer, lines: Sequence[Line], shop: Shop) -> bool:
    """Whether something lies in the cart that counts, and enough of it."""
    wanted = offer.document.cart
    assert wanted is not UNSET
    if offer.cart_items is not None:
        mask = shop.met(offer.cart_items)
        lines = [line for line in lines if mask[line.code]]
    if not offer.cart_least:
        return bool(lines)
    return sum(line.worth for line in lines if line.currency == wanted.currency) >= offer.cart_least

"""What a declared offer is: a document as `schemas/offer.json` says, checked and compiled.

```
when (schedule, segment) ─▶ cart ─▶ intent ─▶ hold-out ─▶ a coupon, as long as the budget has one
```
An offer says whom it is for. One for everybody would be a price, and prices are not changed by coupons.
"""

from __future__ import annotations

from decimal import Decimal
from types import MappingProxyType
from typing import Annotated, Any, Final, TypeAlias

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from serving.config import BadDocument, read
from serving.config.documents import Kind
from serving.filters.rule import BadFilter
from serving.filters.rule import Rule as Filter
from serving.filters.rule import compiled as filter_of
from serving.placement import Name
from serving.rules import schedule, segment
from serving.rules.rule import Timely
from serving.rules.schedule import Schedule
from serving.rules.segment import Holds
from stream.events import Currency

Amount: TypeAlias = Annotated[str, Meta(pattern=r"^(?=[0-9.]*[1-9])[0-9]{1,9}(\.[0-9]{1,6})?\Z")]
Probability: TypeAlias = Annotated[float, Meta(ge=0, le=1)]
PERSONALISED: Final = (
    "This offer was made to you by automated decision-making, from your visits to this shop; others may not get it."
)


class Cart(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What lies in the cart: something that meets `items`, and of that so much worth as `least`."""

    least: Amount | UnsetType = UNSET
    currency: Currency | UnsetType = UNSET
    items: dict[str, Any] | UnsetType = UNSET


class Intent(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How probable it is that the visit ends in a purchase: from one probability (in it) to another (no more in it)."""

    from_: Probability = msgspec.field(name="from")
    until: Probability


class Coupon(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What is given: a code that the shop takes, what it says, what it is worth, and for how many hours."""

    code: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{1,64}\Z")]
    says: Annotated[str, Meta(min_length=1, max_length=200)]
    percent: Annotated[float, Meta(gt=0, le=100)] | UnsetType = UNSET
    amount: Amount | UnsetType = UNSET
    currency: Currency | UnsetType = UNSET
    hours: Annotated[int, Meta(ge=1, le=720)] = 24


class Budget(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many coupons may be given in all."""

    coupons: Annotated[int, Meta(ge=0, le=1_000_000_000)]


class Document(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What can be said of an offer.

    Parameters
    ----------
    name: what answers and records call it; `explain` one sentence for marketers.
    enabled: false gives no more; what was given holds on.
    when: its schedule and whom it is for.
    cart, intent: for which carts, and for whom that wavers.
    coupon, budget: what is given, and how many.
    per_visitor: how many one visitor may be given in 90 days.
    holdout: which share of those whom it is for get none, so that what it brings can be measured.
    text: what tells the shopper that it depends on them, in the shop's language.
    """

    name: Name
    explain: Annotated[str, Meta(min_length=1, max_length=1_000)]
    enabled: bool = True
    when: Timely = Timely()
    cart: Cart | UnsetType = UNSET
    intent: Intent | UnsetType = UNSET
    coupon: Coupon
    budget: Budget
    per_visitor: Annotated[int, Meta(ge=1, le=10)] = 1
    holdout: Annotated[float, Meta(ge=0.01, le=0.5)] = 0.1
    text: Annotated[str, Meta(min_length=1, max_length=500)] = PERSONALISED


class Offer(Struct, frozen=True, eq=False):
    """An offer in force.

    Attributes
    ----------
    document: what was said; `version` its revision.
    schedule, segment: when and for whom; a segment of None is everybody.
    cart_items: which items of a cart count; None: all. `cart_least`: how much they are worth at least.
    """

    document: Document
    version: int
    schedule: Schedule
    segment: Holds | None
    cart_items: Filter | None
    cart_least: Decimal

    @property
    def name(self) -> str:
        return self.document.name


def offer(document: Any, name: str, version: int = 1) -> Offer:
    """The offer that a JSON document of this name says; raises `BadDocument`."""
    said = read(document, Document, name)
    whom, cart = said.when.segment, said.cart
    _check(said)
    return Offer(
        document=said,
        version=version,
        schedule=schedule.compiled(said.when),
        segment=None if whom is UNSET else segment.compiled(whom),
        cart_items=None if cart is UNSET or cart.items is UNSET else _filter(cart.items),
        cart_least=Decimal(0) if cart is UNSET or cart.least is UNSET else Decimal(cart.least),
    )


KIND: Final[Kind[Offer]] = Kind("offer", offer, MappingProxyType({}))
"""Offers as a kind of document that marketers edit; none is built in."""


def _check(said: Document) -> None:
    """Refuse what the types cannot."""
    coupon, cart, intent = said.coupon, said.cart, said.intent
    if cart is UNSET and intent is UNSET and said.when.segment is UNSET:
        raise BadDocument("", _EVERYBODY)
    if (coupon.percent is UNSET) == (coupon.amount is UNSET):
        raise BadDocument("/coupon", "A coupon is worth either a `percent` or an `amount`: write one of them.")
    if coupon.amount is not UNSET and coupon.currency is UNSET:
        raise BadDocument("/coupon/currency", "An amount needs its currency, such as EUR.")
    if cart is not UNSET and cart.least is not UNSET and cart.currency is UNSET:
        raise BadDocument("/cart/currency", "An amount needs its currency, such as EUR.")
    if intent is not UNSET and intent.from_ >= intent.until:
        raise BadDocument("/intent/until", "It must be above `from`: who is sure to buy, or not to, gets no coupon.")


def _filter(document: dict[str, Any]) -> Filter:
    try:
        return filter_of(document)
    except BadFilter as error:
        raise BadDocument(f"/cart/items{error.pointer}", error.detail) from None


_EVERYBODY: Final = (
    "Whom is it for? Say a `cart`, an `intent` or a `when.segment`: an offer for everybody is a price for everybody, "
    "which the shop sets in its catalogue."
)

"""Events: one frozen Struct for each event name of the contract.

The Structs are what folds read. They say what shape an event must have; `stream.ingest` is the gate that decodes into
them and checks what a type cannot say. `schemas/events/*.json` tells a storefront's developer the same, and a test
keeps both equal. Every event has every field of the envelope, so that `event.items` or `event.consent` needs no case
distinction; a subclass only makes a field required. Fields that are not named here stay in the record's bytes.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, TypeAlias, get_args

from msgspec import Meta, Struct

from stream.instants import LAST_INSTANT_MS
from stream.money import Money

ShortId: TypeAlias = Annotated[str, Meta(min_length=1, max_length=64)]
Id: TypeAlias = Annotated[str, Meta(min_length=1, max_length=128)]
Token: TypeAlias = Annotated[str, Meta(min_length=1, max_length=256)]
ShortText: TypeAlias = Annotated[str, Meta(max_length=64)]
Label: TypeAlias = Annotated[str, Meta(max_length=128)]
Text: TypeAlias = Annotated[str, Meta(max_length=1_000)]
Url: TypeAlias = Annotated[str, Meta(max_length=4_096)]
Currency: TypeAlias = Annotated[str, Meta(pattern=r"^[A-Z]{3}\Z")]
Quantity: TypeAlias = Annotated[int, Meta(ge=1, le=1_000_000)]
Index: TypeAlias = Annotated[int, Meta(ge=0, le=1_000_000)]
Instant: TypeAlias = (
    Annotated[int, Meta(ge=0, le=LAST_INSTANT_MS)]
    | Annotated[float, Meta(ge=0, le=LAST_INSTANT_MS)]
    | Annotated[str, Meta(max_length=40)]
)
Place: TypeAlias = Annotated[int, Meta(ge=0, le=2**53)]
PageType = Literal["home", "category", "product", "search", "cart", "checkout", "other"]
Channel = Literal["web", "app", "email", "push", "server"]


Signal = Literal["granted", "denied"]


class Consent(Struct, frozen=True, gc=False):
    """What the visitor allows, per purpose; None: nothing said. `sale_of_data` is kept and used for nothing.

    Consent Mode's names (v2) mean the same and are read where ours is missing: `analytics_storage` is analytics,
    `personalization_storage` personalization; marketing is granted if none of `ad_storage`, `ad_user_data` and
    `ad_personalization` that are given is denied. `text_version` names the text that was agreed to.
    """

    analytics: bool | None = None
    personalization: bool | None = None
    marketing: bool | None = None
    sale_of_data: bool | None = None
    text_version: ShortText | None = None
    analytics_storage: Signal | None = None
    personalization_storage: Signal | None = None
    ad_storage: Signal | None = None
    ad_user_data: Signal | None = None
    ad_personalization: Signal | None = None

    def word(self, purpose: str) -> bool | None:
        """What is said of `purpose`."""
        own: bool | None = getattr(self, purpose)
        if own is not None:
            return own
        given = {getattr(self, name) for name in CONSENT_MODE[purpose]} - {None}
        return given == {"granted"} if given else None


CONSENT_MODE = {
    "analytics": ("analytics_storage",),
    "personalization": ("personalization_storage",),
    "marketing": ("ad_storage", "ad_user_data", "ad_personalization"),
}
"""Purpose → the names of Google's Consent Mode v2 that mean it."""


class Edge(Struct, frozen=True, gc=False):
    """What the HTTP edge knows of an event and stamps on it; an event without it came straight from Kafka.

    `key` names the API key, `signed` says that a signed visitor token or a secret key came with the event,
    `purchase_confirmed` that a purchase counts as revenue. `teaches` is false where its address sends for too many
    visitors: it is served, not learnt from. `decision_verified`: its `decision_id` is one that we signed.
    """

    key: Label | None = None
    signed: bool = False
    purchase_confirmed: bool = False
    teaches: bool = True
    decision_verified: bool = False


class Page(Struct, frozen=True, gc=False):
    """The page that the event happened on."""

    type: PageType | None = None
    url: Url | None = None
    referrer: Url | None = None
    view_id: Label | None = None


class Promotion(Struct, frozen=True, gc=False):
    """The banner of a promotion event and the slot it was shown in."""

    promotion_id: Id
    creative_slot: Label | None = None


class Context(Struct, frozen=True, gc=False):
    """Where the event happened: language, device class, time zone, channel."""

    locale: ShortText | None = None
    device: ShortText | None = None
    tz: ShortText | None = None
    channel: Channel | None = None


class EventItem(Struct, frozen=True, gc=False):
    """One entry of `items`, in GA4's words."""

    item_id: Id
    quantity: Quantity = 1
    price: Money | None = None
    index: Index | None = None
    item_variant: Text | None = None
    item_name: Text | None = None
    item_brand: Text | None = None
    item_category: Text | None = None


Items: TypeAlias = Annotated[list[EventItem], Meta(max_length=200)]
SomeItems: TypeAlias = Annotated[list[EventItem], Meta(min_length=1, max_length=200)]


class Envelope(Struct, frozen=True, kw_only=True, gc=False, tag_field="event"):
    """What every event has. Times are as sent (`stream.ingest.event_time_ms` judges them); money is exact."""

    event_id: ShortId
    occurred_at: Instant
    visitor_id: Id
    sent_at: Instant | None = None
    received_at: Instant | None = None
    customer_id: Id | None = None
    session_id: Id | None = None
    edge: Edge | None = None
    consent: Consent | None = None
    consent_default: Consent | None = None
    page: Page | None = None
    items: Items = []
    currency: Currency | None = None
    value: Money | None = None
    transaction_id: Id | None = None
    cart_id: Id | None = None
    search_term: Text | None = None
    item_list_id: Label | None = None
    coupon: Label | None = None
    promotion: Promotion | None = None
    decision_id: Token | None = None
    placement: ShortId | None = None
    context: Context | None = None
    schema_version: int | None = None

    @property
    def confirmed(self) -> bool:
        """Whether the shop itself says so, and not only a browser: a purchase then counts as revenue."""
        return self.edge is None or self.edge.purchase_confirmed


class NeedsOne(Envelope, frozen=True, kw_only=True, gc=False):
    """An event that means nothing unless it has at least one of the fields in `needs`."""

    needs: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        if all(getattr(self, name) in (None, []) for name in self.needs):
            raise ValueError(f"Expected at least one of {', '.join(f'`{name}`' for name in self.needs)}")


class PageView(Envelope, frozen=True, kw_only=True, gc=False, tag="page_view"):
    """A page was opened."""


class ViewItemList(Envelope, frozen=True, kw_only=True, gc=False, tag="view_item_list"):
    """An impression: these items were really seen, in a list or on a shelf."""

    items: SomeItems


class SelectItem(Envelope, frozen=True, kw_only=True, gc=False, tag="select_item"):
    """A click on an item of a list; the view follows."""

    items: SomeItems


class ViewItem(Envelope, frozen=True, kw_only=True, gc=False, tag="view_item"):
    """An item's own page was seen."""

    items: SomeItems


class Search(Envelope, frozen=True, kw_only=True, gc=False, tag="search"):
    """A search was made; `results` says how many items were found, `items` may say which."""

    search_term: Annotated[str, Meta(min_length=1, max_length=1_000)]
    results: Index | None = None


class AddToCart(Envelope, frozen=True, kw_only=True, gc=False, tag="add_to_cart"):
    """Items went into the cart; `quantity` is how many were added."""

    items: SomeItems


class RemoveFromCart(Envelope, frozen=True, kw_only=True, gc=False, tag="remove_from_cart"):
    """Items left the cart; `quantity` is how many were taken out."""

    items: SomeItems


class ViewCart(Envelope, frozen=True, kw_only=True, gc=False, tag="view_cart"):
    """The cart was looked at; it may be empty."""


class BeginCheckout(Envelope, frozen=True, kw_only=True, gc=False, tag="begin_checkout"):
    """The checkout was started."""


class Purchase(NeedsOne, frozen=True, kw_only=True, gc=False, tag="purchase"):
    """An order was placed."""

    needs: ClassVar[tuple[str, ...]] = ("items", "transaction_id", "value")


class Refund(NeedsOne, frozen=True, kw_only=True, gc=False, tag="refund"):
    """An order was refunded: these items of it, or without `items` all of it."""

    needs: ClassVar[tuple[str, ...]] = ("items", "transaction_id")


class AddToWishlist(Envelope, frozen=True, kw_only=True, gc=False, tag="add_to_wishlist"):
    """Items were put aside for later."""

    items: SomeItems


class ViewPromotion(NeedsOne, frozen=True, kw_only=True, gc=False, tag="view_promotion"):
    """A banner was really seen."""

    needs: ClassVar[tuple[str, ...]] = ("promotion", "items", "decision_id")


class SelectPromotion(NeedsOne, frozen=True, kw_only=True, gc=False, tag="select_promotion"):
    """A banner was clicked."""

    needs: ClassVar[tuple[str, ...]] = ("promotion", "items", "decision_id")


class Dismiss(NeedsOne, frozen=True, kw_only=True, gc=False, tag="dismiss"):
    """The visitor is not interested in these items, or in this banner."""

    needs: ClassVar[tuple[str, ...]] = ("items", "promotion", "decision_id")


class Identify(Envelope, frozen=True, kw_only=True, gc=False, tag="identify"):
    """Control: this visitor is that customer."""

    customer_id: Id


class ConsentUpdate(Envelope, frozen=True, kw_only=True, gc=False, tag="consent_update"):
    """Control: the visitor's consent is now this."""

    consent: Consent


class Erase(Envelope, frozen=True, kw_only=True, gc=False, tag="erase"):
    """Control, server only: erase this visitor; `epoch` is the pseudonym's new one."""

    epoch: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None


class Unmerge(Envelope, frozen=True, kw_only=True, gc=False, tag="unmerge"):
    """Control, server only: this visitor is not that customer after all."""

    customer_id: Id


class Reset(Envelope, frozen=True, kw_only=True, gc=False, tag="reset"):
    """Control, server only: forget this visitor's profile, keep the consent."""


class Claim(Struct, frozen=True, kw_only=True, gc=False):
    """A coupon of a declared offer, which the visitor is given if one is left.

    The offer's terms at that moment: `revision` of its document, `coupons` in its budget, `per_visitor` at most, the
    coupon's `code` and what it `says`, and `until` when it holds (ms). `refused`: the places in the log of earlier
    claims for which none was left.
    """

    offer: ShortId
    revision: Place
    coupons: Place
    per_visitor: Place
    code: ShortId
    says: Annotated[str, Meta(min_length=1, max_length=200)]
    until: Annotated[int, Meta(ge=0, le=LAST_INSTANT_MS)]
    refused: Annotated[list[Place], Meta(max_length=100)] = []


class Due(Envelope, frozen=True, kw_only=True, gc=False, tag="due"):
    """Control, server only: a wait is over; `kind` says which (such as `abandoned_cart`), `claim` what it asks for."""

    kind: ShortId
    claim: Claim | None = None


Event: TypeAlias = (
    PageView
    | ViewItemList
    | SelectItem
    | ViewItem
    | Search
    | AddToCart
    | RemoveFromCart
    | ViewCart
    | BeginCheckout
    | Purchase
    | Refund
    | AddToWishlist
    | ViewPromotion
    | SelectPromotion
    | Dismiss
    | Identify
    | ConsentUpdate
    | Erase
    | Unmerge
    | Reset
    | Due
)

EVENT_NAMES: frozenset[str] = frozenset(str(kind.__struct_config__.tag) for kind in get_args(Event))
"""Every event name of the contract, as it stands on the wire."""


def name_of(event: Event) -> str:
    """The event's name on the wire, such as `view_item`."""
    return str(event.__struct_config__.tag)

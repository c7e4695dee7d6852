"""What the visitor agent tells the item, profile, learner and query agents: entries of derived records.

Each entry begins with the source offset it came from and its number within that offset for that target partition; its
consumer keeps a mark for each source and drops what is at or below it, so that a batch cut differently after a crash
counts once (`GUARANTEES.md` §1.5).
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct


class Entry(Struct, array_like=True, frozen=True, gc=False):
    """The place an entry came from; `seq` counts from 0 within one source offset and target partition."""

    offset: int
    seq: int


class Seen(Entry, tag="seen", array_like=True, frozen=True, gc=False):
    """`item_id` was viewed or put into a cart at `at` (ms).

    `repeat`: it had been in this session before. `back`: newly paired predecessors with their distance weight.
    `counts` is false where only these pairs, or the cart, are new, as the session has counted the item as often as it
    may. `cart`: this session has put it into a cart, and had not before.
    """

    item_id: str
    at: int
    event: str
    repeat: bool
    back: list[tuple[str, float]]
    counts: bool = True
    cart: bool = False


class Followed(Entry, tag="followed", array_like=True, frozen=True, gc=False):
    """`item_id` was followed by `other` (relation ``viewed``), came with it (``together``), led to it (``bought``)."""

    item_id: str
    at: int
    relation: str
    other: str
    weight: float


class Bought(Entry, tag="bought", array_like=True, frozen=True, gc=False):
    """`item_id` was bought; `confirmed` says whether the order counts as revenue, or a browser only claims it.

    `first`: this session has had no confirmed order of it before.
    """

    item_id: str
    at: int
    quantity: int
    confirmed: bool
    first: bool = True


class Touch(Struct, array_like=True, frozen=True, gc=False):
    """An item that a visitor viewed or bought at `at` (ms), by which event."""

    item_id: str
    at: int
    event_id: str


class Summary(Struct, array_like=True, frozen=True, gc=False):
    """What a visitor's other devices may know, newest first; `dismissed` are items with when (ms)."""

    viewed: list[Touch]
    bought: list[Touch]
    dismissed: list[tuple[str, int]]


class Merged(Entry, tag="merged", array_like=True, frozen=True, gc=False):
    """The visitor `pid` is the customer `cid`, and at `at` (ms) this is known of them.

    `partition` is the visitor's in the events topic, `epoch` their pseudonym's.
    """

    cid: str
    pid: str
    partition: int
    epoch: int
    at: int
    summary: Summary


class Parted(Entry, tag="parted", array_like=True, frozen=True, gc=False):
    """The visitor `pid` is not the customer `cid`, or no longer agrees to be known as such."""

    cid: str
    pid: str


class Example(Entry, tag="example", array_like=True, frozen=True, gc=False):
    """One labelled example for `model`."""

    model: str
    at: int
    features: list[float]
    label: bool


class Rollback(Entry, tag="rollback", array_like=True, frozen=True, gc=False):
    """An operator brings `version` of `model` back."""

    model: str
    version: int


class Offer(Entry, tag="offer", array_like=True, frozen=True, gc=False):
    """A shelf that a model ranked at `at` (ms): what could be chosen, and what the model was told of each.

    `features`: float16, little-endian, a row for each of `item_ids`, which are in the order as shown.
    """

    nonce: bytes
    at: int
    placement: str
    model: str
    version: int
    item_ids: list[str]
    features: bytes


class Outcome(Entry, tag="outcome", array_like=True, frozen=True, gc=False):
    """What a visitor who saw `seen` of the shelf of decision `nonce` did at `at` (ms).

    `click`: took `item_id` from the shelf; `step`: went to `item_id` on another way; `ignored`: neither; `convert`: put
    `item_id`, one of the shelf, into the cart or bought it.
    """

    nonce: bytes
    at: int
    kind: Literal["click", "step", "ignored", "convert"]
    item_id: str
    seen: list[str]


class Claimed(Entry, tag="claimed", array_like=True, frozen=True, gc=False):
    """A visitor of this partition of the events topic asks for one of the `coupons` that an offer may give in all."""

    offer: str
    partition: int
    coupons: int


class BannerOffer(Entry, tag="banner_offer", array_like=True, frozen=True, gc=False):
    """A banner that a slot's policy chose at `at` (ms): the arm, with which probability, and what it knew.

    `context`: float16, little-endian. `goal` says what its reward is. `shadow_policy` would have shown the same arm
    with `shadow_probability`; empty: no other policy was asked.
    """

    nonce: bytes
    at: int
    slot: str
    arm: str
    probability: float
    context: bytes
    goal: Literal["clicks", "conversions"]
    shadow_policy: str
    shadow_probability: float


class BannerOutcome(Entry, tag="banner_outcome", array_like=True, frozen=True, gc=False):
    """What came of the banner of decision `nonce` in its `slot`, at `at` (ms); each kind is told once.

    `convert`: a confirmed purchase within the click window of a banner that was clicked.
    """

    nonce: bytes
    at: int
    slot: str
    kind: Literal["seen", "click", "dismiss", "convert"]


class Searched(Entry, tag="searched", array_like=True, frozen=True, gc=False):
    """A session asked for `query` (normalised) at `at` (ms), the first time; `results` were found, -1: nobody said.

    `mark`: 16 bits of who it was, other ones for each query (`stream.query_text`).
    """

    query: str
    at: int
    mark: int
    results: int


class Listed(Entry, tag="listed", array_like=True, frozen=True, gc=False):
    """Of what `query` found these items were seen, each at its place (from 0)."""

    query: str
    at: int
    mark: int
    items: list[tuple[str, int]]


class Taken(Entry, tag="taken", array_like=True, frozen=True, gc=False):
    """An item that `query` found was clicked, put into the cart or bought.

    `weight`: 1 if it was certainly found by it, less if it only came after it; `place` where it was seen, -1: nobody
    knows. The search was at `asked_at` (ms), and `best` was the best place clicked before, -1: none.
    """

    query: str
    at: int
    mark: int
    item_id: str
    kind: Literal["click", "cart", "purchase"]
    weight: float
    place: int
    asked_at: int
    best: int


CHOICES = "choices"
"""The key by which offers and outcomes find each other, and all models that learn from choices."""

OFFERS = "offers"
"""The key of all claims: one owner counts an offer's coupons."""

BANNERS = "banners"
"""The key by which banners and what came of them find each other, and all slots' bandits."""

PairsEntry = Seen | Followed | Bought
ProfileEntry = Merged | Parted
FeedbackEntry = Example | Rollback | Offer | Outcome | BannerOffer | BannerOutcome | Claimed
QueryEntry = Searched | Listed | Taken

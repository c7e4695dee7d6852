"""Makes the golden event streams, from fixed stories and a fixed seed: ``python -m tests.golden.make``."""

from __future__ import annotations

import json
import random
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from stream.bandits.features import CONTEXT
from stream.choice import packed
from stream.features import CHOICE_FEATURES
from stream.tokens import DecisionToken, decision_id, pseudonym

FOLDER = Path(__file__).parent
EVE = pseudonym(b"golden", "eve")
"""A visitor whose id is a pseudonym, so that a decision can be hers where a pseudonym is the id itself."""
SHELF = ("pan", "pot", "lid", "lamp")
SHELVES = 24
ARMS = ("spring/pans", "spring/lamps")
BANNERS = 4
START_MS = 1_768_467_600_000
"""15 January 2026, 09:00 UTC."""
MINUTE_MS = 60_000
DAY_MIN = 24 * 60
GRANTED = {"analytics": True, "personalization": True, "marketing": False}
Event = dict[str, Any]


class Pen:
    """Writes events down; `minute` is when they happened, `received` when they came, if that is another minute."""

    def __init__(self) -> None:
        self.written: list[tuple[float, Event]] = []

    def write(
        self, minute: float, visitor: str, name: str, *items: str, received: float | None = None, **more: Any
    ) -> Event:
        came = minute if received is None else received
        event = {
            "event_id": f"{visitor}-{sum(e['visitor_id'] == visitor for _, e in self.written):03}",
            "event": name,
            "occurred_at": _ms(minute),
            "received_at": _ms(came),
            "visitor_id": visitor,
            "consent_default": {"analytics": False, "personalization": False},
            **({"items": [{"item_id": item} for item in items]} if items else {}),
            **more,
        }
        self.written.append((came, event))
        return event

    def again(self, minute: float, event: Event) -> None:
        """The same event arrives once more."""
        self.written.append((minute, {**event, "received_at": _ms(minute)}))

    def events(self) -> list[Event]:
        """In the order of their arrival."""
        return [event for _, event in sorted(self.written, key=lambda pair: pair[0])]


def _ms(minute: float) -> int:
    return START_MS + int(minute * MINUTE_MS)


def every_event() -> list[Event]:
    """A dozen shoppers who together send every event of the contract, early, late, twice, with consent or without."""
    pen = Pen()
    _ann(pen)
    _bob(pen)
    _cleo(pen)
    _dan(pen)
    _bot(pen)
    _eve(pen)
    _searchers(pen)
    return pen.events()


def _ann(pen: Pen) -> None:
    """Grants, looks around, buys, and comes back in the afternoon."""
    ann = "ann"
    pen.write(0, ann, "consent_update", consent=GRANTED)
    pen.write(0.1, ann, "page_view", page={"type": "home", "url": "https://shop.example/"})
    pen.write(0.2, ann, "view_item_list", "pan", "pot", "lid", placement="home_for_you", decision_id="made-up-token")
    pen.write(0.5, ann, "select_item", "pan", placement="home_for_you", decision_id="made-up-token")
    viewed = pen.write(0.6, ann, "view_item", "pan", page={"type": "product"})
    pen.again(0.7, viewed)
    pen.write(1.5, ann, "view_item", "pot")
    pen.write(2, ann, "view_item", "pan")
    pen.write(2.5, ann, "add_to_cart", "pan", currency="EUR", value="39.90")
    pen.write(3, ann, "add_to_cart", items=[{"item_id": "lid", "quantity": 2}, {"item_id": "pot"}])
    pen.write(4, ann, "remove_from_cart", items=[{"item_id": "lid", "quantity": 1}])
    pen.write(4.5, ann, "view_cart", page={"type": "cart"})
    pen.write(5, ann, "begin_checkout", "pan", "lid", "pot", cart_id="cart-1")
    pen.write(5.5, ann, "identify", customer_id="customer-7")
    order: list[Event] = [
        {"item_id": "pan", "price": "39.90"},
        {"item_id": "lid", "quantity": 1, "price": 9.5},
        {"item_id": "pot"},
    ]
    pen.write(6, ann, "purchase", items=order, currency="EUR", value="79.40", transaction_id="order-1", coupon="NEW10")
    pen.write(5, ann, "view_item", "lamp", received=20)  # twenty minutes on the way, still of this visit
    pen.write(400, ann, "view_item", "lamp")
    pen.write(401, ann, "search", search_term="desk lamp")
    pen.write(402, ann, "view_item", "desk")
    pen.write(2, ann, "view_item", "pot", received=403)  # of the morning's visit: counts, but steps nowhere
    pen.write(404, ann, "refund", "lid", transaction_id="order-1")


def _bob(pen: Pen) -> None:
    """Has the shop's own session ids, dismisses, wishes, clicks banners, and withdraws in the end."""
    bob = "bob"
    winter = {"promotion_id": "winter/coat", "creative_slot": "hero"}
    pen.write(1, bob, "view_promotion", promotion=winter, consent=GRANTED, session_id="visit-1")
    pen.write(1.2, bob, "select_promotion", promotion=winter, session_id="visit-1")
    pen.write(2, bob, "view_item", "lamp", session_id="visit-1")
    pen.write(3, bob, "view_item", "desk", session_id="visit-1")
    pen.write(4, bob, "dismiss", "chair", session_id="visit-1")
    pen.write(5, bob, "add_to_wishlist", "desk", session_id="visit-1")
    pen.write(50, bob, "view_item", "lamp", session_id="visit-1")
    pen.write(51, bob, "view_item", "chair", session_id="visit-2")
    pen.write(52, bob, "add_to_cart", "desk", session_id="visit-2")
    unconfirmed = {"key": "pk_shop", "signed": False, "purchase_confirmed": False}
    pen.write(53, bob, "purchase", "desk", transaction_id="order-2", session_id="visit-2", edge=unconfirmed)
    pen.write(90, bob, "page_view", consent={"personalization": False})
    pen.write(91, bob, "view_item", "lamp")


def _cleo(pen: Pen) -> None:
    """Says nothing: first the default is yes, later it is no; analytics alone leaves no profile."""
    yes = {"analytics": True, "personalization": True}
    pen.write(10, "cleo", "view_item", "desk", consent_default=yes)
    pen.write(11, "cleo", "view_item", "lamp", consent_default=yes)
    pen.write(12, "cleo", "view_item", "pan")
    pen.write(13, "cleo", "view_item", "pot", consent={"analytics": True, "personalization": False})
    pen.write(14, "cleo", "consent_update", consent={"personalization": True})
    pen.write(15, "cleo", "view_item", "desk")


def _dan(pen: Pen) -> None:
    """What servers write: every control event, around a little shopping; for a minute taken for Ann."""
    pen.write(20, "dan", "view_item", "pan", consent=GRANTED)
    pen.write(21, "dan", "view_item", "desk")
    pen.write(21.5, "dan", "identify", customer_id="customer-7")
    pen.write(22, "dan", "due", kind="abandoned_cart")
    pen.write(23, "dan", "unmerge", customer_id="customer-7")
    pen.write(24, "dan", "reset")
    pen.write(25, "dan", "erase", epoch=1)
    pen.write(26, "dan", "view_item", "pan", consent=GRANTED)  # dropped: only a word of its own grants again
    pen.write(27, "dan", "consent_update", consent=GRANTED)
    pen.write(28, "dan", "view_item", "desk")
    terms = {"offer": "stay", "revision": 3, "coupons": 10, "per_visitor": 1, "code": "STAY5", "says": "5 % off"}
    pen.write(29, "dan", "due", kind="coupon", claim=terms | {"until": _ms(29 + DAY_MIN)})
    pen.write(100 * DAY_MIN, "dan", "view_item", "lamp")  # the profile of January is past its retention


def _bot(pen: Pen) -> None:
    """Two hundred views in a minute."""
    for n in range(200):
        pen.write(60 + n / 250, "bot", "view_item", ("pan", "pot", "lid")[n % 3], consent=GRANTED)


def _eve(pen: Pen) -> None:
    """Takes what a shelf has first in store for her, two dozen times, puts some of it into the cart, and leaves."""
    for n in range(SHELVES):
        minute, token = 600 + n, _token(n)
        pen.write(minute, EVE, "view_item_list", *SHELF, consent=GRANTED, decision_id=token)
        if n % 6 == 5:
            pen.write(minute + 0.2, EVE, "view_item", "elsewhere" if n % 4 else SHELF[1])
        else:
            pen.write(minute + 0.2, EVE, "select_item", SHELF[n % 4], decision_id=token)
            pen.write(minute + 0.3, EVE, "view_item", SHELF[n % 4], decision_id=token)
        if n % 4 == 3:
            pen.write(minute + 0.5, EVE, "add_to_cart", SHELF[n % 4], decision_id=token)
    pen.write(600 + SHELVES, EVE, "view_item_list", *SHELF, decision_id=_token(SHELVES))
    _banners(pen)
    for visitor in ("fay", "gus"):
        pen.write(700, visitor, "page_view", consent=GRANTED)


def _banners(pen: Pen) -> None:
    """Eve sees four banners, of which she clicks two and sends one away; after one of them she buys."""
    for n in range(BANNERS):
        about: Event = {
            "promotion": {"promotion_id": ARMS[n % 2], "creative_slot": "home_top"},
            "decision_id": _banner_token(n),
        }
        pen.write(640 + n, EVE, "view_promotion", consent=GRANTED, **about)
        if n % 2:
            pen.write(640.2 + n, EVE, "select_promotion", **about)
        if n == BANNERS - 1:
            pen.write(650, EVE, "dismiss", **about)
    pen.write(651, EVE, "purchase", "pan", transaction_id="order-10", value="39.90", currency="EUR")


def _banner_token(n: int) -> str:
    at = _ms(640 + n) - 2_000
    return decision_id(b"golden", DecisionToken("home_top", "", at, EVE, 1, 86_400, 3_600, b"banner-%02d" % n))


def banners() -> list[Event]:
    """Records of Eve's banners, and of one that was not shown."""
    context = np.zeros(len(CONTEXT))
    made: list[Event] = []
    for n in range(BANNERS):
        context[:3] = 1.0, n / 4, -n / 4
        banner = {
            "slot": "home_top",
            "arms": list(ARMS),
            "chosen": n % 2,
            "probabilities": [0.25, 0.75],
            "policy": "thompson",
            "version": n,
            "context": b64encode(context.astype("<f2").tobytes()).decode(),
            "shadow": {"policy": "contextual", "version": n, "probabilities": [0.5, 0.5]},
        }
        at = _ms(640 + n) - 2_000
        made.append({"decision_id": _banner_token(n), "decided_at": at, "placement": "home_top", "banner": banner})
    return [*made, made[0] | {"banner": made[0]["banner"] | {"chosen": -1}}]


def _searchers(pen: Pen) -> None:
    """Six look for pans, of whom one has not agreed; another search finds nothing, and one is nobody's business."""
    for n, who in enumerate(("sam", "sue", "sid", "sal", "sol", "say")):
        agreed: Event = {} if who == "say" else {"consent": GRANTED}
        pen.write(800 + n, who, "search", search_term=" Cast-iron  PAN", results=3, **agreed)
        page = {"type": "search"}
        pen.write(800.1 + n, who, "view_item_list", "pot", "pan", "lid", page=page)
        pen.write(800.2 + n, who, "select_item", "pan" if n % 2 else "lid", search_term="cast-iron pan")
        pen.write(800.3 + n, who, "add_to_cart", "pan")
    pen.write(810, "sam", "search", search_term="sofa bed", results=0)
    pen.write(811, "sam", "search", search_term="sam@example.org")
    pen.write(812, "sam", "view_item", "pot")
    pen.write(813, "sam", "purchase", "pan", transaction_id="order-9", value="39.90", currency="EUR")


def _token(n: int) -> str:
    at = _ms(600 + n) - 2_000
    return decision_id(b"golden", DecisionToken("home_for_you", "", at, EVE, 1, 86_400, 3_600, b"shelf-%02d" % n))


def decisions() -> list[Event]:
    """Records of Eve's shelves, of one that no model ranked, and of one that is broken."""
    made: list[Event] = []
    for n in range(SHELVES + 1):
        features = np.zeros((len(SHELF), len(CHOICE_FEATURES)), np.float16)
        features[n % 4, 0], features[:, 1] = 1.5, np.arange(len(SHELF)) / 8
        made.append(
            {
                "decision_id": _token(n),
                "decided_at": _ms(600 + n) - 2_000,
                "placement": "home_for_you",
                "items": [{"item_id": item} for item in SHELF],
                "choices": {"model": "clicks", "version": 0, "features": packed(features)},
            }
        )
    ranked = {key: value for key, value in made[0].items() if key != "choices"}
    return [*made, ranked, {"decision_id": 5}, *banners()]


def catalogue() -> list[tuple[int, str, Event | None]]:
    """Records of the catalogue with their times (ms) and keys: sold, hidden, reduced twice, deleted, and one broken."""
    day = DAY_MIN
    told: list[tuple[float, str, Event | None]] = [
        (0, "item-01", {"title": "Pan", "price": "40.00", "currency": "EUR"}),
        (0, "item-02", {"title": "Pot", "price": 9.5, "currency": "EUR", "published_at": _ms(3 * day)}),
        (1 * day, "item-03", {"price": "7.00"}),
        (10 * day, "item-01", {"quantity": 4}),
        (35 * day, "item-01", {"sale_price": "30.00"}),
        (36 * day, "item-02", {"hidden": True}),
        (37 * day, "item-01", {"sale_price": "25.00"}),
        (36 * day, "item-02", {"hidden": None, "price": "8.00"}),
        (38 * day, "item-01", {"currency": "CHF"}),
        (40 * day, "item-02", None),
    ]
    return [
        (_ms(minute), item_id, None if item is None else {"item_id": item_id, **item}) for minute, item_id, item in told
    ]


def crowd(seed: int = 7, shoppers: int = 25) -> list[Event]:
    """Twenty-five shoppers in three days, with walks that items share: enough for rows, totals and a first model."""
    rng = random.Random(seed)
    pen = Pen()
    for n in range(shoppers):
        visitor = f"shopper-{n:02}"
        for _ in range(rng.choice((1, 1, 2, 3))):
            _visit(pen, rng, visitor, rng.uniform(0, 3 * DAY_MIN))
    return pen.events()


def _visit(pen: Pen, rng: random.Random, visitor: str, minute: float) -> None:
    item = rng.randrange(12)
    keen = rng.random() < 0.4
    for n in range(rng.choice((2, 3, 4, 6, 9))):
        minute += rng.expovariate(1)
        late = rng.expovariate(1 / 5) if rng.random() < 0.1 else 0.0
        event = pen.write(minute, visitor, "view_item", f"item-{item:02}", consent=GRANTED, received=minute + late)
        if rng.random() < 0.05:
            pen.again(minute + late + 1, event)
        if keen and n % 2:
            pen.write(minute + 0.2, visitor, "add_to_cart", f"item-{item:02}")
        item = (item + rng.choice((1, 1, 1, 2, 5))) % 12
    if keen:
        pen.write(minute + 1, visitor, "purchase", f"item-{item:02}", transaction_id=f"{visitor}-{minute:.0f}")


STREAMS = {"every_event": every_event, "crowd": crowd}


def lines(events: list[Event]) -> Iterator[str]:
    """The stream as a file has it."""
    for event in events:
        yield json.dumps(event, separators=(",", ":"), ensure_ascii=False) + "\n"


if __name__ == "__main__":
    for name, stream in STREAMS.items():
        FOLDER.joinpath(f"{name}.jsonl").write_text("".join(lines(stream())), encoding="utf-8")

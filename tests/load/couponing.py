"""What the decision about a coupon takes, in process: ``python -m tests.load.couponing``.

No HTTP and no Redis: purchase intent and `decide` for visitors with five items in the cart, in a shop of 20,000 items;
of all offers only the last is meant for them. Microseconds of wall clock a decision, p50 and p99.
"""

from __future__ import annotations

import time
from random import Random
from typing import Any

import numpy as np

from serving.coupons.decide import Asked, decide
from serving.coupons.offer import Offer, offer
from serving.rules.segment import Shopper
from serving.shop import Shop
from stream.budgets import Budget
from stream.features import intent_features
from stream.published import Published, load_published
from stream.signals import cart, session
from stream.visitor import Visitor
from tests.learners.streams import Agent, visits
from tests.load.deciding import ITEMS, NOW, a_shop

LINES, VISITORS, TURNS = 5, 500, 20
MANY = (1, 20, 200)


def an_offer(n: int, *, meant: bool) -> Offer:
    """One offer; those that are not meant ask all that can be asked, and fail at the last: what the cart is worth."""
    document = {
        "name": f"o{n}",
        "explain": "x",
        "when": {"hours": {"from": "00:00", "until": "24:00"}, "segment": {"visitor": "new", "cart": True}},
        "cart": {} if meant else {"least": "9000", "currency": "EUR", "items": {"price": {"gte": n}}},
        "intent": {"from": 0.0, "until": 1.0},
        "coupon": {"code": "A", "says": "5 % off", "percent": 5},
        "budget": {"coupons": 1_000},
    }
    return offer(document, f"o{n}")


def a_visitor(rng: Random) -> Any:
    visitor = Visitor()
    steps = [session.Step(f"i{rng.randrange(ITEMS)}", "view_item", NOW - 60_000 + n, f"e{n}") for n in range(20)]
    visitor.session = session.State(started_at=NOW - 60_000, last_at=NOW, events=24, steps=steps)
    visitor.session.counts = {"view_item": 15, "add_to_cart": LINES, "page_view": 4}
    for step in steps[:LINES]:
        visitor.cart.items[step.item_id] = cart.Line(1, step.at, step.event_id)
    return visitor


def decided(visitor: Any, pid: str, offers: list[Offer], shop: Shop, model: Published, budgets: Any) -> object:
    running = session.SIGNAL.of(visitor)
    intent = model.predict(intent_features(running, cart.SIGNAL.of(visitor), running.last_at))
    return decide(offers, Asked(Shopper(visitor, False, 0, shop, NOW), pid, 0, intent, budgets))


def main() -> None:
    rng, agent = Random(1), Agent()
    shop, _ = a_shop(rng)
    agent.teach(visits(800, seed=3))
    model = load_published(agent.stored["model:intent"])
    visitors = [(a_visitor(rng), f"pid{n}") for n in range(VISITORS)]
    for many in MANY:
        offers = [an_offer(n, meant=n == many - 1) for n in range(many)]
        budgets = {one.name: Budget(given=3) for one in offers}
        decided(*visitors[0], offers, shop, model, budgets)
        taken = []
        for _ in range(TURNS):
            for visitor, pid in visitors:
                began = time.perf_counter()
                found = decided(visitor, pid, offers, shop, model, budgets)
                taken.append(1e6 * (time.perf_counter() - began))
                assert found is not None
        print(f"{many} offers: p50 {np.quantile(taken, 0.5):.0f} µs, p99 {np.quantile(taken, 0.99):.0f} µs")


if __name__ == "__main__":
    main()

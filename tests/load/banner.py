"""What a banner costs in CPU time beside a shelf of the same visitor: ``python -m tests.load.banner``.

In process and without HTTP, from a request to its ready bytes, record included; state lies in memory. The slot has ten
campaigns of three creatives, all of one priority, with audience, frequency and rest; the visitor has seen each of them.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import numpy as np

from serving.placements import kind
from serving.request import Request
from stream.bandits.features import WIDTH, logged
from stream.bandits.slot import Slot, published
from tests.serving.deployment import SECRET, Deployment, item

SLOT = "home_hero"
CAMPAIGNS, CREATIVES, ITEMS, ASKED, TURNS = 10, 3, 200, 200, 10


def campaigns() -> dict[str, dict[str, Any]]:
    """Those of the slot, by name."""
    return {f"c{n}": document(n) for n in range(CAMPAIGNS)}


def document(n: int) -> dict[str, Any]:
    return {
        "explain": f"Campaign {n}.",
        "slots": [SLOT],
        "when": {"from": "2020-01-01T00:00:00Z"},
        "audience": {"viewed": {"days": 30}},
        "frequency": {"impressions": 10, "hours": 24},
        "rest_after": {"impressions": 10, "days": 3},
        "creatives": [{"name": f"x{one}", "title": "…", "html": "<p>…</p>"} for one in range(CREATIVES)],
    }


async def a_shop() -> Deployment:
    shop = Deployment(banners_a_day=50)
    await shop.stock(*[item(f"i{n}") for n in range(ITEMS)])
    for visitor in range(20):
        await shop.view(f"v{visitor}", *[f"i{(visitor * 7 + n) % ITEMS}" for n in range(8)], settle=False)
    await shop.settle()
    for name, told in campaigns().items():
        await shop._following(shop.call("PUT", f"/v1/admin/campaigns/{name}", told, key=SECRET))
        for one in range(CREATIVES):
            shop.now += 1_000
            about = {"promotion": {"promotion_id": f"{name}/x{one}"}, "items": []}
            await shop.call("POST", "/v1/events", shop.event("view_promotion", "v1", **about))
    await shop.settle()
    return shop


def learnt() -> Slot:
    """The slot after each of its creatives was seen now and then."""
    slot, rng = Slot(), np.random.default_rng(1)
    for n in range(600):
        slot.trial(f"c{n % CAMPAIGNS}/x{n % CREATIVES}", logged(rng.uniform(-1, 1, WIDTH)), n)
    return slot


async def cpu_us(call: Callable[[], Awaitable[object]]) -> float:
    """The least of some turns, a call."""
    found = []
    for _ in range(TURNS):
        began = time.process_time()
        for _ in range(ASKED):
            await call()
        found.append((time.process_time() - began) * 1e6 / ASKED)
    return min(found)


async def main() -> None:
    shop = await a_shop()
    placement, request = shop.config.of(kind()).all["home_for_you"], Request(visitor_id="v1")
    banner = await shop.api.banners.banner(SLOT, request)
    assert banner.decision.candidates == CAMPAIGNS * CREATIVES, banner.reason
    print(f"a shelf: {await cpu_us(lambda: shop.api.shelves.shelf(request, placement)):.0f} µs")
    print(f"a banner, {CAMPAIGNS} campaigns: {await cpu_us(lambda: shop.api.banners.banner(SLOT, request)):.0f} µs")
    shop.api.policies.published[SLOT] = published(SLOT, learnt())
    told = "with what was learnt and a shadow"
    print(f"the same {told}: {await cpu_us(lambda: shop.api.banners.banner(SLOT, request)):.0f} µs")
    print(f"a slot without campaigns: {await cpu_us(lambda: shop.api.banners.banner('nothing', request)):.0f} µs")
    await shop.client.aclose()


if __name__ == "__main__":
    asyncio.run(main())

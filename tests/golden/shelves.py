"""A day in a small shop, and what each shelf held at each moment.

``python -m tests.golden.shelves > tests/golden/shelves.json`` writes what the code says now: read the difference before
you check it in.
"""

from __future__ import annotations

import asyncio
import json
import sys
from random import Random
from typing import Any

from serving.placements import placements
from tests.serving.deployment import DENIED, Deployment, item

CATEGORIES = ("Kitchen > Pans", "Kitchen > Knives", "Garden > Tools")
WORDS = ("iron", "steel", "copper", "small", "large", "folding", "classic", "blue")


async def play() -> list[dict[str, Any]]:
    """The shelves of one visitor, asked for after every step of the story."""
    rng, shop = Random(11), Deployment()
    await shop.stock(
        *[
            item(
                f"i{n}", title=f"{WORDS[n % 8]} {CATEGORIES[n % 3].split(' ')[-1].lower()}", category=CATEGORIES[n % 3]
            )
            for n in range(24)
        ]
    )
    for visitor in range(30):
        at = rng.randrange(24)
        await shop.view(f"v{visitor}", *[f"i{(at + step * rng.choice((3, 3, 6, 1))) % 24}" for step in range(5)])
    story: list[tuple[str, Any]] = [
        ("nobody knows the visitor", None),
        ("one view", shop.view("me", "i3")),
        ("a second one", shop.view("me", "i6")),
        ("into the cart", shop.view("me", "i6", event="add_to_cart")),
        ("not interested in i9", shop.view("me", "i9", event="dismiss")),
        ("i12 is sold out", shop.stock({"item_id": "i12", "quantity": 0})),
        ("bought", shop.view("me", "i6", event="purchase")),
        ("two hours later", _later(shop, 2 * 3_600_000)),
        ("a new visit", shop.view("me", "i4")),
        ("no longer allowed", shop.view("me", "i4", event="consent_update", consent=DENIED)),
    ]
    told = []
    for title, step in story:
        if step is not None:
            await step
        told.append({"after": title, "shelves": {name: await _shelf(shop, name) for name in sorted(placements())}})
    await shop.client.aclose()
    return told


async def _later(shop: Deployment, ms: int) -> None:
    shop.now += ms
    await shop.settle()


async def _shelf(shop: Deployment, placement: str) -> dict[str, Any]:
    page = ["i0"] if placements()[placement].page else []
    shelf = await shop.shelf(placement, "me", item_ids=page, n=6)
    items = [
        " ".join([one["item_id"], one["recommender"], *(f"{r['event']}({r['item_id']})" for r in one["because"])])
        for one in shelf["items"]
    ]
    return {"status": shelf["status"], "items": items}


def text() -> str:
    """The story as it is checked in."""
    return json.dumps(asyncio.run(play()), indent=1) + "\n"


if __name__ == "__main__":
    sys.stdout.write(text())

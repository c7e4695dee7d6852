"""A deployment with a small shop in it, searched by HTTP."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

from tests.serving.deployment import Deployment


async def stocked(*items: dict[str, Any]) -> Deployment:
    """A deployment with these items, all of them in the index."""
    shop = Deployment()
    await shop.stock(*items)
    await shop.settle()
    return shop


async def searched(shop: Deployment, query: str, *, status: int = 200, **more: Any) -> dict[str, Any]:
    """The answer to a search; `filter` is an object."""
    asked = {"q": query, **{name: _text(value) for name, value in more.items() if value is not None}}
    answer = await shop.call("GET", f"/v1/search?{urlencode(asked)}")
    assert answer.status_code == status, answer.text
    told: dict[str, Any] = answer.json()
    return told


def found(answer: dict[str, Any]) -> list[str]:
    """The ids of what is shown, what only fills the page left out."""
    return [one["item_id"] for one in answer["items"] if one["step"] not in {"fewer_words", "best_sellers", "for_you"}]


def _text(value: Any) -> str:
    return json.dumps(value) if isinstance(value, dict | bool) else str(value)

"""A campaign is over once all visitors together have had what its budget lets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jsonschema_rs
import pytest

from serving.banners.campaign import Campaign, campaign
from serving.banners.spent import exhausted, had
from tests.serving.deployment import SECRET, Deployment
from tests.serving.test_banners import banner, seen, tell
from tests.serving.test_campaigns_as_data import PANS, STEW, put

Validator = Callable[[str], jsonschema_rs.Draft202012Validator]

COUNTS: dict[str, dict[str, tuple[int, int, int, int]]] = {
    "hero": {"a/x": (60, 3, 0, 0), "a/gone": (40, 1, 0, 0), "aa/x": (1_000, 100, 0, 0)},
    "footer": {"a/x": (20, 1, 0, 0)},
    "elsewhere": {"a/x": (500, 50, 0, 0)},
}


def counts(slot: str) -> Mapping[str, tuple[int, int, int, int]]:
    return COUNTS.get(slot, {})


def with_budget(**budget: int) -> Campaign:
    document: dict[str, Any] = {"name": "a", "explain": "…", "creatives": [{"name": "x", "title": "…"}]}
    return campaign({**document, "slots": ["hero", "footer", "new"], **({"budget": budget} if budget else {})}, "a")


def test_all_its_slots_and_creatives_count_and_no_other_campaigns() -> None:
    assert had(with_budget(), counts) == (120, 5)


@pytest.mark.parametrize(
    ("budget", "over"),
    [
        ({}, False),
        ({"impressions": 121}, False),
        ({"impressions": 120}, True),
        ({"clicks": 6}, False),
        ({"clicks": 5}, True),
        ({"impressions": 1_000, "clicks": 5}, True),
        ({"impressions": 120, "clicks": 1_000}, True),
        ({"impressions": 1_000, "clicks": 1_000}, False),
    ],
)
def test_either_end_is_the_end(budget: dict[str, int], over: bool) -> None:
    assert exhausted(with_budget(**budget), counts) is over


async def test_a_campaign_is_over_for_everybody_once_its_budget_is(shop: Deployment, validator: Validator) -> None:
    document = {**PANS, "creatives": [{**STEW, "default": True}], "slots": ["one", "two"], "budget": {"clicks": 2}}
    await put(shop, "pans", document)
    await shop.view("v", "i0")
    for slot in ("one", "two"):
        assert (await banner(shop, "v", slot))["reason"] is None
        await tell(shop, "select_promotion", "v", await seen(shop, "v", slot))
        await shop.api.policies.refresh()
    for visitor_id in ("v", "w", None):
        shown = await banner(shop, visitor_id, "one")
        validator("banner").validate(shown)
        assert (shown["banner"], shown["reason"]) == (None, "spent")
    ask = {"slot": "one", "visitor_id": "v"}
    told = (await shop.call("POST", "/v1/admin/campaigns/preview", ask, key=SECRET)).json()
    assert told["without"]["notes"] == ["`pans` has had all of its budget."]
    await put(shop, "pans", {**document, "budget": {"clicks": 3}})
    assert (await banner(shop, "v", "one"))["banner"] is not None

"""From a banner to its slot's policy: what is seen, clicked and bought is learnt, and what is learnt chooses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jsonschema_rs
import pytest

from serving.banners.learnt import ENOUGH
from stream.bandits.slot import Slot, published
from tests.serving.deployment import SECRET, Deployment
from tests.serving.test_banners import DAY_MS, TWO, banner, seen, tell
from tests.serving.test_campaigns_as_data import put

Validator = Callable[[str], jsonschema_rs.Draft202012Validator]


@pytest.fixture
async def known(shop: Deployment) -> Deployment:
    await put(shop, "pans", TWO)
    await shop.view("v", "i0")
    return shop


async def counts(shop: Deployment) -> dict[str, tuple[int, ...]]:
    await shop.api.policies.refresh()
    return dict(shop.api.policies.counts("home_hero"))


async def test_what_comes_of_a_banner_is_known_where_it_is_chosen(known: Deployment) -> None:
    shown = await seen(known, "v")
    arm = shown["banner"]["promotion"]["promotion_id"]
    assert await counts(known) == {arm: (1, 0, 0, 0)}
    await tell(known, "select_promotion", "v", shown)
    await tell(known, "select_promotion", "v", shown)
    assert await counts(known) == {arm: (1, 1, 0, 0)}
    await known.view("v", "i0", event="purchase", transaction_id="t1", key=SECRET)
    assert await counts(known) == {arm: (1, 1, 0, 1)}
    assert (await banner(known, "v"))["status"] == "ok"
    assert known.broker.values("decisions")[-1]["banner"]["policy"] == "thompson"


async def test_an_order_days_after_the_click_still_counts(known: Deployment) -> None:
    shown = await seen(known, "v")
    await tell(known, "select_promotion", "v", shown)
    known.now += 6 * DAY_MS
    await known.view("v", "i0", event="purchase", transaction_id="t1", key=SECRET)
    assert list((await counts(known)).values()) == [(1, 1, 0, 1)]


async def test_another_visitors_banner_teaches_nothing(known: Deployment) -> None:
    shown = await banner(known, "v")
    await known.view("w", "i0")
    await tell(known, "select_promotion", "w", shown)
    assert await counts(known) == {}


@pytest.mark.parametrize(
    ("policy", "chooses", "beside"),
    [("shadow", "thompson", "contextual"), ("uniform,home_hero=live", "contextual", "thompson")],
)
async def test_the_mode_of_the_slot_says_who_chooses_and_both_are_on_record(
    validator: Validator, policy: str, chooses: str, beside: str
) -> None:
    shop = Deployment(banner_policy=policy)
    await put(shop, "pans", TWO)
    await shop.view("v", "i0")
    await banner(shop, "v")
    told: Any = shop.broker.values("decisions")[-1]["banner"]
    assert (told["policy"], told["shadow"]) == ("uniform", None)
    shop.api.policies.published["home_hero"] = published("home_hero", Slot(views=ENOUGH, learnt=ENOUGH + 9))
    await banner(shop, "v")
    record = shop.broker.values("decisions")[-1]
    validator("decision_record").validate(record)
    told = record["banner"]
    assert (told["policy"], told["version"]) == (chooses, ENOUGH + 9)
    assert (told["shadow"]["policy"], told["shadow"]["version"]) == (beside, ENOUGH + 9)
    for shares in (told["probabilities"], told["shadow"]["probabilities"]):
        assert sum(shares) == pytest.approx(1.0)
        assert min(shares) >= shop.settings.banner_least_share
    answer = await shop.call(
        "POST", "/v1/admin/campaigns/preview", {"slot": "home_hero", "visitor_id": "v"}, key=SECRET
    )
    assert [arm["probability"] for arm in answer.json()["without"]["arms"]] == told["probabilities"]
    await shop.client.aclose()

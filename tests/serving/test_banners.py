"""A slot's banner over HTTP: who sees what, what is on record, and what is spared."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import jsonschema_rs
import numpy as np
import pytest

from serving.banners.standing import REASONS, Reason
from serving.sentences import of_record
from stream.bandits.features import CONTEXT
from tests.serving.deployment import DENIED, SECRET, Deployment, item
from tests.serving.test_campaigns_as_data import PANS, STEW, put

Validator = Callable[[str], jsonschema_rs.Draft202012Validator]
HOUR_MS, DAY_MS = 3_600_000, 86_400_000
TWO = {**PANS, "creatives": [STEW, {"name": "plain", "text": "Pans.", "default": True}]}


async def banner(shop: Deployment, visitor_id: str | None = None, slot: str = "home_hero", **more: Any) -> Any:
    named = {} if visitor_id is None else {"visitor_id": visitor_id}
    answer = await shop.call("GET", f"/v1/banners/{slot}", params={**named, **more})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def tell(shop: Deployment, name: str, visitor_id: str, shown: dict[str, Any], **more: Any) -> None:
    """What happened to a banner."""
    shop.now += 1_000
    about = {"promotion": shown["banner"]["promotion"], "decision_id": shown["decision_id"], "items": []}
    made = shop.event(name, visitor_id, **{**about, **more})
    answer = await shop.call("POST", "/v1/events", made)
    assert answer.json()["verdicts"][0]["status"] == "accepted", answer.text
    await shop.settle()


async def seen(shop: Deployment, visitor_id: str, slot: str = "home_hero") -> Any:
    """Ask for a banner, and see it if there is one."""
    shown = await banner(shop, visitor_id, slot)
    if shown["banner"] is not None:
        await tell(shop, "view_promotion", visitor_id, shown)
    return shown


@pytest.fixture
async def known(shop: Deployment) -> Deployment:
    """A visitor `v` who agreed, and the campaign `pans` with two creatives."""
    await put(shop, "pans", TWO)
    await shop.view("v", "i0")
    return shop


async def test_a_visitor_gets_one_creative_and_it_is_on_record(known: Deployment, validator: Validator) -> None:
    shown = await banner(known, "v")
    validator("banner").validate(shown)
    assert (shown["status"], shown["rung"], shown["reason"], shown["placement"]) == ("ok", "live", None, "home_hero")
    (record,) = known.broker.values("decisions")
    validator("decision_record").validate(record)
    noted = record["banner"]
    assert record["decision_id"] == shown["decision_id"]
    assert noted["arms"] == ["pans/stew", "pans/plain"]
    assert noted["arms"][noted["chosen"]] == shown["banner"]["promotion"]["promotion_id"]
    assert (noted["probabilities"], noted["policy"], noted["version"]) == ([0.5, 0.5], "uniform", 0)
    context = dict(zip(CONTEXT, np.frombuffer(base64.b64decode(noted["context"]), "<f2").tolist(), strict=True))
    assert (context["bias"], context["returning"], noted["shadow"]) == (1.0, 0.0, None)
    assert noted["goal"] == "clicks"


async def test_as_long_as_nothing_happens_the_banner_stays(known: Deployment) -> None:
    assert len({(await banner(known, "v"))["banner"]["creative"] for _ in range(5)}) == 1
    shown = set()
    for n in range(12):
        await known.view("v", f"i{n}")
        shown.add((await banner(known, "v"))["banner"]["creative"])
    assert shown == {"stew", "plain"}


@pytest.mark.parametrize(
    "ask", [{"visitor_id": "no"}, {"visitor_id": "never_seen"}, {"visitor_id": "v", "profiling": "off"}]
)
async def test_of_whom_nothing_may_be_known_gets_the_default_and_no_record(
    known: Deployment, validator: Validator, ask: dict[str, str]
) -> None:
    await known.view("no", "i0", consent=DENIED)
    shown = await banner(known, **ask)
    validator("banner").validate(shown)
    assert (shown["status"], shown["banner"]["creative"]) == ("no_consent", "plain")
    assert known.broker.values("decisions") == []
    await put(known, "pans", PANS)
    shown = await banner(known, **ask)
    assert (shown["status"], shown["banner"], shown["reason"]) == ("no_consent", None, "not_known")


async def test_an_objection_to_profiling_counts(known: Deployment) -> None:
    answer = await known.call("GET", "/v1/banners/home_hero?visitor_id=v", headers={"sec-gpc": "1"})
    assert (answer.json()["status"], answer.json()["banner"]["creative"]) == ("no_consent", "plain")


async def test_nobody_gets_the_default(known: Deployment, validator: Validator) -> None:
    shown = await banner(known)
    assert (shown["status"], shown["banner"]["creative"]) == ("fallback", "plain")
    assert (await banner(known, slot="elsewhere"))["reason"] == "no_campaign"
    assert known.broker.values("decisions") == []


async def test_while_redis_is_away_the_default_is_shown(known: Deployment, validator: Validator) -> None:
    known.redis.away = True
    shown = await banner(known, "v")
    validator("banner").validate(shown)
    assert (shown["status"], shown["rung"], shown["banner"]["creative"]) == ("degraded", "local", "plain")
    await put(known, "pans", PANS)
    shown = await banner(known, "v")
    assert (shown["status"], shown["rung"], shown["reason"]) == ("degraded", "empty", "not_known")


async def test_a_visitor_is_read_once(known: Deployment) -> None:
    before = known.redis.calls
    await banner(known, "v")
    assert known.redis.calls == before + 1


async def test_what_an_accepted_event_changed_is_known_at_once(known: Deployment) -> None:
    (verdict,) = await known.view("v", "i1", settle=False)
    task = banner(known, "v", min_fresh=verdict["fresh_token"])
    await known.settle()
    assert (await task)["fresh_to"]["met"] is True


async def test_the_higher_priority_goes_first_and_an_audience_decides(known: Deployment) -> None:
    await put(known, "carts", {**PANS, "priority": 5, "audience": {"cart": True}})
    assert (await banner(known, "v"))["banner"]["campaign"] == "pans"
    await known.stock(item("i9"))
    await known.view("v", "i9", event="add_to_cart")
    assert (await banner(known, "v"))["banner"]["campaign"] == "carts"


async def test_what_was_dismissed_stays_away(known: Deployment) -> None:
    shown = await seen(known, "v")
    await tell(known, "dismiss", "v", shown)
    known.now += 60 * DAY_MS
    await known.view("v", "i1")
    shown = await banner(known, "v")
    assert (shown["status"], shown["banner"], shown["reason"]) == ("ok", None, "dismissed")


async def test_a_campaign_comes_no_more_often_than_it_may_in_any_slot(known: Deployment) -> None:
    document = {**TWO, "slots": ["home_hero", "footer"], "frequency": {"impressions": 2, "hours": 24}}
    await put(known, "pans", document)
    told = [(await seen(known, "v", slot))["reason"] for slot in ("home_hero", "footer", "home_hero", "footer")]
    assert told == [None, None, "capped", "capped"]
    known.now += DAY_MS
    assert (await banner(known, "v"))["banner"] is not None


async def test_an_impression_counts_once_for_a_decision(known: Deployment) -> None:
    await put(known, "pans", {**TWO, "frequency": {"impressions": 2, "hours": 24}})
    shown = await seen(known, "v")
    await tell(known, "view_promotion", "v", shown)
    assert (await banner(known, "v"))["banner"] is not None


async def test_what_is_ignored_rests_and_comes_back(known: Deployment) -> None:
    await put(known, "pans", {**PANS, "rest_after": {"impressions": 2, "days": 3}})
    assert [(await seen(known, "v"))["reason"] for _ in range(3)] == [None, None, "resting"]
    known.now += 3 * DAY_MS
    assert [(await seen(known, "v"))["reason"] for _ in range(3)] == [None, None, "resting"]


async def test_a_click_is_no_ignoring(known: Deployment) -> None:
    await put(known, "pans", {**PANS, "rest_after": {"impressions": 2, "days": 3}})
    await seen(known, "v")
    await tell(known, "select_promotion", "v", await seen(known, "v"))
    assert [(await seen(known, "v"))["reason"] for _ in range(3)] == [None, None, "resting"]


async def test_all_slots_share_one_cap() -> None:
    shop = Deployment(banners_a_day=3)
    for slot in ("one", "two"):
        await put(shop, slot, {**PANS, "slots": [slot]})
    await shop.view("v", "i0")
    told = [(await seen(shop, "v", slot))["reason"] for slot in ("one", "two", "one", "two", "one")]
    assert told == [None, None, None, "daily_cap", "daily_cap"]
    preview = await shop.call("POST", "/v1/admin/campaigns/preview", {"slot": "one", "visitor_id": "v"}, key=SECRET)
    assert preview.json()["without"]["notes"] == [
        "This visitor has seen 3 banners within 24 hours, as many as anybody is shown."
    ]
    await shop.client.aclose()


async def test_another_systems_promotions_count_nothing(known: Deployment) -> None:
    await put(known, "pans", {**TWO, "frequency": {"impressions": 1, "hours": 24}})
    for name in ("pans", "Pans/Stew", "pans/stew/x", "summer sale"):
        about = {"promotion": {"promotion_id": name}, "items": []}
        await known.call("POST", "/v1/events", known.event("view_promotion", "v", **about))
        known.now += 1_000
    await known.settle()
    assert (await banner(known, "v"))["banner"] is not None


async def test_the_export_tells_what_was_seen(known: Deployment, validator: Validator) -> None:
    shown = await seen(known, "v")
    answer = await known.call("GET", "/v1/visitors/v/export", key=SECRET)
    assert answer.status_code == 200
    validator("export").validate(answer.json())
    assert shown["banner"]["promotion"]["promotion_id"] in answer.text.split('"banners"')[1]


async def test_a_decision_says_why(known: Deployment, validator: Validator) -> None:
    shown = await seen(known, "v")
    answer = await known.call("GET", f"/v1/decisions/{shown['decision_id']}?recompute=true", key=SECRET)
    validator("explanation").validate(answer.json())
    assert (
        answer.json()["says"] == "You saw this banner because it was drawn, by 50 %, from 2 that the shop shows here."
    )
    await tell(known, "dismiss", "v", shown)
    none = await banner(known, "v")
    answer = await known.call("GET", f"/v1/decisions/{none['decision_id']}", key=SECRET)
    assert answer.json()["says"] == "No banner was shown: you sent the one of this place away."


@pytest.mark.parametrize("reason", REASONS)
def test_each_reason_has_its_sentence(reason: Reason) -> None:
    noted: dict[str, Any] = {"chosen": -1, "reason": reason, "arms": [], "probabilities": []}
    assert of_record({"kind": "banner", "banner": noted, "items": []}).startswith("No banner was shown: ")


@pytest.mark.parametrize("slot", ["Home", "a-b", "1a", "x" * 65])
async def test_a_name_that_no_slot_can_have_is_not_found(shop: Deployment, slot: str) -> None:
    answer = await shop.call("GET", f"/v1/banners/{slot}")
    assert answer.status_code == 404
    assert "small letters" in answer.json()["detail"]


async def test_what_pages_make_up_is_no_label_of_a_metric(known: Deployment) -> None:
    await banner(known, "v", slot="made_up_by_a_page")
    assert "made_up_by_a_page" not in (await known.call("GET", "/metrics", key=SECRET)).text

"""Rules on a shelf: what each kind does, whom it is for, and that none shows what must not be shown."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import jsonschema_rs
import pytest

from tests.serving.deployment import DENIED, SECRET, Deployment, ids, item

PATH = "/v1/admin/rules/"
ITEMS = 12
Rule = dict[str, Any]
Validator = Callable[[str], jsonschema_rs.Draft202012Validator]


@pytest.fixture
async def busy(shop: Deployment) -> Deployment:
    """Twelve items of three brands; the lower its number, the more popular an item is."""
    await shop.stock(
        *[
            item(f"i{n}", brand="ABC"[n % 3], price=f"{n + 1}.00", cost="3.00", category=f"C > {'x' if n < 6 else 'y'}")
            for n in range(ITEMS)
        ]
    )
    for n in range(ITEMS):
        for visitor in range(ITEMS - n):
            await shop.view(f"v{visitor}", f"i{n}", settle=False)
    await shop.settle()
    await shop.place("trending", explain="What sells.", recommenders=["popular"])
    return shop


async def put(shop: Deployment, name: str, then: Any, **more: Any) -> Any:
    document = {"explain": f"What {name} is for.", "then": then, **more}
    answer = await shop._following(shop.call("PUT", PATH + name, document, key=SECRET))
    assert answer.status_code == 200, answer.text
    return answer.json()


def touched(shelf: dict[str, Any]) -> dict[str, list[str]]:
    return {one["item_id"]: one["rules"] for one in shelf["items"] if one["rules"]}


async def test_never_takes_items_away_and_only_leaves_nothing_else(busy: Deployment) -> None:
    await put(busy, "no_b", {"filter": "never"}, **{"if": {"brand": "B"}})
    assert ids(await busy.shelf("trending", n=4)) == ["i0", "i2", "i3", "i5"]
    await put(busy, "only_c", {"filter": "only"}, **{"if": {"brand": ["B", "C"]}})
    assert ids(await busy.shelf("trending")) == ["i2", "i5", "i8", "i11"]
    assert ids(await busy.shelf("trending", filter={"price": {"lt": "5"}})) == ["i2"]


async def test_a_boost_lifts_and_says_so_and_a_bury_lowers(busy: Deployment) -> None:
    plain = ids(await busy.shelf("trending", n=6))
    await put(busy, "dear", {"boost": 10}, **{"if": {"item_id": "i5"}})
    await put(busy, "late", {"bury": 10}, **{"if": {"item_id": "i0"}})
    shelf = await busy.shelf("trending", n=6)
    assert plain[0] == "i0"
    assert ids(shelf)[0] == "i5"
    assert "i0" not in ids(shelf)
    assert touched(shelf) == {"i5": ["dear"]}
    scores = [one["score"] for one in shelf["items"]]
    assert scores == sorted(scores, reverse=True)


async def test_a_boost_reaches_further_than_the_shelf_is_long(busy: Deployment) -> None:
    await put(busy, "last", {"boost": 10}, **{"if": {"item_id": "i6"}})
    assert ids(await busy.shelf("trending", n=2))[0] == "i6"


async def test_pins_stand_where_they_are_put(busy: Deployment) -> None:
    pins = [{"item_id": "i9", "position": 0}, {"item_id": "i11", "position": 2}, {"item_id": "i10", "position": 50}]
    await put(busy, "season", {"pin": pins})
    shelf = await busy.shelf("trending", n=4)
    assert ids(shelf) == ["i9", "i0", "i11", "i1"]
    assert touched(shelf) == {"i9": ["season"], "i11": ["season"]}
    assert [one["recommender"] for one in shelf["items"]] == ["pinned", "popular", "pinned", "popular"]
    assert len(set(ids(await busy.shelf("trending", n=12)))) == 12


async def test_the_higher_priority_has_the_place_and_the_other_the_next(busy: Deployment) -> None:
    await put(busy, "a", {"pin": [{"item_id": "i8", "position": 1}]})
    await put(busy, "b", {"pin": [{"item_id": "i9", "position": 1}]}, priority=1)
    await put(busy, "c", {"pin": [{"item_id": "i8", "position": 0}]})
    shelf = await busy.shelf("trending", n=4)
    assert ids(shelf) == ["i0", "i9", "i8", "i1"]
    assert touched(shelf) == {"i9": ["b"], "i8": ["a"]}


async def test_a_cap_holds_for_the_shelf_and_its_fill_and_pins_count(busy: Deployment) -> None:
    await put(busy, "mixed", {"cap": {"by": "brand", "most": 1}})
    assert ids(await busy.shelf("trending", n=9)) == ["i0", "i1", "i2"]
    await put(busy, "first", {"pin": [{"item_id": "i3", "position": 0}, {"item_id": "i6", "position": 1}]})
    assert ids(await busy.shelf("trending", n=9)) == ["i3", "i6", "i1", "i2"]
    fallback = await busy.shelf("home_for_you", n=9)
    assert (fallback["status"], ids(fallback)) == ("fallback", ["i3", "i6", "i1", "i2"])


async def test_a_cap_with_a_condition_counts_only_what_meets_it(busy: Deployment) -> None:
    await put(busy, "few_x", {"cap": {"by": "category", "most": 2}}, **{"if": {"category": "C > x"}})
    assert ids(await busy.shelf("trending", n=12)) == ["i0", "i1", "i6", "i7", "i8", "i9", "i10", "i11"]


async def test_what_must_not_be_shown_is_not_pinned_either(busy: Deployment) -> None:
    await put(busy, "all", {"pin": [{"item_id": f"i{n}", "position": n} for n in range(8)] + [
        {"item_id": "nowhere", "position": 8}]})  # fmt: skip
    await busy.view("me", "i1", event="add_to_cart")
    await busy.view("me", "i2", event="purchase", transaction_id="t")
    await busy.view("me", "i3", event="dismiss")
    await busy.stock({"item_id": "i0", "quantity": 0}, {"item_id": "i5", "hidden": True})
    shelf = await busy.shelf("trending", "me", exclude=["i4"], item_ids=["i6"], explain=True)
    assert not {"i0", "i1", "i2", "i3", "i4", "i5", "i6", "nowhere"} & set(ids(shelf))
    assert touched(shelf) == {"i7": ["all"]}
    refused = {one["item_id"]: one["refused"] for one in shelf["explain"]["candidates"]}
    assert refused["i0"] == refused["i5"] == refused["nowhere"] == "not_sold_now"
    assert (refused["i1"], refused["i2"], refused["i3"]) == ("in_cart", "bought", "dismissed")


async def test_a_pin_meets_its_condition_or_is_not_there(busy: Deployment) -> None:
    await put(busy, "sale", {"pin": [{"item_id": "i9", "position": 0}]}, **{"if": {"on_sale": True}})
    assert ids(await busy.shelf("trending", n=1)) == ["i0"]
    await busy.stock({"item_id": "i9", "sale_price": "1.00"})
    assert ids(await busy.shelf("trending", n=1)) == ["i9"]


async def test_pins_do_not_fill_a_shelf_that_hides_without_evidence(busy: Deployment) -> None:
    await put(busy, "first", {"pin": [{"item_id": "i9", "position": 0}]})
    shelf = await busy.shelf("recently_viewed", "stranger")
    assert (shelf["items"], ids(await busy.shelf("trending", n=1))) == ([], ["i9"])


async def test_a_shelf_of_pins_alone_is_as_evident_as_without_them(busy: Deployment) -> None:
    await put(busy, "first", {"pin": [{"item_id": "i9", "position": 0}]})
    await busy.view("me", "i4")
    shelf = await busy.shelf("recently_viewed", "me", n=1)
    assert (shelf["status"], ids(shelf)) == ("ok", ["i9"])


async def test_a_variant_of_a_pinned_item_gives_way(busy: Deployment) -> None:
    await busy.stock({"item_id": "i0", "item_group_id": "g"}, {"item_id": "i9", "item_group_id": "g"})
    await put(busy, "first", {"pin": [{"item_id": "i9", "position": 1}]})
    assert ids(await busy.shelf("trending", n=2)) == ["i1", "i9"]


async def test_a_page_shows_a_pinned_item_once(busy: Deployment) -> None:
    await put(busy, "first", {"pin": [{"item_id": "i9", "position": 0}]})
    body = {"placements": [{"placement": "trending", "n": 2}, {"placement": "home_for_you", "n": 2}]}
    shelves = (await busy.call("POST", "/v1/page", body)).json()["shelves"]
    assert [ids(one) for one in shelves] == [["i9", "i0"], ["i1", "i2"]]


async def test_live_prices_decide(busy: Deployment) -> None:
    await put(busy, "no_losses", {"filter": "never"}, **{"if": {"margin": {"lt": 0}}})
    assert not {"i0", "i1"} & set(ids(await busy.shelf("trending")))
    await busy.stock({"item_id": "i0", "price": "4.00"}, {"item_id": "i9", "cost": "50"})
    shown = ids(await busy.shelf("trending"))
    assert "i0" in shown
    assert "i9" not in shown
    await put(busy, "earns", {"boost": 10}, **{"if": {"margin_percent": {"gte": 72}}})
    assert ids(await busy.shelf("trending", n=1)) == ["i10"]


# where, when, for whom


async def test_a_rule_holds_where_it_says_and_while_it_is_on(busy: Deployment) -> None:
    then: Rule = {"then": {"filter": "never"}, "if": {"item_id": "i0"}}
    await put(busy, "no_0", **then, placements=["home_for_you"])
    assert "i0" in ids(await busy.shelf("trending"))
    assert "i0" not in ids(await busy.shelf("home_for_you"))
    await put(busy, "no_0", **then, enabled=False)
    assert "i0" in ids(await busy.shelf("home_for_you"))
    await put(busy, "no_0", **then)
    assert "i0" not in ids(await busy.shelf("trending"))
    await busy._following(busy.call("DELETE", PATH + "no_0", key=SECRET))
    assert "i0" in ids(await busy.shelf("trending"))


async def test_a_rule_begins_and_ends_by_itself(busy: Deployment) -> None:
    second = int(busy.now) // 1000 + 10
    when = {"from": instant(second), "until": instant(second + 5)}
    await put(busy, "flash", {"pin": [{"item_id": "i9", "position": 0}]}, when=when)
    first = []
    for now in (second - 1, second, second + 4, second + 5):
        busy.now = now * 1000.0
        first.append(ids(await busy.shelf("trending", n=1))[0])
    assert first == ["i0", "i9", "i9", "i0"]


def instant(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


SEGMENTS: dict[str, tuple[Rule, bool]] = {
    "returning": ({"visitor": "returning"}, False),
    "new": ({"visitor": "new"}, True),
    "cart": ({"cart": True}, True),
    "no cart": ({"cart": False}, False),
    "customer": ({"customer": True}, False),
    "viewed": ({"viewed": {"days": 1}}, True),
    "viewed a brand": ({"viewed": {"days": 1, "if": {"brand": "B"}}}, True),
    "viewed another brand": ({"viewed": {"days": 1, "if": {"brand": "C"}}}, False),
    "bought": ({"bought": {"days": 90}}, False),
    "not": ({"not": {"bought": {"days": 90}}}, True),
    "any": ({"any": [{"customer": True}, {"cart": True}]}, True),
    "all": ({"all": [{"customer": True}, {"cart": True}]}, False),
    "half the visit": ({"visit": {"share": 0.5, "if": {"item_id": "i4"}}}, True),
    "all of the visit": ({"visit": {"share": 1, "if": {"item_id": "i4"}}}, False),
    "device": ({"device": "Mobile"}, True),
    "one of devices": ({"device": ["tablet", "mobile"]}, True),
    "another device": ({"device": "desktop"}, False),
    "not on a device": ({"not": {"device": "desktop"}}, True),
    "language": ({"locale": "DE"}, True),
    "language of a region": ({"locale": ["fr", "de_at"]}, True),
    "another region": ({"locale": "de-CH"}, False),
    "half a word": ({"locale": "d"}, False),
    "several": ({"visitor": "new", "cart": True, "viewed": {"days": 2}}, True),
}


@pytest.mark.parametrize("name", SEGMENTS)
async def test_a_rule_is_for_its_segment_and_never_for_who_did_not_agree(busy: Deployment, name: str) -> None:
    segment, holds = SEGMENTS[name]
    await busy.view("me", "i4", context={"device": "mobile", "locale": "de-AT"})
    await busy.view("me", "i7", event="add_to_cart", context={"device": "rack", "locale": "en", "channel": "server"})
    await put(busy, "first", {"pin": [{"item_id": "i9", "position": 0}]}, when={"segment": segment})
    assert (ids(await busy.shelf("trending", "me", n=1)) == ["i9"]) is holds
    for asked in ({}, {"visitor_id": "stranger"}, {"visitor_id": "me", "profiling": "off"}):
        assert ids(await busy.shelf("trending", n=1, **asked)) == ["i0"]
    await busy.view("me", "i4", event="consent_update", consent=DENIED)
    assert ids(await busy.shelf("trending", "me", n=1)) == ["i0"]


async def test_days_and_visits_pass(busy: Deployment) -> None:
    lately = {"segment": {"viewed": {"days": 2, "if": {"brand": "B"}}}}
    await put(busy, "lately", {"pin": [{"item_id": "i9", "position": 0}]}, when=lately)
    await put(busy, "again", {"pin": [{"item_id": "i8", "position": 1}]}, when={"segment": {"visitor": "returning"}})
    await busy.view("me", "i4")
    assert ids(await busy.shelf("trending", "me", n=2)) == ["i9", "i0"]
    busy.now += 3_600_000
    assert ids(await busy.shelf("trending", "me", n=2)) == ["i9", "i8"]
    await busy.view("me", "i5")
    assert ids(await busy.shelf("trending", "me", n=2)) == ["i9", "i8"]
    busy.now += 2 * 86_400_000
    assert ids(await busy.shelf("trending", "me", n=2)) == ["i0", "i8"]


async def test_the_newest_word_of_a_device_holds_and_a_visit_ends(busy: Deployment) -> None:
    await put(busy, "phones", {"pin": [{"item_id": "i9", "position": 0}]}, when={"segment": {"device": "mobile"}})
    visit = {"visit": {"share": 0.5, "if": {"item_id": "i4"}}}
    await put(busy, "visits", {"pin": [{"item_id": "i8", "position": 1}]}, when={"segment": visit})
    await busy.view("me", "i4", context={"device": "desktop"})
    assert ids(await busy.shelf("trending", "me", n=2)) == ["i0", "i8"]
    await busy.view("me", "i4", context={"device": "mobile"})
    await busy.view("me", "i4")
    assert ids(await busy.shelf("trending", "me", n=2)) == ["i9", "i8"]
    busy.now += 3_600_000
    assert ids(await busy.shelf("trending", "me", n=2)) == ["i9", "i0"]


async def test_a_customer_who_is_logged_in(busy: Deployment) -> None:
    await put(busy, "club", {"pin": [{"item_id": "i9", "position": 0}]}, when={"segment": {"customer": True}})
    await busy.view("me", "i4", customer_id="anna", key=SECRET)
    assert ids(await busy.shelf("trending", "me", n=1)) == ["i9"]


# what is on record


async def test_the_record_and_the_explanation_name_the_rules(busy: Deployment, validator: Validator) -> None:
    await put(busy, "first", {"pin": [{"item_id": "i9", "position": 0}]})
    await put(busy, "no_0", {"filter": "never"}, **{"if": {"item_id": "i0"}})
    await busy.view("me", "i1")
    shelf = await busy.shelf("trending", "me", n=2, explain=True)
    record = busy.broker.values("decisions")[-1]
    validator("decision_record").validate(record)
    validator("shelf").validate(shelf)
    assert record["rules"] == ["first", "no_0"]
    assert [one["rules"] for one in record["items"]] == [["first"], []]
    assert shelf["explain"]["rules"] == {"first": "What first is for.", "no_0": "What no_0 is for."}
    told = (await busy.call("GET", f"/v1/decisions/{shelf['decision_id']}", key=SECRET)).json()
    validator("explanation").validate(told)
    assert told["record"]["rules"] == ["first", "no_0"]


async def test_a_decision_made_again_has_the_rules_that_acted_then(busy: Deployment) -> None:
    when = {"until": instant(int(busy.now) // 1000 + 10), "segment": {"viewed": {"days": 1}}}
    await put(busy, "first", {"pin": [{"item_id": "i9", "position": 0}]}, when=when)
    await busy.view("me", "i4")
    shelf = await busy.shelf("trending", "me", n=2)
    busy.now += 60_000
    told = (await busy.call("GET", f"/v1/decisions/{shelf['decision_id']}?recompute=true", key=SECRET)).json()
    assert [one["item_id"] for one in told["recomputed"]["items"]] == ids(shelf) == ["i9", "i0"]


async def test_a_degraded_shelf_has_its_rules_as_well(busy: Deployment) -> None:
    await put(busy, "first", {"pin": [{"item_id": "i9", "position": 0}]})
    busy.redis.away = True
    shelf = await busy.shelf("trending", "me", n=1)
    assert (shelf["status"], ids(shelf)) == ("degraded", ["i9"])

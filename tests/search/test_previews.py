"""A document of searches, or a rule, tried on a query before it acts."""

from __future__ import annotations

from typing import Any

import pytest

from tests.search.street import found, searched, stocked
from tests.serving.deployment import SECRET, Deployment, ids, item

PATH = "/v1/admin/searches/preview"
PIN: dict[str, Any] = {"explain": "First.", "queries": ["pan"], "pin": [{"item_id": "lid", "position": 0}]}
Json = dict[str, Any]


@pytest.fixture
async def shop() -> Deployment:
    return await stocked(
        item("copper", title="Copper pan", brand="Orrin"),
        item("pan", title="Steel pan", brand="Acme"),
        item("lid", title="Glass lid", brand="Acme"),
    )


async def tried(shop: Deployment, query: str = "pan", *, status: int = 200, **more: Any) -> Json:
    answer = await shop.call("POST", PATH, {"q": query, **more}, key=SECRET)
    assert answer.status_code == status, answer.text
    told: Json = answer.json()
    return told


async def put(shop: Deployment, name: str, document: Json) -> None:
    answer = await shop._following(shop.call("PUT", f"/v1/admin/searches/{name}", document, key=SECRET))
    assert answer.status_code == 200, answer.text


async def test_a_pin_is_seen_with_the_document_and_not_without(shop: Deployment) -> None:
    told = await tried(shop, search={**PIN, "name": "lids"})
    assert (told["name"], told["acts"], told["notes"]) == ("lids", True, [])
    assert ids(told["without"])[:2] == ["pan", "copper"]
    assert ids(told["with"]) == ["lid", "pan", "copper"]
    assert {one["item_id"]: (one["before"], one["after"]) for one in told["moved"]}["pan"] == (0, 1)
    assert told["with"]["rules"] == ["lids"]
    assert told["with"]["items"][0]["step"] == "all_words"


async def test_both_sides_are_what_a_search_answers(shop: Deployment) -> None:
    before = await searched(shop, "pan", visitor_id="me")
    told = await tried(shop, search={**PIN, "name": "lids"}, visitor_id="me")
    await put(shop, "lids", PIN)
    after = await searched(shop, "pan", visitor_id="me")
    assert (told["without"]["items"], told["with"]["items"]) == (before["items"], after["items"])
    assert (told["without"]["total"], told["with"]["total"]) == (before["total"], after["total"])


async def test_nothing_is_written(shop: Deployment) -> None:
    await shop.view("me", "pan")
    await tried(shop, search=PIN, visitor_id="me")
    assert shop.broker.values("decisions") == []
    assert "lid" not in found(await searched(shop, "pan"))


async def test_a_document_that_empties_a_search_says_so(shop: Deployment) -> None:
    told = await tried(shop, search={"explain": "…", "queries": ["pan"], "hide": ["pan", "copper"]})
    (note,) = told["notes"]
    assert note.startswith("The document empties this search: without it 2 items match, with it none; ")
    assert told["with"]["total"] == 0
    assert (await tried(shop, search={"explain": "…", "queries": ["pan"], "hide": ["pan"]}))["notes"] == []


async def test_synonyms_are_tried_too(shop: Deployment) -> None:
    told = await tried(shop, "skillet", search={"explain": "…", "synonyms": [{"words": ["skillet"], "to": ["pan"]}]})
    assert told["acts"]
    assert (told["without"]["total"], told["with"]["total"]) == (0, 2)
    other = await tried(shop, "lid", search={"explain": "…", "synonyms": [{"words": ["skillet"], "to": ["pan"]}]})
    assert not other["acts"]
    assert other["without"] == other["with"]
    assert "none of its synonyms" in other["notes"][0]


async def test_a_document_for_other_queries_says_which(shop: Deployment) -> None:
    told = await tried(shop, "lid", search=PIN)
    assert not told["acts"]
    assert "“pan”" in told["notes"][0]


async def test_what_holds_already_is_taken_away_on_one_side_and_others_act_on_both(shop: Deployment) -> None:
    await put(shop, "lids", PIN)
    await put(shop, "no_copper", {"explain": "…", "queries": ["pan"], "hide": ["copper"]})
    told = await tried(shop, name="lids")
    assert ids(told["without"])[0] == "pan"
    assert ids(told["with"])[:2] == ["lid", "pan"]
    await put(shop, "lids", {**PIN, "enabled": False})
    off = await tried(shop, name="lids")
    assert ids(off["with"])[:2] == ["lid", "pan"]
    assert "switched off" in off["notes"][0]


async def test_a_pin_that_is_not_seen_says_why(shop: Deployment) -> None:
    await shop.view("me", "lid", event="add_to_cart")
    assert "this visitor has it" in (await tried(shop, search=PIN, visitor_id="me"))["notes"][0]
    low = {**PIN, "pin": [{"item_id": "lid", "position": 5}]}
    assert "no place 5" in (await tried(shop, search=low, n=3))["notes"][0]
    unknown = {**PIN, "pin": [{"item_id": "nowhere", "position": 0}]}
    assert "no item nowhere" in (await tried(shop, search=unknown))["notes"][0]


@pytest.mark.parametrize(
    ("rule", "note"),
    [
        ({"if": {"brand": "Orrin"}, "then": {"filter": "never"}}, None),
        ({"if": {"brand": ["Acme", "Orrin"]}, "then": {"filter": "never"}}, "empties this search"),
        ({"if": {"brand": "Acme"}, "then": {"boost": 5}, "placements": ["trending"]}, "other placements: trending"),
        ({"then": {"pin": [{"item_id": "lid", "position": 0}]}}, "pins nothing among results"),
        ({"then": {"cap": {"by": "brand", "most": 1}}}, "only where it names `search`"),
        ({"if": {"brand": "Acme"}, "then": {"boost": 5}, "when": {"segment": {"cart": True}}}, "segment"),
        ({"if": {"brand": "Acme"}, "then": {"boost": 5}, "when": {"from": "2030-01-01T00:00:00Z"}}, "schedule"),
    ],
)
async def test_a_rule_can_be_tried_on_a_query(shop: Deployment, rule: Json, note: str | None) -> None:
    told = await tried(shop, rule={"explain": "…", **rule})
    assert told["acts"] == ("filter" in rule["then"])
    assert told["notes"] == [] if note is None else note in told["notes"][0]


async def test_a_rule_is_tried_at_another_time(shop: Deployment) -> None:
    rule = {"if": {"brand": "Acme"}, "then": {"boost": 10}, "when": {"from": "2030-01-01T00:00:00Z"}}
    told = await tried(shop, rule={"explain": "…", **rule}, at="2030-06-01T00:00:00Z")
    assert ids(told["with"])[0] == "pan"
    assert told["with"]["items"][0]["rules"] == ["preview"]


@pytest.mark.parametrize(
    ("sent", "status", "pointer"),
    [
        ({}, 422, "/search"),
        ({"search": PIN, "name": "lids"}, 422, "/search"),
        ({"name": "nobody"}, 422, "/name"),
        ({"search": {"explain": "…", "pin": PIN["pin"]}}, 422, "/search/queries"),
        ({"rule": {"explain": "…", "then": {"boost": 2}}}, 422, "/rule/if"),
        ({"search": PIN, "at": "soon"}, 422, "/at"),
        ({"search": PIN, "q": "  "}, 400, "/q"),
    ],
)
async def test_what_makes_no_sense_is_refused_where_it_does_not(
    shop: Deployment, sent: Json, status: int, pointer: str
) -> None:
    assert (await tried(shop, status=status, **{"query": "pan", **_asked(sent)}))["errors"][0]["pointer"] == pointer


def _asked(sent: Json) -> Json:
    return {"query" if name == "q" else name: value for name, value in sent.items()}

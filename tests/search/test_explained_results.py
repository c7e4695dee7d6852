"""Why results stand where they stand, for a secret key."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jsonschema_rs
import pytest

from tests.search.street import found, stocked
from tests.serving.deployment import PUBLISHABLE, SECRET, Deployment, item

Validator = Callable[[str], jsonschema_rs.Draft202012Validator]
PATH = "/v1/search?q={}&visitor_id=me&explain=true"


@pytest.fixture
async def shop() -> Deployment:
    return await stocked(
        *[item(f"lamp-{kind}", title=f"{kind} lamp") for kind in ("Kitchen", "Bedroom", "Garden", "Desk")],
        item("grill", title="Garden grill"),
        item("bulb", title="Bulb", description="For a lamp.", gtin="4006381333931"),
    )


async def asked(shop: Deployment, query: str) -> dict[str, Any]:
    answer = await shop.call("GET", PATH.format(query), key=SECRET)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def made(answer: dict[str, Any]) -> dict[str, Any]:
    return {one["item_id"]: one["made"] for one in answer["explain"]["items"]}


async def put(shop: Deployment, path: str, document: dict[str, Any]) -> None:
    answer = await shop._following(shop.call("PUT", f"/v1/admin/{path}", document, key=SECRET))
    assert answer.status_code == 200, answer.text


async def test_the_parts_come_to_the_score(shop: Deployment, validator: Validator) -> None:
    await put(shop, "rules/desks", {"explain": "Desks.", "if": {"item_id": "lamp-Desk"}, "then": {"boost": 2}})
    await shop.view("me", "grill")
    answer = await asked(shop, "lamp")
    assert [error.message for error in validator("search_results").iter_errors(answer)] == []
    for shown in answer["items"]:
        parts = made(answer)[shown["item_id"]]
        added = sum(parts[name] for name in ("words", "meaning", "kind", "taken", "visit"))
        assert added * parts["times"] == pytest.approx(shown["score"], rel=1e-4)
    assert made(answer)["lamp-Desk"]["times"] == pytest.approx(2)
    assert answer["explain"]["rules"] == {"desks": "Desks."}


async def test_the_place_before_the_visit_is_told(shop: Deployment) -> None:
    plain = found(await asked(shop, "lamp"))
    await shop.view("me", "grill")
    answer = await asked(shop, "lamp")
    assert found(answer)[0] == "lamp-Garden" != plain[0]
    assert made(answer)["lamp-Garden"]["visit"] > 0
    places = {one: parts["place_before_visit"] for one, parts in made(answer).items()}
    assert sorted(places, key=places.__getitem__) == plain
    assert answer["explain"]["session"]["items"] == ["grill"]
    assert answer["explain"]["signals"]


async def test_a_pin_says_whose_it_is_and_what_its_words_were_worth(shop: Deployment) -> None:
    pin = {"explain": "Bulbs sell.", "queries": ["lamp"], "pin": [{"item_id": "grill", "position": 0}]}
    await put(shop, "searches/lamps", pin)
    answer = await asked(shop, "lamp")
    first = answer["explain"]["items"][0]
    assert (first["item_id"], first["recommender"], first["rules"]) == ("grill", "pinned", ["lamps"])
    assert first["made"] is None
    assert answer["explain"]["curations"] == {"lamps": "Bulbs sell."}


async def test_what_no_words_brought_has_no_parts(shop: Deployment) -> None:
    answer = await asked(shop, "zzyzx")
    assert {one["step"] for one in answer["explain"]["items"]} == {"for_you"}
    assert set(made(answer).values()) == {None}
    assert (await asked(shop, "4006381333931"))["explain"]["items"][0]["step"] == "exact"


async def test_a_page_may_not_ask(shop: Deployment) -> None:
    answer = await shop.call("GET", PATH.format("lamp"), key=PUBLISHABLE)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["pointer"] == "/explain"
    assert "explain" not in (await shop.call("GET", "/v1/search?q=lamp")).json()

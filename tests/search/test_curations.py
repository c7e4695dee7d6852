"""What marketers say of searches: documents, what is refused and where, and what pins, hides and synonyms do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jsonschema_rs
import pytest

import schemas
from serving.config import BadDocument
from serving.search.curation import curation, key_of
from tests.search.street import found, searched, stocked
from tests.serving.deployment import SECRET, Deployment, item

PATH = "/v1/admin/searches/"
PIN: dict[str, Any] = {"explain": "First.", "queries": ["Pan"], "pin": [{"item_id": "lid", "position": 0}]}


async def put(shop: Deployment, name: str, document: Any, **headers: str) -> Any:
    named = {one.replace("_", "-"): value for one, value in headers.items()}
    return await shop._following(shop.call("PUT", PATH + name, document, key=SECRET, headers=named))


@pytest.fixture
async def shop() -> Deployment:
    return await stocked(
        item("pan", title="Steel pan"), item("copper", title="Copper pan"), item("lid", title="Glass lid")
    )


@pytest.mark.parametrize("valid", [True, False])
def test_code_and_schema_agree_on_the_examples(
    valid: bool, validator: Callable[[str], jsonschema_rs.Draft202012Validator]
) -> None:
    for title, document in schemas.examples("search", valid).items():
        assert taken(document) == valid == validator("search").is_valid(document), title


def taken(document: Any) -> bool:
    try:
        curation(document, document["name"])
    except BadDocument:
        return False
    return True


@pytest.mark.parametrize(
    ("document", "pointer"),
    [
        ({"queries": ["pan"]}, ""),
        ({"pin": PIN["pin"]}, "/queries"),
        ({"queries": ["pan", " -"], "hide": ["a"]}, "/queries/1"),
        (
            {"queries": ["pan"], "pin": [{"item_id": "a", "position": 0}, {"item_id": "a", "position": 1}]},
            "/pin/1/item_id",
        ),
        ({"queries": ["pan"], "pin": PIN["pin"], "hide": ["lid"]}, "/pin/0/item_id"),
        ({"synonyms": [{"words": ["tv"]}]}, "/synonyms/0/words"),
        ({"queries": ["pan"], "boost": 2}, "/boost"),
    ],
)
async def test_a_document_that_makes_no_sense_is_refused_where_it_does_not(
    shop: Deployment, document: dict[str, Any], pointer: str
) -> None:
    answer = await put(shop, "pans", {"explain": "…", **document})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == pointer


@pytest.mark.parametrize("query", ["pan", "PAN", "  pan ", "pán", "pan!"])
async def test_a_pin_stands_where_it_was_put_in_every_spelling(shop: Deployment, query: str) -> None:
    assert (await put(shop, "pans", PIN)).status_code == 200
    answer = await searched(shop, query)
    assert found(answer) == ["lid", "pan", "copper"]
    assert answer["items"][0]["recommender"] == "pinned"
    assert answer["items"][0]["rules"] == ["pans"]


async def test_a_pin_is_for_its_query_and_its_first_page_only(shop: Deployment) -> None:
    await put(shop, "pans", PIN)
    assert "lid" not in found(await searched(shop, "steel pan"))
    first = await searched(shop, "pan", n=2)
    assert found(first) == ["lid", "pan"]
    assert found(await searched(shop, "pan", n=2, after=first["next"])) == ["copper"]


async def test_what_may_not_be_shown_is_not_pinned(shop: Deployment) -> None:
    await put(shop, "pans", PIN)
    await shop.stock(item("lid", title="Glass lid", availability="out_of_stock"))
    assert found(await searched(shop, "pan")) == ["pan", "copper"]


async def test_what_is_hidden_is_not_among_the_results_nor_counted(shop: Deployment) -> None:
    await put(shop, "pans", {"explain": "Not this one.", "queries": ["pan"], "hide": ["pan"]})
    answer = await searched(shop, "pan")
    assert found(answer) == ["copper"]
    assert answer["total"] == 1
    assert "pan" in found(await searched(shop, "steel pan"))


async def test_synonyms_find_what_is_called_otherwise_and_one_way_if_told(shop: Deployment) -> None:
    await put(shop, "words", {"explain": "…", "synonyms": [{"words": ["saucepan"], "to": ["pan"]}]})
    answer = await searched(shop, "saucepan")
    assert set(found(answer)) == {"pan", "copper"}
    assert answer["understood"]["synonyms"] == [{"words": "saucepan", "also": "pan"}]
    assert answer["items"][0]["highlights"]["title"][1] == "pan"
    assert (await searched(shop, "pan"))["understood"]["synonyms"] == []


async def test_a_document_that_is_switched_off_or_removed_does_nothing(shop: Deployment) -> None:
    await put(shop, "pans", {**PIN, "enabled": False})
    assert "lid" not in found(await searched(shop, "pan"))
    await put(shop, "pans", PIN)
    assert (await shop._following(shop.call("DELETE", PATH + "pans", key=SECRET))).status_code == 204
    assert "lid" not in found(await searched(shop, "pan"))


async def test_a_pin_of_an_unknown_item_is_a_warning(shop: Deployment) -> None:
    document = {**PIN, "pin": [{"item_id": "nowhere", "position": 0}]}
    assert "nowhere" in (await put(shop, "pans", document)).json()["warnings"][0]


async def test_nobody_overwrites_what_somebody_else_has_changed(shop: Deployment) -> None:
    tag = (await put(shop, "pans", PIN)).headers["etag"]
    assert (await put(shop, "pans", PIN, if_match=tag)).status_code == 200
    assert (await put(shop, "pans", PIN, if_match=tag)).status_code == 412


def test_the_key_of_a_query_is_the_same_for_its_spellings() -> None:
    assert key_of("  Crème  BRÛLÉE! ") == key_of("creme brulee") == "creme brulee"

"""Placements as marketers edit them: what holds, who changed it, what is refused, and what a broker away means."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import jsonschema_rs
import pytest

import schemas
from serving.config import BadDocument
from serving.placement import placement
from serving.placements import placements
from serving.recommenders import recommenders
from stream.tokens import read_decision_id
from tests.serving.deployment import FULL, NOT_ACKNOWLEDGED, NOW, SECRET, Deployment, ids, item

Validator = Callable[[str], jsonschema_rs.Draft202012Validator]
PANS: dict[str, Any] = {"explain": "Pans that sell.", "recommenders": ["popular"], "n": 2}
PATH = "/v1/admin/placements/"


@pytest.fixture
async def stocked(shop: Deployment) -> Deployment:
    await shop.stock(*[item(f"i{n}", category="Pans") for n in range(5)])
    await shop.view("u", "i0", "i1", "i2")
    return shop


async def put(shop: Deployment, name: str, document: Any, **headers: str) -> Any:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await shop._following(shop.call("PUT", PATH + name, document, key=SECRET, headers=named))


async def remove(shop: Deployment, name: str, **headers: str) -> Any:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await shop._following(shop.call("DELETE", PATH + name, key=SECRET, headers=named))


async def told(shop: Deployment, name: str) -> Any:
    return (await shop.call("GET", PATH + name, key=SECRET)).json()


def test_the_built_in_ones_are_documents_of_the_schema(validator: Validator) -> None:
    for file in sorted((schemas.FOLDER.parent / "serving/placements").glob("*.json")):
        validator("placement").validate(json.loads(file.read_bytes()))
        assert file.stem in placements()


def test_the_schema_names_the_recommenders_there_are() -> None:
    words = schemas.load("placement")["properties"]["recommenders"]["description"]
    assert all(f"`{name}`" in words for name in recommenders())


@pytest.mark.parametrize("valid", [True, False])
def test_code_and_schema_agree_on_the_examples(valid: bool) -> None:
    for title, document in schemas.examples("placement", valid).items():
        try:
            placement(document, document["name"])
            accepted = True
        except BadDocument:
            accepted = False
        assert accepted == valid, title


async def test_a_new_one_answers_at_once_and_its_decisions_carry_its_revision(
    stocked: Deployment, validator: Validator
) -> None:
    made = await stocked.place("pans", **PANS)
    assert (made["origin"], made["changed_by"], made["changed_at"]) == ("made", "key:secret", int(stocked.now))
    validator("placement").validate(made["document"])
    shelf = await stocked.shelf("pans")
    assert (shelf["status"], len(ids(shelf))) == ("ok", 2)
    assert read_decision_id(b"signatures", shelf["decision_id"]).policy == made["revision"] > 1
    (record,) = stocked.broker.values("config")
    validator("config_record").validate(record)


async def test_a_built_in_one_is_edited_and_comes_back(stocked: Deployment) -> None:
    assert (await told(stocked, "trending"))["origin"] == "built_in"
    await stocked.place("trending", **PANS)
    assert len(ids(await stocked.shelf("trending"))) == 2
    assert (await told(stocked, "trending"))["origin"] == "edited"
    assert (await remove(stocked, "trending")).status_code == 204
    assert (await told(stocked, "trending"))["origin"] == "built_in"
    assert len(ids(await stocked.shelf("trending"))) == 5


async def test_what_was_made_can_be_removed_and_removing_nothing_is_no_error(stocked: Deployment) -> None:
    await stocked.place("pans", **PANS)
    assert (await remove(stocked, "pans")).status_code == 204
    assert (await stocked.call("GET", "/v1/recommendations/pans")).status_code == 404
    assert (await stocked.call("GET", PATH + "pans", key=SECRET)).status_code == 404
    before = len(stocked.broker.values("audit"))
    assert (await remove(stocked, "pans")).status_code == 204
    assert (await remove(stocked, "trending")).status_code == 204
    assert len(stocked.broker.values("audit")) == before


async def test_one_that_is_switched_off_is_an_empty_shelf_and_breaks_no_page(stocked: Deployment) -> None:
    await stocked.place("trending", **PANS, enabled=False)
    before = len(stocked.broker.values("decisions"))
    shelf = await stocked.shelf("trending", "u")
    assert (shelf["status"], shelf["items"]) == ("insufficient_data", [])
    assert len(stocked.broker.values("decisions")) == before
    answer = await stocked.call(
        "POST", "/v1/page", {"placements": [{"placement": "trending"}, {"placement": "home_for_you"}]}
    )
    assert [len(one["items"]) for one in answer.json()["shelves"]] == [0, 5]
    assert (await told(stocked, "trending"))["readiness"]["needs"] == ["It is switched off."]
    notice = (await stocked.call("GET", "/v1/privacy/notice", key=None)).json()
    assert "trending" not in {one["name"] for one in notice["recommender_systems"]["placements"]}


async def test_each_setting_does_what_it_says(stocked: Deployment) -> None:
    await stocked.view("me", "i1")
    await stocked.place("pans", **{**PANS, "n": 5}, exclude=["i0"], exclude_viewed=True)
    assert not {"i0", "i1"} & set(ids(await stocked.shelf("pans", "me")))
    assert "i1" in ids(await stocked.shelf("pans"))
    await stocked.place("pans", **{**PANS, "n": 5}, click_window_s=60, view_window_s=30, bought_days=0)
    await stocked.view("me", "i2", event="purchase")
    shelf = await stocked.shelf("pans", "me")
    assert "i2" not in ids(shelf), "bought at this very moment"
    stocked.now += 1
    assert "i2" in ids(await stocked.shelf("pans", "me"))
    token = read_decision_id(b"signatures", shelf["decision_id"])
    assert (token.click_window_s, token.view_window_s) == (60, 30)
    await stocked.place("pans", explain="Nothing personal.", recommenders=["viewed"], evidence="hide")
    assert (await stocked.shelf("pans"))["status"] == "insufficient_data"


# who may change, and when not


async def test_a_revision_that_no_longer_holds_changes_nothing(stocked: Deployment) -> None:
    first = await put(stocked, "pans", PANS, if_match='"0"')
    assert first.status_code == 200
    tag = first.headers["etag"]
    assert tag == f'"{first.json()["revision"]}"'
    assert (await put(stocked, "pans", {**PANS, "n": 3}, if_match=tag)).status_code == 200
    late = await put(stocked, "pans", {**PANS, "n": 4}, if_match=tag)
    assert late.status_code == 412
    assert "nothing was changed" in late.json()["detail"]
    assert (await remove(stocked, "pans", if_match=tag)).status_code == 412
    assert (await put(stocked, "pans", PANS, if_match="0")).status_code == 412
    assert (await told(stocked, "pans"))["document"]["n"] == 3
    assert (await put(stocked, "trending", PANS, if_match='"1"')).status_code == 200
    assert (await put(stocked, "pans", PANS, if_match="*")).status_code == 200
    assert (await put(stocked, "pans", PANS, if_match="abc")).status_code == 400


async def test_revisions_grow_also_over_a_removal(stocked: Deployment) -> None:
    seen = []
    for _ in range(3):
        seen.append((await stocked.place("pans", **PANS))["revision"])
        seen.append((await stocked.place("pans", **PANS))["revision"])
        await remove(stocked, "pans")
        stocked.now += 5_000
    assert seen == sorted(set(seen))
    assert seen[0] == NOW // 1000 + 3


async def test_each_change_is_on_record_before_it_is_made(stocked: Deployment, validator: Validator) -> None:
    await stocked.place("trending", **PANS)
    await stocked.place("trending", **{**PANS, "n": 9})
    await remove(stocked, "trending")
    records = stocked.broker.values("audit")
    for record in records:
        validator("audit").validate(record)
    assert [(one["actor"], one["action"], one["object"]) for one in records] == [
        ("key:secret", "placement.edit", "placement:trending"),
        ("key:secret", "placement.edit", "placement:trending"),
        ("key:secret", "placement.remove", "placement:trending"),
    ]
    assert [(one["before"] or {}).get("n") for one in records] == [None, 2, 9]
    assert [(one["after"] or {}).get("n") for one in records] == [2, 9, None]


@pytest.mark.parametrize("failure", [NOT_ACKNOWLEDGED, FULL], ids=str)
async def test_what_the_broker_does_not_take_does_not_hold(stocked: Deployment, failure: Exception) -> None:
    stocked.broker.failure = failure
    answer = await put(stocked, "trending", PANS)
    assert (answer.status_code, "retry-after" in answer.headers) == (503, True)
    assert (await told(stocked, "trending"))["origin"] == "built_in"


async def test_while_no_broker_answers_what_holds_holds_on(stocked: Deployment) -> None:
    await stocked.place("trending", **PANS)
    stocked.live = False
    assert (await put(stocked, "trending", {**PANS, "n": 1})).status_code == 503
    assert len(ids(await stocked.shelf("trending"))) == 2


@pytest.mark.parametrize(
    ("document", "pointer", "says"),
    [
        ({"recommenders": ["popular"]}, "", "explain"),
        ({**PANS, "recommenders": ["magic"]}, "/recommenders/0", "session_table"),
        ({**PANS, "recommenders": ["popular", "popular"]}, "/recommenders/1", "twice"),
        ({**PANS, "recommenders": []}, "/recommenders", "length"),
        ({**PANS, "n": 0}, "/n", ">= 1"),
        ({**PANS, "n": "many"}, "/n", "int"),
        ({**PANS, "evidence": "guess"}, "/evidence", "Invalid"),
        ({**PANS, "colour": "red"}, "/colour", "no field"),
        ({**PANS, "version": 5}, "/version", "no field"),
        ({**PANS, "exclude": ["a", ""]}, "/exclude/1", "length"),
        ({**PANS, "filter": {"any": [{"colour": 1}]}}, "/filter/any/0/colour", "category"),
        ({**PANS, "filter": {"brand": {"like": 1}}}, "/filter/brand/like", "eq, in, exists"),
        ({**PANS, "name": "other"}, "/name", "'pans'"),
    ],
    ids=lambda value: str(value)[:60],
)
async def test_a_mistake_is_told_with_its_field_and_the_choices(
    stocked: Deployment, validator: Validator, document: Any, pointer: str, says: str
) -> None:
    answer = await put(stocked, "pans", document)
    assert answer.status_code == 422, answer.text
    validator("problem").validate(answer.json())
    (error,) = answer.json()["errors"]
    assert error["pointer"] == pointer
    assert says in error["detail"]
    assert stocked.broker.values("config") == stocked.broker.values("audit") == []


@pytest.mark.parametrize("name", ["Pans", "1pan", "pa-ns", "p" * 65])
async def test_a_name_that_is_none_is_refused(stocked: Deployment, name: str) -> None:
    answer = await put(stocked, name, PANS)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/name"


@pytest.mark.parametrize("body", [b"[]", b"{", b"5", b'{"n": NaN}'])
async def test_a_body_that_is_no_document_is_refused(stocked: Deployment, body: bytes) -> None:
    assert (await put(stocked, "pans", body)).status_code == 400


async def test_a_nul_character_is_refused_wherever_it_stands(stocked: Deployment) -> None:
    for document in ({**PANS, "explain": "a\0"}, {**PANS, "filter": {"brand": "\0"}}, {**PANS, "\0": 1}):
        assert (await put(stocked, "pans", document)).status_code == 422
    assert stocked.broker.values("config") == []


# what a shop still needs


async def test_each_says_what_it_still_needs(shop: Deployment) -> None:
    async def needs() -> dict[str, Any]:
        answer = await shop.call("GET", "/v1/admin/placements", key=SECRET)
        return {one["name"]: one["readiness"] for one in answer.json()["placements"]}

    empty = await needs()
    assert set(empty) == set(placements())
    assert empty["pdp_similar"] == {"ready": False, "needs": ["Needs items with titles: 0 of 0."]}
    assert empty["trending"]["needs"] == ["Needs about 200 views of items (a visit counts once for each), has 0."]
    assert empty["cart_addons"]["needs"] == [
        "Needs about 1 items that were in a cart or an order with another, has 0 among the 0 most popular."
    ]
    assert empty["recently_viewed"] == {"ready": True, "needs": []}
    await shop.stock(*[item(f"i{n}", title=f"Pan {n}") for n in range(3)])
    for visitor in range(3):
        await shop.view(f"v{visitor}", "i0", "i1", "i2", settle=False)
        await shop.call("POST", "/v1/events", shop.event("purchase", f"v{visitor}", "i0", "i1", transaction_id="t"))
    await shop.settle()
    some = await needs()
    assert some["pdp_similar"] == {"ready": True, "needs": []}
    assert some["trending"]["needs"] == ["Needs about 200 views of items (a visit counts once for each), has 9."]
    assert "about 3 items" in some["cart_addons"]["needs"][0]
    assert "has 2 among the 3" in some["cart_addons"]["needs"][0]
    assert some["home_for_you"]["ready"]
    assert "Needs items with a category: 0 of 3." in some["home_for_you"]["needs"]

"""A visitor's very first shelf, made before anything was known of them, teaches as later ones do: with consent only."""

from __future__ import annotations

from typing import Any

import pytest

from stream.tokens import read_decision_id, sealed
from tests.serving.deployment import DENIED, Deployment, ids, item
from tests.serving.test_choices_are_learnt import busy, joined, learnt

__all__ = ["busy"]


async def answers(shop: Deployment, shelf: dict[str, Any], visitor: str, place: int = 0, **more: Any) -> None:
    """The page reports the shelf as seen, and a click on one of its items."""
    shop.now += 1_000
    told = {"decision_id": shelf["decision_id"], **more}
    seen = shop.event("view_item_list", visitor, *ids(shelf)[:5], **told)
    assert (await shop.call("POST", "/v1/events", seen)).status_code == 202
    await shop.view(visitor, ids(shelf)[place], event="select_item", **told)


async def test_a_new_visitors_first_shelf_teaches_and_is_credited(busy: Deployment) -> None:
    shelf = await busy.shelf("home_for_you", "new")
    assert shelf["status"] == "no_consent"
    await answers(busy, shelf, "new", 1)
    assert joined(busy).matched == 1
    tested = learnt(busy, "clicks").tested
    assert tested is not None
    assert tested.metrics().placements["home_for_you"].chosen == 1


async def test_a_new_visitors_page_teaches_by_each_of_its_shelves(busy: Deployment) -> None:
    ask = {"visitor_id": "new", "placements": [{"placement": "home_for_you", "n": 4}]}
    page = (await busy.call("POST", "/v1/page", ask)).json()
    await answers(busy, page["shelves"][0], "new")
    assert learnt(busy, "clicks").learnt == 1


async def test_another_visitor_cannot_claim_it(busy: Deployment) -> None:
    shelf = await busy.shelf("home_for_you", "new")
    await answers(busy, shelf, "other")
    assert joined(busy).matched == 0
    assert learnt(busy, "clicks").learnt == 0


@pytest.mark.parametrize("more", [{"consent": DENIED}, {"consent": None}])
async def test_without_consent_it_teaches_nothing(busy: Deployment, more: dict[str, Any]) -> None:
    shelf = await busy.shelf("home_for_you", "new")
    await answers(busy, shelf, "new", **more)
    assert learnt(busy, "clicks").learnt == 0


async def test_what_is_recorded_before_a_consent_names_nobody(busy: Deployment) -> None:
    one, other = [await busy.shelf("home_for_you", "new") for _ in range(2)]
    records = [one for place, log in busy.broker.logs.items() if place[0] == "decisions" for one in log]
    first, second = [record for record in records if record.key is None]
    for record in (first, second):
        assert record.value is not None
        assert b"new" not in record.value.replace(b"newest", b"")
        assert busy.pid("new").encode() not in record.value
    tokens = [read_decision_id(None, shelf["decision_id"]) for shelf in (one, other)]
    assert tokens[0].pid != tokens[1].pid
    assert [token.pid for token in tokens] == [sealed(busy.pid("new"), token.nonce) for token in tokens]


async def test_after_a_no_or_an_objection_an_id_says_nothing_of_its_visitor(busy: Deployment) -> None:
    await busy.call("PUT", "/v1/visitors/new/consent", {"personalization": False})
    refused = await busy.shelf("home_for_you", "new")
    objected = await busy.shelf("home_for_you", "newer", profiling="off")
    never = await busy.shelf("home_for_you", "never seen")
    for visitor, shelf in (("new", refused), ("newer", objected)):
        token = read_decision_id(None, shelf["decision_id"])
        assert token.sealed
        assert token.pid != sealed(busy.pid(visitor), token.nonce)
        assert len(shelf["decision_id"]) == len(never["decision_id"])
    records = [value for value in busy.broker.values("decisions") if value["pid"] is None]
    assert [one["decision_id"] for one in records] == [never["decision_id"]]
    nobodys = await busy.shelf("home_for_you")
    assert read_decision_id(None, nobodys["decision_id"]).pid == ""


async def test_a_shops_own_default_lets_it_teach(shop: Deployment) -> None:
    granting = type(shop)(consent_default="granted")
    await granting.stock(*[item(f"i{n}") for n in range(6)])
    await granting.view("old", "i0", "i1")
    shelf = await granting.shelf("home_for_you", "new")
    await answers(granting, shelf, "new", consent=None)
    assert learnt(granting, "clicks").learnt == 1


async def test_an_id_that_was_sealed_before_pseudonyms_were_renamed_teaches_no_more(busy: Deployment) -> None:
    shelf = await busy.shelf("home_for_you", "new")
    after = await busy.migrated("another key")
    await answers(after, shelf, "new")
    assert learnt(after, "clicks").learnt == 0
    await answers(after, await after.shelf("home_for_you", "newer"), "newer")
    assert learnt(after, "clicks").learnt == 1

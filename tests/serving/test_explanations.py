"""Why a decision was made, for those whose business it is: by its signed id alone, from the log."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.explain import Explanations
from serving.placements import placements
from serving.request import Request, Visit
from serving.sentences import of_record
from serving.visited import visit_of, visited
from stream.pseudonyms import ONE_KEY
from stream.signals.session import Step
from stream.tokens import DecisionToken, decision_id
from tests.serving.deployment import PUBLISHABLE, SECRET, Deployment, item

DAY_MS = 86_400_000


@pytest.fixture
async def shown(shop: Deployment) -> tuple[Deployment, dict[str, Any]]:
    """A shelf that was made from what the visitor `me` looked at."""
    await shop.stock(*[item(f"i{n}") for n in range(4)])
    await shop.view("u", "i0", "i1")
    await shop.view("me", "i0")
    shop.now += 5_000
    shop.broker.now = int(shop.now)
    return shop, await shop.shelf("home_for_you", "me", n=3)


async def asked(shop: Deployment, decision: str, *, token_of: str | None = None, key: str = SECRET) -> Any:
    headers = {} if token_of is None else {"liveshelf-visitor-token": await minted(shop, token_of)}
    return await shop.call("GET", f"/v1/decisions/{decision}", key=key, headers=headers)


async def minted(shop: Deployment, visitor_id: str) -> str:
    answer = await shop.call("POST", f"/v1/visitors/{visitor_id}/token", {}, key=SECRET)
    token: str = answer.json()["visitor_token"]
    return token


async def test_the_shop_learns_what_was_shown_and_why(shown: tuple[Deployment, dict[str, Any]], validator: Any) -> None:
    shop, shelf = shown
    found = (await asked(shop, shelf["decision_id"])).json()
    assert [error.message for error in validator("explanation").iter_errors(found)] == []
    assert found["found"] == "record"
    assert found["says"] == "You saw these items because you looked at i0 5 seconds before."
    assert (found["placement"], found["decided_at"]) == ("home_for_you", int(shop.now))
    record = found["record"]
    assert [one["item_id"] for one in record["items"]] == [one["item_id"] for one in shelf["items"]]
    assert record["items"][0]["because"] == shelf["items"][0]["because"]
    assert record["candidates"] >= 3
    assert "me" not in str(found).split()


async def test_the_shopper_whose_it_was_is_told_the_same(shown: tuple[Deployment, dict[str, Any]]) -> None:
    shop, shelf = shown
    answer = await asked(shop, shelf["decision_id"], token_of="me", key=PUBLISHABLE)
    assert answer.status_code == 200
    assert answer.json() == (await asked(shop, shelf["decision_id"])).json()


async def test_what_is_anothers_is_not_found_as_what_never_was(shown: tuple[Deployment, dict[str, Any]]) -> None:
    shop, shelf = shown
    made = DecisionToken("home_for_you", "", int(shop.now), shop.pid("me"), 1, 1, 1, b"made-up")
    forged, unknown = decision_id(b"another key", made), decision_id(b"signatures", made)
    answers = [
        await asked(shop, shelf["decision_id"], token_of="you", key=PUBLISHABLE),
        await asked(shop, shelf["decision_id"], token_of="you", key=SECRET),
        await asked(shop, unknown, token_of="you", key=PUBLISHABLE),
        await asked(shop, forged, token_of="me", key=PUBLISHABLE),
        await asked(shop, forged),
        await asked(shop, shelf["decision_id"][:-4] + "AAAA"),
        await asked(shop, "nothing"),
    ]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.text for answer in answers}) == 1


async def test_the_decision_is_made_again_as_the_shop_is_now(
    shown: tuple[Deployment, dict[str, Any]], validator: Any
) -> None:
    shop, shelf = shown
    found = (await asked(shop, shelf["decision_id"])).json()
    again, items = found["recomputed"], [one["item_id"] for one in shelf["items"]]
    assert (again["shown"], again["same"], again["in_place"]) == (3, 3, 3)
    assert [one["item_id"] for one in again["items"]] == items
    assert [one["item_id"] for one in again["without"]] == ["i0"]
    assert again["without"][0]["status"] == "fallback"
    assert found["sentences"].keys() == set(items)
    assert found["sentences"]["i1"].startswith("Because you looked at Title i0: ")
    await shop.stock(item("i1", availability="out_of_stock"))
    await shop.settle()
    changed = (await asked(shop, shelf["decision_id"])).json()
    assert (changed["recomputed"]["same"], "2 of 3 items are the same" in changed["recomputed"]["says"]) == (2, True)
    assert changed["record"] == found["record"]
    assert [error.message for error in validator("explanation").iter_errors(changed)] == []


async def test_what_hid_an_item_then_hides_it_when_decided_again(shown: tuple[Deployment, dict[str, Any]]) -> None:
    shop, _ = shown
    await shop.view("me", "i1", event="dismiss")
    shop.broker.now = int(shop.now)
    shelf = await shop.shelf("home_for_you", "me", n=3, exclude=["i2"])
    again = (await asked(shop, shelf["decision_id"])).json()["recomputed"]
    assert again["refused"]["i1"] == "dismissed"
    assert [one["item_id"] for one in again["items"]] == [one["item_id"] for one in shelf["items"]]


async def test_what_cannot_be_decided_again_says_so(shown: tuple[Deployment, dict[str, Any]]) -> None:
    shop, shelf = shown
    record = (await asked(shop, shelf["decision_id"])).json()["record"]
    older = await shop.api.again.of({name: value for name, value in record.items() if name != "visit"})
    assert (older.says.startswith("It cannot be decided again"), older.items, older.shown) == (True, [], 3)
    gone = await shop.api.again.of(record | {"placement": "of_last_year"})
    assert "no placement" in gone.says
    odd = await shop.api.again.of(record | {"request": {"filter": {"of": "another release"}}})
    assert "filter" in odd.says


async def test_while_redis_is_away_nothing_is_decided_again(shown: tuple[Deployment, dict[str, Any]]) -> None:
    shop, shelf = shown
    shop.redis.away = True
    assert (await asked(shop, shelf["decision_id"])).json()["recomputed"] is None


@given(st.data())
def test_a_visit_is_read_back_as_it_was_recorded(data: Any) -> None:
    some = st.lists(st.sampled_from([f"i{n}" for n in range(9)]), unique=True)
    steps = [Step(one, "view_item", 1_000 + place, f"e-{one}") for place, one in enumerate(data.draw(some))]
    hidden = dict.fromkeys(data.draw(some), "bought")
    was = Visit(data.draw(some), data.draw(some), data.draw(some), steps, {}, hidden)
    record = {"visit": msgspec.json.decode(msgspec.json.encode(visited(was))), "decided_at": 9_000, "items": []}
    found = visit_of(record, Request(), placements()["home_for_you"])
    assert msgspec.structs.replace(found, reasons={}) == was
    assert {one.event_id for one in found.reasons.values()} == {step.event_id for step in steps}


async def test_a_page_without_the_visitors_token_is_refused(shown: tuple[Deployment, dict[str, Any]]) -> None:
    shop, shelf = shown
    assert (await asked(shop, shelf["decision_id"], key=PUBLISHABLE)).status_code == 403


async def test_without_a_record_the_token_is_told_and_why_there_is_none(
    shown: tuple[Deployment, dict[str, Any]],
) -> None:
    shop, shelf = shown
    nobody = await shop.shelf("trending")
    assert (await asked(shop, nobody["decision_id"])).json()["found"] == "never"
    shop.torn = True
    away = (await asked(shop, shelf["decision_id"])).json()
    assert (away["found"], away["record"], away["placement"]) == ("unknown", None, "home_for_you")
    shop.torn = False
    for place in [place for place in shop.broker.logs if place[0] == "decisions"]:
        del shop.broker.logs[place]
    assert "dropped" in (await asked(shop, shelf["decision_id"])).json()["says"]
    shop.now += 31 * DAY_MS
    expired = await asked(shop, shelf["decision_id"])
    assert (expired.status_code, expired.json()["found"]) == (200, "expired")


async def test_what_cannot_be_known_while_redis_is_away_is_not_told(shown: tuple[Deployment, dict[str, Any]]) -> None:
    shop, shelf = shown
    shop.redis.away = True
    found = (await asked(shop, shelf["decision_id"])).json()
    assert (found["found"], found["record"]) == ("unknown", None)


async def test_of_an_erased_visitor_nothing_is_read_any_more(shown: tuple[Deployment, dict[str, Any]]) -> None:
    shop, shelf = shown
    assert (await shop.call("DELETE", "/v1/visitors/me", key=SECRET)).status_code in {200, 202}
    found = (await asked(shop, shelf["decision_id"])).json()
    assert (found["found"], found["record"]) == ("erased", None)


async def test_after_an_erasure_a_new_decision_is_explained_to_its_visitor(
    shown: tuple[Deployment, dict[str, Any]],
) -> None:
    shop, _ = shown
    await shop.call("DELETE", "/v1/visitors/me", key=SECRET)
    await shop.work()
    shop.now += 60_000
    await shop.call("PUT", "/v1/visitors/me/consent", {"analytics": True, "personalization": True})
    await shop.view("me", "i0")
    shop.broker.now = int(shop.now)
    shelf = await shop.shelf("home_for_you", "me", n=3)
    answer = await asked(shop, shelf["decision_id"], token_of="me", key=PUBLISHABLE)
    assert answer.json()["found"] == "record"


async def test_a_log_that_takes_too_long_is_not_waited_for(shown: tuple[Deployment, dict[str, Any]]) -> None:
    shop, shelf = shown
    impatient = Explanations(
        shop._within, shop.api.visitors.epoch_of, b"signatures", ONE_KEY, clock=lambda: shop.now, budget_s=0
    )
    assert (await impatient.of(shelf["decision_id"])).explanation.found == "unknown"


@pytest.mark.parametrize(
    ("status", "because", "expected"),
    [
        ("fallback", [], "most popular"),
        ("no_consent", [], "not agreed"),
        ("ok", [], "nothing that you did"),
        ("ok", [("search", 3)], "search of x 3 seconds before."),
        ("ok", [("purchase", 90_000 * 3)], "you bought x 3 days before"),
        (
            "ok",
            [("view_item", 130), ("add_to_cart", 7_300), ("purchase", 9)],
            "9 seconds before and you looked at x 2 min",
        ),
    ],
)
def test_the_sentence_for_the_shopper(status: str, because: list[tuple[str, float]], expected: str) -> None:
    reasons = [{"event": event, "item_id": "x", "seconds_ago": seconds} for event, seconds in because]
    assert expected in of_record({"status": status, "items": [{"item_id": "x", "because": reasons}]})

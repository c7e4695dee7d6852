"""What every placement keeps, whatever it is asked."""

from collections.abc import Callable
from random import Random

import jsonschema_rs
import pytest

from serving.placements import placements
from serving.recommenders import recommenders
from stream.tokens import read_decision_id, sealed
from tests.serving.deployment import SECRET, Deployment, ids, item

Validator = Callable[[str], jsonschema_rs.Draft202012Validator]
NAMES = sorted(placements())


@pytest.fixture
async def busy(shop: Deployment) -> Deployment:
    """Forty items in four categories, twelve visitors who wander among them."""
    rng = Random(7)
    await shop.stock(*[item(f"i{n}", category="ABCD"[n % 4], title=f"{'ABCD'[n % 4]} thing {n}") for n in range(40)])
    for visitor in range(12):
        await shop.view(f"v{visitor}", *[f"i{rng.randrange(30)}" for _ in range(5)])
    return shop


def test_every_placement_names_generators_that_exist() -> None:
    assert set(NAMES) == {
        *("home_for_you", "pdp_also_bought", "pdp_similar", "cart_addons"),
        *("trending", "recently_viewed", "email_picks"),
    }
    for placement in placements().values():
        assert set(placement.recommenders) <= set(recommenders())
        assert placement.explain.endswith(".")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("n", [1, 12, 100])
async def test_an_answer_is_a_shelf_of_the_contract(busy: Deployment, validator: Validator, name: str, n: int) -> None:
    shelf = await busy.shelf(name, "v3", item_ids=["i1"], n=n, explain=True)
    validator("shelf").validate(shelf)
    found = ids(shelf)
    assert 0 < len(found) <= n
    assert len(set(found)) == len(found)
    assert [one["position"] for one in shelf["items"]] == list(range(len(found)))
    own = {event["event_id"] for event in busy.broker.values("events") if event["visitor_id"] == "v3"}
    assert all(reason["event_id"] in own for one in shelf["items"] for reason in one["because"])


@pytest.mark.parametrize("name", NAMES)
async def test_a_decision_is_recorded_as_it_was_shown(busy: Deployment, validator: Validator, name: str) -> None:
    shelf = await busy.shelf(name, "v3", item_ids=["i1"])
    record = busy.broker.values("decisions")[-1]
    validator("decision_record").validate(record)
    assert record["decision_id"] == shelf["decision_id"]
    assert record["pid"] == busy.pid("v3")
    assert record["request"] == {"n": placements()[name].n, "item_ids": ["i1"]}
    shown = [(one["item_id"], one["position"], one["score"], one["because"]) for one in shelf["items"]]
    assert [(one["item_id"], one["position"], one["score"], one["because"]) for one in record["items"]] == shown


async def test_a_decisions_key_is_the_visitor_and_its_partition_too(busy: Deployment) -> None:
    await busy.shelf("trending", "v3")
    placed = [record for (noun, _), log in busy.broker.logs.items() if noun == "decisions" for record in log]
    assert [record.key for record in placed] == [b"v3"]


async def test_what_is_shown_to_nobody_or_without_consent_is_not_recorded(busy: Deployment) -> None:
    await busy.shelf("trending")
    await busy.shelf("trending", "never seen")
    assert busy.broker.values("decisions") == []


@pytest.mark.parametrize("name", NAMES)
async def test_the_decision_id_carries_what_attribution_needs(busy: Deployment, name: str) -> None:
    shelf = await busy.shelf(name, "v3")
    token = read_decision_id(b"signatures", shelf["decision_id"])
    assert len(shelf["decision_id"]) <= 256
    assert (token.placement, token.at, token.pid) == (name, int(busy.now), busy.pid("v3"))
    assert token.click_window_s > token.view_window_s > 0
    stranger = read_decision_id(b"signatures", (await busy.shelf(name, "never seen"))["decision_id"])
    assert stranger.pid == sealed(busy.pid("never seen"), stranger.nonce)
    nobody = read_decision_id(b"signatures", (await busy.shelf(name))["decision_id"])
    assert nobody.pid == ""


async def test_two_decisions_never_share_an_id(busy: Deployment) -> None:
    assert len({(await busy.shelf("trending"))["decision_id"] for _ in range(50)}) == 50


async def test_the_price_is_what_one_pays_now(shop: Deployment) -> None:
    await shop.stock(item("a", sale_price="3.50"), item("b"))
    await shop.settle()
    shelf = await shop.shelf("home_for_you")
    assert {one["item_id"]: one["price"] for one in shelf["items"]} == {"a": "3.50", "b": "5.00"}
    await shop.stock({"item_id": "a", "sale_price": None})
    shelf = await shop.shelf("home_for_you")
    assert {one["price"] for one in shelf["items"]} == {"5.00"}


async def test_get_and_post_answer_alike(busy: Deployment) -> None:
    path = "/v1/recommendations/pdp_also_bought"
    asked = {"visitor_id": "v3", "item_ids": ["i1", "i2"], "n": 5, "exclude": ["i4"]}
    posted = (await busy.call("POST", path, asked)).json()
    got = (await busy.call("GET", path + "?visitor_id=v3&item_ids=i1,i2&n=5&exclude=i4")).json()
    assert ids(got) == ids(posted)
    alone = (await busy.call("GET", path + "?visitor_id=v3&item_id=i1&n=5", key=SECRET)).json()
    assert alone["status"] == "ok"


async def test_an_id_may_hold_any_character(shop: Deployment) -> None:
    strange = 'é "q"/&=+\\ 1'
    await shop.stock(item(strange), item("b"))
    await shop.view("wer & wo+", strange)
    answer = await shop.client.get(
        "/v1/recommendations/home_for_you",
        params={"visitor_id": "wer & wo+"},
        headers={"authorization": "Bearer pk_test"},
    )
    shelf = answer.json()
    assert strange in ids(shelf)
    assert {reason["item_id"] for one in shelf["items"] for reason in one["because"]} == {strange}


@pytest.mark.parametrize(
    "ask",
    [
        {"n": 0},
        {"n": 101},
        {"n": "x"},
        {"visitor_id": ""},
        {"visitor_id": "v" * 129},
        {"item_ids": "i1"},
        {"profiling": "maybe"},
        {"min_fresh": "made up"},
        {"filter": {"colour": "x"}},
        {"filter": "brand"},
        {"filter": {}},
    ],
    ids=str,
)
async def test_what_cannot_be_asked_is_a_problem_that_says_so(
    shop: Deployment, validator: Validator, ask: object
) -> None:
    answer = await shop.call("POST", "/v1/recommendations/trending", ask)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    validator("problem").validate(answer.json())


@pytest.mark.parametrize("body", [b"[]", b"{", b"\xff", b'{"n": NaN}', b"[" * 100_000])
async def test_a_body_that_is_no_question_is_refused(shop: Deployment, body: bytes) -> None:
    assert (await shop.call("POST", "/v1/recommendations/trending", body)).status_code == 400


async def test_a_placement_that_does_not_exist_is_not_found(shop: Deployment) -> None:
    answer = await shop.call("GET", "/v1/recommendations/nowhere")
    assert answer.status_code == 404
    assert "home_for_you" in answer.json()["detail"]

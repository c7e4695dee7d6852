"""What would be shown without one of the visitor's items: decided again, and true."""

from __future__ import annotations

from itertools import count
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.contributions import LARGEST, contributions
from serving.counterfactual import MOST, Case, counterfactuals, left_out, told
from serving.placements import placements
from serving.ranking.learnt import Chooser
from serving.ranking.row import Row, parse
from serving.recommenders import recommenders
from serving.request import Request, Visit, visit
from serving.shop import Shop
from serving.stage import Snapshot
from stream.catalogue import Catalogue
from stream.choice import Nested
from stream.features import CHOICE_FEATURES, GATE_START
from stream.fold import Record
from stream.item import Item
from stream.signals import popularity
from stream.signals.relations import Link
from stream.signals.session import Step
from stream.visitor import Visitor
from tests.serving.deployment import Deployment, ids, item

NOW = 1_790_000_000_000
KNOWN = [f"i{n}" for n in range(20)]
HOME = placements()["home_for_you"]
visits = st.lists(st.sampled_from(KNOWN), min_size=1, max_size=8, unique=True)


def a_shop() -> tuple[Shop, dict[str, Row]]:
    """Twenty items, each with three neighbours of its own."""
    catalogue, rng = Catalogue(), Random(1)
    shop = Shop(catalogue)
    told = [{"item_id": item_id, "title": f"Thing {item_id}", "price": "5"} for item_id in [*KNOWN, "stranger"]]
    values = map(msgspec.json.encode, told)
    catalogue.apply([Record("catalog", 0, n, 0, one["item_id"].encode(), value) for n, (one, value) in enumerate(
        zip(told, values, strict=True))])  # fmt: skip
    rows = {}
    for item_id in KNOWN:
        made: Any = Item()
        made.at = made.relations.origin = NOW
        made.relations.total = 5.0
        made.relations.after.update({other: Link(rng.random(), 1) for other in rng.sample(KNOWN, 3)})
        rows[item_id] = parse(item_id, made, shop.codes)
        shop.board.put(item_id, popularity.State(at=NOW, fast=rng.random(), slow=rng.random(), seen=1))
    shop.refresh(NOW)
    return shop, rows


SHOP, ROWS = a_shop()


def case(session: list[str], n: int = 5) -> Case:
    """A home page for a visitor who looked at these items, the newest first."""
    steps = [Step(item_id, "view_item", NOW - place, f"e-{item_id}") for place, item_id in enumerate(session)][::-1]
    nobody = visit(Request(), HOME, None, NOW)
    where = Visit(session, [], session, steps, {}, nobody.hidden)
    rows = {item_id: ROWS[item_id] for item_id in session[:5] if item_id in ROWS}
    snapshot = Snapshot(Visitor(), "pid", True, where, rows, None, SHOP, ROWS.get)
    return Case(Request("me", n=n), snapshot, HOME, "", NOW, Random(0).getstate())


@given(visits)
def test_leaving_out_what_had_no_say_changes_nothing(session: list[str]) -> None:
    asked = case([*session, "stranger"])
    shown = asked.decided().items
    assert asked.decided(left_out(asked.snapshot, "stranger", HOME)).items == shown
    assert asked.decided(left_out(asked.snapshot, "never looked at", HOME)).items == shown


@given(st.sampled_from(KNOWN))
def test_without_a_new_visitors_only_event_the_shelf_is_the_popular_one(item_id: str) -> None:
    asked = case([item_id])
    (found,), left_off = counterfactuals(asked, asked.decided())
    popular = [one for one, _ in SHOP.popular[:5]]
    assert (found.item_id, found.status, left_off) == (item_id, "fallback", 0)
    assert ids_of(asked.decided(left_out(asked.snapshot, item_id, HOME))) == popular
    assert set(found.enters) == set(popular) - set(ids_of(asked.decided()))


@given(visits)
def test_what_falls_falls_and_what_enters_was_not_there(session: list[str]) -> None:
    asked = case(session)
    shown = ids_of(asked.decided())
    for one in counterfactuals(asked, asked.decided())[0]:
        then = ids_of(asked.decided(left_out(asked.snapshot, one.item_id, HOME)))
        places = {fall.item_id: fall.without for fall in one.falls}
        for place, item_id in enumerate(shown):
            after = then.index(item_id) if item_id in then else places[item_id]
            assert places.get(item_id, after) == after
            assert (item_id in places) == (after is None or after > place)
        assert one.enters == [item_id for item_id in then if item_id not in shown]


@given(visits)
def test_it_is_what_a_visitor_without_that_item_is_shown(session: list[str]) -> None:
    asked = case(session)
    other = case(session[1:])
    assert ids_of(asked.decided(left_out(asked.snapshot, session[0], HOME))) == ids_of(other.decided())


def test_there_are_at_most_so_many_and_no_more_than_there_is_time_for() -> None:
    asked = case(KNOWN[:8])
    asked = msgspec.structs.replace(
        asked, snapshot=msgspec.structs.replace(asked.snapshot, visit=msgspec.structs.replace(
            asked.snapshot.visit, earlier=KNOWN[8:18])))  # fmt: skip
    decision = asked.decided()
    found, left_off = counterfactuals(asked, decision, budget_s=60)
    assert (len(found), left_off > 0) == (MOST, True)
    ticks = count()
    hurried = counterfactuals(asked, decision, budget_s=2, timer=lambda: float(next(ticks)))
    assert (hurried[0], hurried[1]) == (found[:2], left_off + MOST - 2)


def test_who_is_told_sees_the_decision_that_was_made() -> None:
    asked = case(["i1", "i2"])
    decision = asked.decided()
    assert msgspec.structs.replace(told(asked, decision), explain=None) == decision


@given(visits)
def test_the_largest_terms_of_a_models_utility_are_told(session: list[str]) -> None:
    asked, rng = case(session), Random(len(session))
    weights = [rng.uniform(-1, 1) for _ in CHOICE_FEATURES]
    chooser = Chooser("clicks", 7, Nested(weights, list(GATE_START)))
    asked = msgspec.structs.replace(
        asked, snapshot=msgspec.structs.replace(asked.snapshot, choosers={"clicks": chooser})
    )
    decision = asked.decided()
    told = contributions(decision, asked.snapshot.choosers)
    assert list(told) == ids_of(decision)
    assert decision.choices is not None
    for terms, features in zip(told.values(), decision.choices.features.tolist(), strict=True):
        every = sorted((abs(w * f) for w, f in zip(weights, features, strict=True) if w * f), reverse=True)
        assert [abs(term) for term in terms.values()] == pytest.approx(every[:LARGEST], abs=1e-6)


def test_where_no_model_ranked_there_are_no_terms() -> None:
    asked = msgspec.structs.replace(case(["i1"]), placement=placements()["trending"])
    assert contributions(asked.decided(), {}) == {}


def ids_of(decision: Any) -> list[str]:
    return [one.item_id for one in decision.items]


@pytest.fixture
async def walked(shop: Deployment) -> Deployment:
    """A shop where i1 follows i0, and i3 follows i2."""
    await shop.stock(*[item(f"i{n}", title=f"Thing {n}") for n in range(8)])
    for visitor in ("u", "v"):
        await shop.view(visitor, "i0", "i1")
        await shop.view(visitor, "i2", "i3", session_id="another")
    return shop


async def test_explain_tells_what_would_be_without_each_item(walked: Deployment, validator: Any) -> None:
    await walked.view("me", "i0", "i2")
    await walked.view("other", "i2")
    shelf = await walked.shelf("home_for_you", "me", n=3, explain=True)
    assert [error.message for error in validator("shelf").iter_errors(shelf)] == []
    without = {one["item_id"]: one for one in shelf["explain"]["without"]}
    assert without.keys() == {"i0", "i2"}
    assert without["i0"]["event"] == "view_item"
    assert "i1" in {one["item_id"] for one in without["i0"]["falls"]}
    then = set(ids(shelf)) - {one["item_id"] for one in without["i0"]["falls"] if (one["without"] or 9) > 2}
    assert then | set(without["i0"]["enters"]) == set(ids(await walked.shelf("home_for_you", "other", n=3)))
    assert without["i0"]["says"].startswith("Without Thing 0: ")


async def test_each_item_has_its_sentence(walked: Deployment) -> None:
    await walked.view("me", "i0")
    shelf = await walked.shelf("home_for_you", "me", n=4, explain=True)
    sentences = shelf["explain"]["sentences"]
    assert sentences.keys() == set(ids(shelf))
    assert sentences["i1"] == "Because you looked at Thing 0: shoppers often look at this around it."


async def test_the_pages_own_item_stays(walked: Deployment) -> None:
    await walked.view("me", "i2", "i0")
    shelf = await walked.shelf("pdp_also_bought", "me", item_ids=["i0"], explain=True)
    assert [one["item_id"] for one in shelf["explain"]["without"]] == ["i2"]


async def test_a_cart_without_one_of_its_items(walked: Deployment) -> None:
    await walked.view("u", "i4", "i5", event="add_to_cart", session_id="cart")
    shelf = await walked.shelf("cart_addons", "me", item_ids=["i4"], explain=True)
    (found,) = shelf["explain"]["without"]
    assert (found["item_id"], found["event_id"], found["event"]) == ("i4", None, None)


async def test_nobody_has_nothing_to_leave_out(walked: Deployment) -> None:
    explain = (await walked.shelf("trending", explain=True))["explain"]
    assert (explain["without"], explain["without_left_off"]) == ([], 0)
    assert set(explain["sentences"].values()) <= {one.explain for one in recommenders().values()} | {"New in the shop."}


async def test_a_page_is_explained_shelf_by_shelf(walked: Deployment) -> None:
    await walked.view("me", "i0")
    ask = {
        "visitor_id": "me",
        "explain": True,
        "placements": [{"placement": "home_for_you", "n": 2}, {"placement": "trending"}],
    }
    first, second = (await walked.call("POST", "/v1/page", ask)).json()["shelves"]
    assert set(first["explain"]["without"][0]["enters"]).isdisjoint(ids(first))
    for one in second["explain"]["without"]:
        assert set(one["enters"]).isdisjoint(ids(first))

"""Rules as documents: what is refused and where, revisions and audit, warnings, and the preview that writes nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import schemas
from serving.config import BadDocument
from serving.rules.rule import rule
from tests.serving.deployment import DENIED, SECRET, Deployment, ids, item

Validator = Callable[[str], jsonschema_rs.Draft202012Validator]
PATH = "/v1/admin/rules/"
BOOST: dict[str, Any] = {"explain": "Acme first.", "if": {"brand": "Acme"}, "then": {"boost": 10}}


@pytest.fixture
async def stocked(shop: Deployment) -> Deployment:
    await shop.stock(*[item(f"i{n}", brand="Acme" if n > 2 else "Other") for n in range(5)])
    for n in range(5):
        for visitor in range(5 - n):
            await shop.view(f"v{visitor}", f"i{n}", settle=False)
    await shop.settle()
    await shop.place("trending", explain="What sells.", recommenders=["popular"])
    return shop


async def put(shop: Deployment, name: str, document: Any, **headers: str) -> Any:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await shop._following(shop.call("PUT", PATH + name, document, key=SECRET, headers=named))


async def preview(shop: Deployment, status: int = 200, **ask: Any) -> Any:
    answer = await shop.call("POST", PATH + "preview", {"placement": "trending", **ask}, key=SECRET)
    assert answer.status_code == status, answer.text
    return answer.json()


@pytest.mark.parametrize("valid", [True, False])
def test_code_and_schema_agree_on_the_examples(valid: bool) -> None:
    for title, document in schemas.examples("rule", valid).items():
        assert taken(document) == valid, title


def taken(document: Any) -> bool:
    try:
        rule(document, document["name"])
    except BadDocument:
        return False
    return True


EXAMPLES = [one for valid in (True, False) for one in schemas.examples("rule", valid).values() if "name" in one]
VALUES = st.one_of(
    st.sampled_from([None, True, -1, 0, 1, 2, 10, 11, 100, 1e300, "", "x", "a" * 200, "2026-01-31T12:00:00Z", "24:00"]),
    st.sampled_from([[], {}, [[]], {"if": {}}, {"days": 3}, [{"item_id": "a", "position": 3}], {"brand": "A"}]),
    st.text(max_size=5),
    st.integers(),
)


@st.composite
def hostile(draw: st.DrawFn) -> Any:
    """An example with up to three changes anywhere."""
    document = json.loads(json.dumps(draw(st.sampled_from(EXAMPLES))))
    for _ in range(draw(st.integers(1, 3))):
        holder: Any = document
        while True:
            keys = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
            key = draw(st.sampled_from(keys)) if keys else None
            inner = None if key is None else holder[key]
            if not isinstance(inner, dict | list) or draw(st.booleans()):
                break
            holder = inner
        if key is not None and key != "name":
            holder[key] = json.loads(json.dumps(draw(VALUES)))
    return document


@given(document=hostile())
@settings(max_examples=200, deadline=None)
def test_what_the_code_takes_the_schema_allows(document: Any, validator: Validator) -> None:
    if taken(document):
        assert [error.message for error in validator("rule").iter_errors(document)] == []


async def test_a_rule_is_stored_told_and_on_record(stocked: Deployment, validator: Validator) -> None:
    made = (await put(stocked, "acme", BOOST)).json()
    assert (made["origin"], made["changed_by"], made["warnings"]) == ("made", "key:secret", [])
    assert made["document"] == {"name": "acme", **BOOST}
    validator("rule").validate(made["document"])
    validator("config_record").validate(stocked.broker.values("config")[-1])
    record = stocked.broker.values("audit")[-1]
    validator("audit").validate(record)
    assert (record["action"], record["object"]) == ("rule.edit", "rule:acme")
    listed = (await stocked.call("GET", "/v1/admin/rules", key=SECRET)).json()
    assert [one["name"] for one in listed["rules"]] == ["acme"]
    assert (await stocked.call("GET", PATH + "other", key=SECRET)).status_code == 404


async def test_a_revision_that_no_longer_holds_changes_nothing(stocked: Deployment) -> None:
    first = await put(stocked, "acme", BOOST, if_match="0")
    assert (await put(stocked, "acme", {**BOOST, "priority": 3}, if_match=first.headers["etag"])).status_code == 200
    assert (await put(stocked, "acme", BOOST, if_match=first.headers["etag"])).status_code == 412
    told = (await stocked.call("GET", PATH + "acme", key=SECRET)).json()
    assert told["document"]["priority"] == 3


async def test_whole_numbers_may_be_written_with_a_point(stocked: Deployment) -> None:
    body = b'{"explain": "x", "priority": 1.0, "then": {"cap": {"by": "brand", "most": 2.0}}}'
    assert (await put(stocked, "mixed", body)).status_code == 200


async def test_pins_of_items_that_are_not_there_yet_are_a_warning(stocked: Deployment) -> None:
    then = {"pin": [{"item_id": "new", "position": 0}, {"item_id": "i4", "position": 1}]}
    made = (await put(stocked, "first", {"explain": "New things.", "then": then})).json()
    assert made["warnings"] == ["The catalogue has no item new: its pin waits until there is one."]
    assert ids(await stocked.shelf("trending", n=2)) == ["i0", "i4"]
    await stocked.stock(item("new"))
    assert ids(await stocked.shelf("trending", n=2)) == ["new", "i4"]
    told = (await stocked.call("GET", PATH + "first", key=SECRET)).json()
    assert told["warnings"] == []


async def test_a_condition_that_no_item_meets_is_a_warning(stocked: Deployment) -> None:
    made = (await put(stocked, "acme", {**BOOST, "if": {"brand": "Acmee"}})).json()
    assert made["warnings"] == ["The condition `if` matches no item of the catalogue."]


WRONG: list[tuple[dict[str, Any], str, str]] = [
    ({"then": {}}, "/then", "filter, boost, bury, pin, cap"),
    ({"then": {"boost": 2, "bury": 3}}, "/then", "one thing"),
    ({"then": {"filter": "hide"}}, "/then/filter", "only, never"),
    ({"then": {"boost": 100}}, "/then/boost", "<= 10"),
    ({"then": {"cap": {"by": "colour", "most": 1}}}, "/then/cap/by", "brand, category"),
    (
        {"then": {"pin": [{"item_id": "a", "position": 1}, {"item_id": "a", "position": 2}]}},
        "/then/pin/1/item_id",
        "tw",
    ),
    ({"if": {"any": [{"colour": 1}]}}, "/if/any/0/colour", "margin_percent"),
    ({"if": {"margin": "much"}}, "/if/margin", "-1.00"),
    ({"placements": ["trending", "nowhere"]}, "/placements/1", "home_for_you"),
    ({"when": {"weekdays": ["monday"]}}, "/when/weekdays/0", "mon, tue"),
    ({"when": {"from": "tomorrow"}}, "/when/from", "offset"),
    ({"when": {"from": "2026-01-02T00:00:00Z", "until": "2026-01-01T00:00:00Z"}}, "/when/until", "later"),
    ({"when": {"hours": {"from": "24:00", "until": "01:00"}}}, "/when/hours/from", "00:00"),
    ({"when": {"hours": {"from": "10:00", "until": "10:00"}}}, "/when/hours/until", "leave"),
    ({"when": {"time_zone": "Mars/Olympus"}}, "/when/time_zone", "Europe/Berlin"),
    ({"when": {"time_zone": "../../etc/passwd"}}, "/when/time_zone", "Europe/Berlin"),
    ({"when": {"segment": {"age": 3}}}, "/when/segment/age", "visitor, customer, cart"),
    ({"when": {"segment": {"visitor": "old"}}}, "/when/segment/visitor", "new or returning"),
    ({"when": {"segment": {"viewed": {"days": 3, "if": {"x": 1}}}}}, "/when/segment/viewed/if/x", "brand"),
    ({"when": {"segment": {"viewed": {"days": 3, "of": 1}}}}, "/when/segment/viewed/of", "days and if"),
    ({"when": {"segment": {"not": {"not": {"not": {"not": {"cart": True}}}}}}}, "/when/segment/not/not/not/not", "4"),
    ({"when": {"segment": {"all": [{"all": [{"cart": True}] * 11}] * 2}}}, "/when/segment/all/1/all/9/cart", "20"),
    ({"when": {"segment": {"visit": {"share": 0.5}}}}, "/when/segment/visit", "share"),
    ({"when": {"segment": {"visit": {"share": 0, "if": {"brand": "A"}}}}}, "/when/segment/visit/share", "above 0"),
    ({"when": {"segment": {"device": []}}}, "/when/segment/device", "mobile"),
    ({"when": {"segment": {"locale": [""]}}}, "/when/segment/locale", "de"),
    ({"script": "1 + 1"}, "/script", "no field"),
]


@pytest.mark.parametrize(("change", "pointer", "says"), WRONG, ids=[one[1] for one in WRONG])
async def test_a_mistake_is_told_with_its_field_and_the_choices(
    stocked: Deployment, validator: Validator, change: dict[str, Any], pointer: str, says: str
) -> None:
    answer = await put(stocked, "acme", {**BOOST, **change})
    assert answer.status_code == 422, answer.text
    validator("problem").validate(answer.json())
    (error,) = answer.json()["errors"]
    assert error["pointer"] == pointer
    assert says in error["detail"]
    assert {one["name"] for one in stocked.broker.values("config")} == {"trending"}
    told = await preview(stocked, 422, rule={**BOOST, **change})
    assert told["errors"][0]["pointer"] == f"/rule{pointer}"


# the preview


async def test_a_preview_shows_both_shelves_and_what_lies_between_them(stocked: Deployment) -> None:
    told = await preview(stocked, rule=BOOST, n=3)
    assert [one["item_id"] for one in told["without"]["items"]] == ["i0", "i1", "i2"]
    assert [one["item_id"] for one in told["with"]["items"]] == ["i3", "i4", "i0"]
    assert (told["came"], told["went"]) == (["i3", "i4"], ["i1", "i2"])
    assert told["moved"] == [{"item_id": "i0", "before": 0, "after": 2}]
    assert (told["acts"], told["notes"], told["rule"]) == (True, [], "preview")
    assert (told["without"]["rules"], told["with"]["rules"]) == ([], ["preview"])
    assert told["with"]["items"][0]["rules"] == ["preview"]
    assert told["with"]["items"][0]["title"] == "Title i3"


async def test_a_preview_writes_nothing(stocked: Deployment) -> None:
    await stocked.view("me", "i4")
    before = {place: len(log) for place, log in stocked.broker.logs.items()}
    await preview(stocked, rule=BOOST, visitor_id="me")
    assert {place: len(log) for place, log in stocked.broker.logs.items() if log} == {
        place: length for place, length in before.items() if length
    }
    assert ids(await stocked.shelf("trending", n=1)) == ["i0"]


async def test_a_preview_by_name_takes_the_rule_away_and_a_draft_replaces_it(stocked: Deployment) -> None:
    await put(stocked, "acme", BOOST)
    await put(stocked, "no_4", {"explain": "No 4.", "if": {"item_id": "i4"}, "then": {"filter": "never"}})
    told = await preview(stocked, name="acme", n=2)
    assert [one["item_id"] for one in told["without"]["items"]] == ["i0", "i1"]
    assert [one["item_id"] for one in told["with"]["items"]] == ["i3", "i0"]
    assert told["with"]["rules"] == ["acme", "no_4"]
    draft = {**BOOST, "name": "acme", "if": {"item_id": "i2"}}
    told = await preview(stocked, rule=draft, n=2)
    assert [one["item_id"] for one in told["with"]["items"]] == ["i2", "i0"]


async def test_a_preview_says_what_is_odd(stocked: Deployment) -> None:
    nothing = {"explain": "x", "if": {"brand": "Acmee"}, "then": {"filter": "only"}}
    told = await preview(stocked, rule=nothing)
    assert told["notes"] == [
        "The rule empties this shelf: without it there are 5 items, with it none.",
        "The condition `if` matches no item of the catalogue.",
    ]
    assert told["with"]["status"] == "insufficient_data"
    assert "switched off" in (await preview(stocked, rule={**BOOST, "enabled": False}))["notes"][0]
    other = await preview(stocked, rule={**BOOST, "placements": ["home_for_you"]})
    assert (other["acts"], other["notes"]) == (False, ["The rule is for other placements: home_for_you."])
    pin = {"explain": "x", "then": {"pin": [{"item_id": "gone", "position": 0}]}}
    assert "no item gone" in (await preview(stocked, rule=pin))["notes"][0]


async def test_a_preview_looks_at_another_time(stocked: Deployment) -> None:
    later = {**BOOST, "when": {"from": "2030-01-01T00:00:00Z"}}
    now = await preview(stocked, rule=later, n=1)
    assert (now["acts"], "`at`" in now["notes"][0]) == (False, True)
    then = await preview(stocked, rule=later, n=1, at="2030-01-01T00:00:00Z")
    assert (then["acts"], then["came"]) == (True, ["i3"])


async def test_a_preview_is_for_a_visitor_as_far_as_they_agreed(stocked: Deployment) -> None:
    segment = {**BOOST, "when": {"segment": {"viewed": {"days": 1}}}}
    await stocked.view("me", "i4", key=SECRET)
    assert (await preview(stocked, rule=segment, visitor_id="me", n=1))["acts"]
    assert (
        "not in its segment"
        in (await preview(stocked, rule={**BOOST, "when": {"segment": {"cart": True}}}, visitor_id="me"))["notes"][0]
    )
    for visitor_id in (None, "stranger"):
        told = await preview(stocked, rule=segment, visitor_id=visitor_id)
        assert (told["acts"], "nothing may be known" in told["notes"][0]) == (False, True)
    await stocked.view("me", "i4", event="consent_update", consent=DENIED)
    assert not (await preview(stocked, rule=segment, visitor_id="me"))["acts"]


async def test_a_preview_of_an_items_page(stocked: Deployment) -> None:
    told = await preview(stocked, rule=BOOST, placement="pdp_similar", item_id="i0")
    shown = [one["item_id"] for one in told["with"]["items"]]
    assert shown[:2] in (["i3", "i4"], ["i4", "i3"])
    assert "i0" not in shown


@pytest.mark.parametrize(
    ("ask", "pointer", "says"),
    [
        ({"rule": BOOST, "placement": "nowhere"}, "/placement", "home_for_you"),
        ({"rule": BOOST, "item_id": "nothing"}, "/item_id", "no item"),
        ({"rule": BOOST, "at": "soon"}, "/at", "instant"),
        ({"rule": BOOST, "name": "acme"}, "/rule", "either"),
        ({}, "/rule", "either"),
        ({"name": "acme"}, "/name", "none yet"),
        ({"rule": {**BOOST, "name": 5}}, "/rule/name", "str"),
    ],
    ids=str,
)
async def test_what_cannot_be_previewed_is_told(
    stocked: Deployment, ask: dict[str, Any], pointer: str, says: str
) -> None:
    told = await preview(stocked, 422, **ask)
    assert told["errors"][0]["pointer"] == pointer
    assert says in told["errors"][0]["detail"]

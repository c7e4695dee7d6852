"""Whatever is typed: an answer, or a refusal that names the parameter; never an error of ours, and in bounded time."""

from __future__ import annotations

import asyncio
import time
from functools import cache
from urllib.parse import quote, urlencode

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.search.street import searched, stocked
from tests.serving.deployment import Deployment, item

SLOW_S = 2.0
WORDS = [
    "pan",
    "frying",
    "under",
    "30",
    "€",
    "<",
    "-",
    "red",
    "for",
    "the",
    "with",
    "4006381333931",
    "a" * 64,
    "٣٠",
    "שלום",
]


@pytest.fixture
async def shop() -> Deployment:
    return await stocked(item("pan", title="Steel frying pan"), item("lid", title="Glass lid"))


@cache
def standing() -> tuple[asyncio.AbstractEventLoop, Deployment]:
    """One shop for all that hypothesis thinks of."""
    loop = asyncio.new_event_loop()
    return loop, loop.run_until_complete(stocked(item("pan", title="Steel frying pan", brand="Acme")))


@given(query=st.one_of(st.text(min_size=1, max_size=300), st.lists(st.sampled_from(WORDS), min_size=1).map(" ".join)))
@example(query="<script>alert(1)</script>")
@example(query="' OR 1=1; DROP TABLE items; --")
@example(query="${jndi:ldap://x}{{7*7}}../../etc/passwd")
@example(query="\u202epan\u202d \u0000\x1b[31m")
@example(query="👩‍👩‍👧‍👦 🔥 pan")
@example(query="مقلاة حمراء")
@example(query="the of and with for")
@example(query="under under under 30 30 30 - - -")
@settings(max_examples=150, deadline=None)
def test_any_query_is_answered_or_refused_with_its_name(query: str) -> None:
    loop, shop = standing()
    for path in ("search", "suggest"):
        answer = loop.run_until_complete(shop.call("GET", f"/v1/{path}?q={quote(query)}"))
        assert answer.status_code == (400 if not query.strip() else 200), answer.text
        if answer.status_code == 400:
            assert answer.json()["errors"][0]["pointer"] == "/q"


@pytest.mark.parametrize("query", ["", " ", "\t\n", "x" * 1_001, "x" * 10_000, "x " * 5_000])
@pytest.mark.parametrize("path", ["search", "suggest"])
async def test_no_query_and_a_book_are_refused(shop: Deployment, path: str, query: str) -> None:
    answer = await shop.call("GET", f"/v1/{path}?{urlencode({'q': query})}")
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["pointer"] == "/q"


@pytest.mark.parametrize(
    "query", ["a " * 500, "pan " * 250, "é" * 1_000, "ab" * 500, "1-" * 500, "<" * 1_000, "under 3 " * 125]
)
async def test_the_longest_queries_take_no_time(shop: Deployment, query: str) -> None:
    began = time.process_time()
    await searched(shop, query)
    await shop.call("GET", f"/v1/suggest?q={quote(query)}")
    assert time.process_time() - began < SLOW_S


@pytest.mark.parametrize(
    "asked",
    [
        {"sort": "cheapest"},
        {"n": "0"},
        {"n": "101"},
        {"n": "many"},
        {"filter": "{"},
        {"filter": '{"nothing": 1}'},
        {"after": "nonsense"},
        {"min_fresh": "nonsense"},
        {"personalize": "perhaps"},
        {"exclude": "x" * 129},
    ],
)
async def test_what_makes_no_sense_is_refused(shop: Deployment, asked: dict[str, str]) -> None:
    answer = await shop.call("GET", f"/v1/search?{urlencode({'q': 'pan', **asked})}")
    assert answer.status_code == 400
    assert next(iter(asked)) in answer.json()["detail"]


@pytest.mark.parametrize("n", ["0", "21", "-1", "x", "٣"])
async def test_a_number_of_suggestions_that_is_none_is_refused(shop: Deployment, n: str) -> None:
    answer = await shop.call("GET", f"/v1/suggest?{urlencode({'q': 'pan', 'n': n})}")
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["pointer"] == "/n"


async def test_what_is_left_out_of_stock_numbers_is_for_servers(shop: Deployment) -> None:
    asked = urlencode({"q": "pan", "filter": '{"quantity": {"lt": 5}}'})
    assert (await shop.call("GET", f"/v1/search?{asked}")).status_code == 400
    assert (await shop.call("GET", f"/v1/search?{asked}", key="sk_test")).status_code == 200

"""The next page: what was shown does not come again, whatever happens in between."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.shop import Shop
from serving.slate.cursor import MOST, MOST_CHARACTERS, code, cursor, shown_before
from stream.catalogue import Catalogue
from stream.tokens import BadToken
from tests.serving.deployment import Deployment, ids, item

KEY = b"signatures"
SHOP = Shop(Catalogue())


@pytest.fixture
async def stocked(shop: Deployment) -> Deployment:
    """Thirty items, eleven of them with visits; "me" stands at one."""
    await shop.stock(*[item(f"i{n:02}", category=f"C{n % 4}") for n in range(30)])
    for visitor in ("u", "v"):
        await shop.view(visitor, *[f"i{n:02}" for n in range(11)], settle=False)
    await shop.view("me", "i03")
    return shop


async def page(shop: Deployment, placement: str, after: str | None, **more: Any) -> dict[str, Any]:
    return await shop.shelf(placement, "me", n=4, **({"after": after} if after else {}), **more)


@pytest.mark.parametrize("diversity", [0, 0.5])
@pytest.mark.parametrize("placement", ["home_for_you", "trending", "pdp_also_bought"])
async def test_pages_go_through_the_whole_shop_and_repeat_nothing(
    stocked: Deployment, placement: str, diversity: float
) -> None:
    found: list[str] = []
    after: str | None = None
    for _ in range(20):
        shelf = await page(stocked, placement, after, diversity=diversity)
        found += ids(shelf)
        after = shelf["next"]
        if after is None:
            break
    assert len(set(found)) == len(found) == 30


async def test_a_page_repeats_nothing_though_the_order_changed(stocked: Deployment) -> None:
    first = await page(stocked, "home_for_you", None)
    for _ in range(3):
        await stocked.view("me", "i09", "i08", "i10")
    second = await page(stocked, "home_for_you", first["next"])
    third = await page(stocked, "home_for_you", second["next"])
    found = [*ids(first), *ids(second), *ids(third)]
    assert len(set(found)) == len(found) == 12


async def test_a_page_that_could_not_be_filled_is_the_last(stocked: Deployment) -> None:
    assert (await stocked.shelf("trending", n=31))["next"] is None


async def test_a_page_brings_no_variant_of_what_was_shown(shop: Deployment) -> None:
    await shop.stock(*[item(f"{group}{size}", item_group_id=group) for group in "abcd" for size in "SML"])
    await shop.settle()
    first = await page(shop, "trending", None, profiling="off")
    assert len({one[0] for one in ids(first)}) == 4
    assert ids(await page(shop, "trending", first["next"], profiling="off")) == []


async def test_the_next_page_of_a_pages_shelf_repeats_none_of_its_shelves(stocked: Deployment) -> None:
    asked = {
        "visitor_id": "me",
        "placements": [{"placement": "trending", "n": 5}, {"placement": "home_for_you", "n": 5}],
    }
    trending, home = (await stocked.call("POST", "/v1/page", asked)).json()["shelves"]
    shown = {*ids(trending), *ids(home)}
    assert shown.isdisjoint(ids(await page(stocked, "home_for_you", home["next"])))


async def test_a_query_may_ask_for_the_next_page(stocked: Deployment) -> None:
    first = await page(stocked, "trending", None)
    asked = urlencode({"visitor_id": "me", "n": 4, "after": first["next"]})
    second = (await stocked.call("GET", f"/v1/recommendations/trending?{asked}")).json()
    assert len(ids(second)) == 4
    assert set(ids(first)).isdisjoint(ids(second))


async def test_a_cursor_that_is_not_ours_is_refused(stocked: Deployment) -> None:
    decided = await page(stocked, "trending", None)
    for after in ("x", decided["decision_id"], decided["next"][:-2] + "aa"):
        answer = await stocked.call("POST", "/v1/recommendations/trending", {"after": after})
        assert answer.status_code == 400
        assert answer.json()["detail"].startswith("after: ")


@given(st.lists(st.lists(st.text(min_size=1, max_size=8), max_size=12), max_size=20))
def test_a_cursor_knows_everything_that_was_shown(pages: list[list[str]]) -> None:
    before: tuple[int, ...] = ()
    for shown in pages:
        token = cursor(KEY, before, shown, SHOP)
        assert token is not None
        before = shown_before(KEY, token)
    assert set(before) == {code(item_id, SHOP) for shown in pages for item_id in shown}


def test_a_cursor_stays_small_and_ends_in_the_end() -> None:
    token = cursor(KEY, range(MOST - 13), [f"i{n}" for n in range(12)], SHOP)
    assert token is not None
    assert len(token) <= MOST_CHARACTERS
    assert cursor(KEY, range(MOST - 1), ["one more"], SHOP) is None


def test_a_cursor_of_another_shop_is_refused() -> None:
    token = cursor(b"another", (), ["a"], SHOP)
    assert token is not None
    with pytest.raises(BadToken):
        shown_before(KEY, token)

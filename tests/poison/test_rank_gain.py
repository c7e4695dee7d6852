"""Whoever pushes an item gains at most what N ordinary sessions would; N is 3 for one visitor and a day."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import cycle, islice

import pytest

from stream.signals.session import SESSIONS_A_DAY
from tests.poison.street import (
    DAY_MS,
    GRANTED,
    HERE,
    MINUTE_MS,
    NEIGHBOURS,
    ORDINARY,
    PUSHED,
    SECOND_MS,
    START_MS,
    Event,
    Street,
    gains_no_more,
    look,
    ordinary,
    standing_after,
    walk,
)

LATEST_MS = 5 * MINUTE_MS
OF_ONE_ADDRESS = 50
"""Visitors of one address that teach, as the edge counts them."""


def back_and_forth(number: int) -> Iterator[str]:
    return islice(cycle((HERE, PUSHED)), number)


def all_the_same(number: int) -> Iterator[str]:
    yield HERE
    yield from [PUSHED] * (number - 1)


def with_others_between(number: int) -> Iterator[str]:
    """More than fifty other items between two views, so that they are out of the session's steps."""
    return islice(cycle((HERE, PUSHED, *(f"filler-{n}" for n in range(55)))), number)


def always_something_new(number: int) -> Iterator[str]:
    for n in range(number // 3):
        yield from (HERE, PUSHED, f"new-{n}")


walks = pytest.mark.parametrize("path", [back_and_forth, all_the_same, with_others_between, always_something_new])


@walks
@pytest.mark.parametrize("every_ms", [20, SECOND_MS])
@pytest.mark.parametrize("name", ["view_item", "add_to_cart"])
def test_one_session_of_10_000_events_gains_what_one_ordinary_session_does(
    path: Callable[[int], Iterator[str]], every_ms: int, name: str
) -> None:
    now = START_MS + 3 * 60 * MINUTE_MS
    attack = walk("attacker", path(10_000), START_MS, every_ms=every_ms, session="s", name=name)
    attacked = standing_after(attack, now)
    assert gains_no_more(attacked, standing_after(ordinary([START_MS]), now))
    assert attacked.score > 0


def other_sessions(starts: list[int]) -> Iterator[Event]:
    for n, at in enumerate(starts):
        yield from walk("attacker", back_and_forth(10), at, session=f"s{n}")


def pauses(starts: list[int]) -> Iterator[Event]:
    """Without an id of its own a session ends after 30 minutes."""
    for at in starts:
        yield from walk("attacker", back_and_forth(10), at)


def two_ids_in_turn(starts: list[int]) -> Iterator[Event]:
    for n, at in enumerate(starts):
        yield from walk("attacker", back_and_forth(10), at, session=f"s{n % 2}")


def today_and_yesterday(starts: list[int]) -> Iterator[Event]:
    """As late and as early as the gate allows, in turn; late sessions are drawn back, so that early ones may follow."""
    for n in range(0, len(starts), 2):
        late, early = starts[n] + LATEST_MS, starts[n] - DAY_MS
        for item in ORDINARY:
            yield look("attacker", item, starts[n], session=f"s{n}", occurred_at=late)
        yield look("attacker", HERE, starts[n], session=f"s{n}", occurred_at=early)
        for item in ORDINARY:
            yield look("attacker", item, starts[n], session=f"s{n + 1}", occurred_at=early)


def with_withdrawals(starts: list[int]) -> Iterator[Event]:
    for n, at in enumerate(starts):
        yield from walk("attacker", back_and_forth(10), at, session=f"s{n}")
        for wait, consent in ((20, {"personalization": False}), (21, GRANTED)):
            yield look("attacker", HERE, at + wait * SECOND_MS, name="consent_update", consent=consent)


@pytest.mark.parametrize(
    ("attack", "sessions"),
    [(other_sessions, 200), (two_ids_in_turn, 200), (today_and_yesterday, 200), (with_withdrawals, 200), (pauses, 40)],
)
def test_one_visitor_with_200_sessions_a_day_gains_what_3_ordinary_sessions_do(
    attack: Callable[[list[int]], Iterator[Event]], sessions: int
) -> None:
    starts = [START_MS + n * (1_000 // sessions) * MINUTE_MS for n in range(sessions)]
    now = starts[-1] + 30 * MINUTE_MS
    assert now - START_MS < DAY_MS
    fair = standing_after(ordinary([starts[4] + LATEST_MS] * SESSIONS_A_DAY), now)
    assert SESSIONS_A_DAY == 3
    attacked = standing_after(attack(starts), now)
    assert gains_no_more(attacked, fair)
    assert attacked.score > 0


def test_the_next_day_a_visitor_teaches_again() -> None:
    """The bound is on influence, it is no ban."""
    starts = [START_MS + n * 10 * 60 * MINUTE_MS for n in range(10)]
    attacked = standing_after(other_sessions(starts), starts[-1])
    three = standing_after(ordinary(starts[:3]), starts[-1])
    assert attacked.rate > three.rate


def test_200_visitors_of_one_address_gain_what_50_ordinary_ones_do() -> None:
    starts = [START_MS + n * MINUTE_MS for n in range(200)]
    now = starts[-1] + MINUTE_MS
    attack = (
        event
        for n, at in enumerate(starts)
        for event in walk(f"v{n}", ORDINARY, at, edge={"key": "pk_shop", "teaches": n < OF_ONE_ADDRESS})
    )
    fair = standing_after(ordinary(starts[:OF_ONE_ADDRESS]), now)
    attacked = standing_after(attack, now)
    assert gains_no_more(attacked, fair)
    assert attacked.rate == pytest.approx(fair.rate)


@pytest.mark.parametrize("name", ["select_item", "view_item_list", "select_promotion", "add_to_wishlist", "dismiss"])
def test_a_reward_token_that_is_replayed_changes_nothing_shared(name: str) -> None:
    street = Street()
    street.play(ordinary([START_MS]))
    now = START_MS + 60 * MINUTE_MS
    before = street.shared(now)
    street.play(
        look("attacker", PUSHED, START_MS + n * SECOND_MS, name=name, decision_id="a-token", placement="trending")
        for n in range(1_000)
    )
    assert street.shared(now) == before
    assert PUSHED in before["rows"]


def test_what_only_a_browser_says_it_bought_moves_no_rank() -> None:
    street = Street()
    now = START_MS + 60 * MINUTE_MS
    shelves = (("pdp_also_bought", HERE), ("pdp_also_bought", NEIGHBOURS[0]), ("trending",))
    before = [street.shelf(placement, now, *page) for placement, *page in shelves]
    order = [{"item_id": NEIGHBOURS[0], "quantity": 1_000_000}]
    street.play(look("attacker", PUSHED, START_MS + n, name="purchase", items=order) for n in range(100))
    after = [street.shelf(placement, now, *page) for placement, *page in shelves]
    assert [list(shelf) for shelf in after] == [list(shelf) for shelf in before]
    assert after == [pytest.approx(shelf) for shelf in before]

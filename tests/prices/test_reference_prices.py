"""The reference price against a naive recount, and the cases that the directive names."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.instants import instant_ms
from stream.prices import DAY_MS, MOST, WINDOW_MS, Options, Price, Reduction, amount, record, reduction
from tests.prices.naive import Offered, reference

START = 1_790_000_000_000
AMOUNTS = st.sampled_from(["7", "8.00", "8", "9.99", "10", "12.50", "0.01"])
OFFERS = st.tuples(
    st.one_of(st.just(None), AMOUNTS, AMOUNTS, AMOUNTS),
    st.one_of(st.just(None), AMOUNTS),
    st.sampled_from(["EUR", "EUR", "EUR", "EUR", "CHF", None]),
)
STEPS = st.one_of(st.integers(1, 5), st.integers(1, 20 * DAY_MS), st.sampled_from([WINDOW_MS, WINDOW_MS - 1, DAY_MS]))
HISTORIES = st.lists(st.tuples(STEPS, OFFERS), min_size=1, max_size=30)
OPTIONS = st.builds(Options, st.booleans(), st.booleans())


def offers_of(history: Sequence[tuple[int, tuple[str | None, ...]]]) -> list[Offered]:
    at, offers = START, []
    for step, (price, sale_price, currency) in history:
        at += step
        on_offer = price is not None
        offers.append(Offered(at, price, sale_price if on_offer else None, currency if on_offer else None))
    return offers


def ledger(offers: Sequence[Offered]) -> tuple[Price, ...]:
    prices: tuple[Price, ...] = ()
    for one in offers:
        prices = record(prices, [Price(*one)])
    return prices


def days(*told: tuple[float, str | None, str | None]) -> tuple[Price, ...]:
    """A history in EUR: from which day on, price, sale price."""
    return ledger([Offered(START + int(day * DAY_MS), price, sale, "EUR") for day, price, sale in told])


def on(prices: Sequence[Price], day: float, options: Options | None = None) -> Reduction:
    found = reduction(prices, START + int(day * DAY_MS), options or Options())
    assert found is not None
    return found


@given(HISTORIES, OPTIONS, st.integers(0, 10 * DAY_MS))
def test_the_newest_reference_price_is_that_of_a_naive_recount(
    history: list[tuple[int, tuple[str | None, ...]]], options: Options, later: int
) -> None:
    offers = offers_of(history)
    now = offers[-1].at + later
    found = reduction(ledger(offers), now, options)
    expected = reference(offers, now, options)
    if found is None:
        assert offers[-1].paid is None
    else:
        assert (None if found.reference_price is None else amount(found.reference_price)) == expected
        assert (found.why is None) == (expected is not None)


@given(HISTORIES, OPTIONS)
def test_after_every_change_the_answer_is_that_of_a_recount(
    history: list[tuple[int, tuple[str | None, ...]]], options: Options
) -> None:
    offers = offers_of(history)
    prices: tuple[Price, ...] = ()
    for place, one in enumerate(offers, 1):
        prices = record(prices, [Price(*one)])
        found = reduction(prices, one.at, options)
        told = None if found is None or found.reference_price is None else amount(found.reference_price)
        assert told == reference(offers[:place], one.at, options)


@settings(max_examples=20)
@given(
    st.lists(st.tuples(st.integers(1, 8 * 3_600_000), st.integers(100, 999)), min_size=MOST, max_size=2 * MOST), OPTIONS
)
def test_a_crowded_history_is_bounded_and_never_says_too_much(changes: list[tuple[int, int]], options: Options) -> None:
    offers = offers_of([(step, (str(price), None, "EUR")) for step, price in changes])
    offers.append(Offered(offers[-1].at + 1, "1000", "5", "EUR"))
    prices = ledger(offers)
    assert len(prices) <= MOST
    found, expected = reduction(prices, offers[-1].at, options), reference(offers, offers[-1].at, options)
    assert found is not None
    assert (found.reference_price is None) == (expected is None)
    if found.reference_price is not None and expected is not None:
        assert amount(found.reference_price) <= expected


def test_the_one_cheap_hour_of_a_crowded_history_is_not_forgotten() -> None:
    hours = 40 * 24
    offers = [
        Offered(START + n * 3_600_000, "150" if n == hours - 100 else str(200 + n * 37 % 101), None, "EUR")
        for n in range(hours)
    ]
    prices = ledger([*offers, Offered(START + hours * 3_600_000, "300", "120", "EUR")])
    assert len(prices) <= MOST
    assert on(prices, 40).reference_price == "150"


def test_the_lowest_price_of_the_thirty_days_before_is_the_reference() -> None:
    prices = days((0, "100", None), (40, "90", None), (45, "110", None), (60, "120", "80"))
    assert on(prices, 61) == Reduction(
        "80", "EUR", START + 60 * DAY_MS, reference_price="90", began_ms=START + 60 * DAY_MS
    )


def test_a_price_that_ended_as_the_thirty_days_began_does_not_count() -> None:
    assert on(days((0, "70", None), (30, "100", None), (60, "100", "80")), 60).reference_price == "100"
    assert on(days((0, "70", None), (30.001, "100", None), (60, "100", "80")), 60).why == "not_lower"


def test_what_was_raised_just_before_is_no_reduction() -> None:
    found = on(days((0, "80", None), (50, "120", None), (55, "120", "80")), 56)
    assert (found.reference_price, found.why, found.paid) == (None, "not_lower", "80")


def test_a_pause_does_not_end_a_history() -> None:
    prices = days((0, "100", None), (5, None, None), (20, "90", None), (40, "100", "80"))
    assert on(prices, 40).reference_price == "90"
    longer = days((0, "100", None), (5, None, None), (80, "90", None), (100, "100", "80"))
    assert on(longer, 100).why == "no_history"


def test_thirty_days_of_history_are_needed_to_the_millisecond() -> None:
    assert on(days((0, "100", None), (30, "100", "80")), 30).reference_price == "100"
    short = ledger([Offered(START, "100", None, "EUR"), Offered(START + WINDOW_MS - 1, "100", "80", "EUR")])
    assert on(short, 30).why == "no_history"


def test_goods_new_on_the_market_only_where_the_setting_says_so() -> None:
    prices = days((0, "100", None), (10, "100", "80"))
    assert on(prices, 11).why == "no_history"
    assert on(prices, 11, Options(new=True)).reference_price == "100"
    assert on(days((0, "100", "80")), 1, Options(new=True)).why == "no_history"


def test_a_deeper_cut_is_a_reduction_of_its_own_unless_progressive() -> None:
    prices = days((0, "100", None), (40, "100", "80"), (45, "100", "60"))
    assert on(prices, 46).reference_price == "80"
    assert on(prices, 46, Options(progressive=True)).reference_price == "100"
    assert on(prices, 46, Options(progressive=True)).began_ms == START + 40 * DAY_MS


@pytest.mark.parametrize("break_", [("100", None), ("100", "95"), (None, None)])
def test_a_break_ends_a_progressive_reduction(break_: tuple[str | None, str | None]) -> None:
    prices = days((0, "100", None), (40, "100", "80"), (45, *break_), (46, "100", "60"))
    assert on(prices, 47, Options(progressive=True)).reference_price in {"80", "100"}
    assert on(prices, 47, Options(progressive=True)).began_ms != START + 40 * DAY_MS


def test_a_long_reduction_keeps_the_reference_of_its_beginning() -> None:
    prices = days((0, "100", None), (40, "100", "80"))
    assert on(prices, 400).reference_price == "100"
    again = record(prices, [Price(START + 500 * DAY_MS, "110", "80", "EUR")])
    assert on(again, 500).reference_price == "100"


def test_another_currency_begins_anew() -> None:
    franc = Price(START + 40 * DAY_MS, "90", None, "CHF")
    cut = Price(START + 60 * DAY_MS, "90", "60", "CHF")
    prices = record(record(days((0, "100", None)), [franc]), [cut])
    assert on(prices, 61).why == "no_history"
    assert on(prices, 61, Options(new=True)).reference_price == "90"


def test_what_is_not_on_offer_has_no_price() -> None:
    prices = days((0, "100", None), (40, None, None))
    assert reduction(prices, START - 1) is None
    assert reduction(prices, START + 50 * DAY_MS) is None


def test_equal_amounts_in_other_digits_do_not_begin_a_reduction_again() -> None:
    prices = days((0, "100", None), (40, "100", "80"), (75, "100", "80.00"))
    assert on(prices, 76).reference_price == "100"


@pytest.mark.parametrize("zone", ["+00:00", "+05:45", "-11:00", "+14:00"])
def test_thirty_days_are_the_same_in_every_time_zone(zone: str) -> None:
    began = instant_ms(f"2026-04-01T00:00:00{zone}")
    first = instant_ms(f"2026-03-02T00:00:00{zone}")
    assert began - first == WINDOW_MS
    offers = [Offered(first, "100", None, "EUR"), Offered(began, "100", "80", "EUR")]
    found = reduction(ledger(offers), began)
    assert found is not None
    assert found.reference_price == "100"

"""Amounts are exact, bounded, and print as plain digits."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.money import MONEY_LIMIT, Money, MoneyRangeError, MoneyShapeError, money


@pytest.mark.parametrize(
    ("sent", "text"),
    [
        ("19.90", "19.90"),
        ("19.9", "19.9"),
        ("0", "0"),
        ("007.50", "7.50"),
        ("999999999999.99", "999999999999.99"),
        ("0.0000004", "0"),
        ("0.1234567", "0.123457"),
        (19.9, "19.9"),
        (19, "19"),
        (19.0, "19"),
        (0.1 + 0.2, "0.3"),
        (59.970000000000006, "59.97"),
        (-0.0, "0"),
        (1e-7, "0"),
        (5e-324, "0"),
        (1e11, "100000000000"),
    ],
)
def test_an_amount_is_its_plain_text(sent: float | str, text: str) -> None:
    assert str(money(sent)) == text
    assert isinstance(money(sent), Money)


@pytest.mark.parametrize(
    "sent",
    [
        "",
        " 1",
        "1 ",
        "1\n",
        "1,50",
        "1.",
        ".5",
        "1e3",
        "+1",
        "NaN",
        "Infinity",
        "0x1",
        "1_000",
        "\uff11",
        "1.1.1",
        "1 EUR",
        "1" * 41,
    ],
)
def test_other_text_is_no_amount(sent: str) -> None:
    with pytest.raises(MoneyShapeError):
        money(sent)


@pytest.mark.parametrize("sent", [True, False, None, [], {}, b"1"])
def test_other_kinds_of_value_are_no_amount(sent: Any) -> None:
    with pytest.raises(MoneyShapeError):
        money(sent)


@pytest.mark.parametrize("sent", ["-1", "-0.01", "1000000000000", -1, -0.01, 10**12, 1e12, 10**400, float("inf")])
def test_an_amount_out_of_range_is_refused(sent: float | str) -> None:
    with pytest.raises(MoneyRangeError):
        money(sent)


@given(st.decimals(min_value=0, max_value=MONEY_LIMIT, places=2).filter(lambda amount: amount < MONEY_LIMIT))
def test_text_of_an_amount_reads_as_the_same_amount(amount: Decimal) -> None:
    assert money(f"{amount:f}") == amount
    assert str(money(str(money(f"{amount:f}")))) == str(money(f"{amount:f}"))


@given(st.floats(min_value=0, max_value=MONEY_LIMIT, exclude_max=True))
def test_a_number_prints_as_plain_digits(amount: float) -> None:
    text = str(money(amount))
    assert set(text) <= set("0123456789.")
    assert abs(Decimal(text) - Decimal(repr(amount))) <= Decimal("0.000001")

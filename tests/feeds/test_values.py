"""Values as feeds write them: read exactly, or refused."""

from __future__ import annotations

import contextlib
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.feeds import values
from stream.feeds.flaws import Unreadable
from stream.feeds.prose import prose

NOW = 1_790_000_000_000  # 2026-09-21


@pytest.mark.parametrize(
    ("cell", "amount", "currency"),
    [
        ("12.99 EUR", "12.99", "EUR"),
        ("EUR 12,99", "12.99", "EUR"),
        ("12,99 €", "12.99", "EUR"),
        ("€12.99", "12.99", "EUR"),
        ("£ 5", "5", "GBP"),
        ("12.99", "12.99", ""),
        ("1.234,50 eur", "1234.50", "EUR"),
        ("1,234.50 USD", "1234.50", "USD"),
        ("1 234,50 PLN", "1234.50", "PLN"),
        ("1\u202f234,50\u00a0€", "1234.50", "EUR"),
        ("1'234.50 CHF", "1234.50", "CHF"),
        ("1,234,567 JPY", "1234567", "JPY"),
        ("1.500 KWD", "1.500", "KWD"),
        ("0.1234 USD", "0.1234", "USD"),
        (" 7 SEK ", "7", "SEK"),
    ],
)
def test_an_amount(cell: str, amount: str, currency: str) -> None:
    assert values.amount(cell) == (Decimal(amount), currency)


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("1,234 USD", "ambiguous_price"),
        ("1.234 EUR", "ambiguous_price"),
        ("12,999", "ambiguous_price"),
        ("$5", "ambiguous_currency"),
        ("¥500", "ambiguous_currency"),
        ("from 5 EUR", "not_a_price"),
        ("5 EUR / 6 USD", "not_a_price"),
        ("EUR 5 EUR", "not_a_price"),
        ("1.234.50", "not_a_price"),
        ("1,23,456.00", "not_a_price"),
        ("1e3 EUR", "not_a_price"),
        ("NaN EUR", "not_a_price"),
        ("٣ EUR", "not_a_price"),
        ("-1 EUR", "not_a_price"),
        ("5 EURO", "not_a_price"),
    ],
)
def test_what_is_no_amount_or_could_be_two(cell: str, reason: str) -> None:
    with pytest.raises(Unreadable) as refused:
        values.amount(cell)
    assert refused.value.reason == reason


@given(st.decimals(min_value=0, max_value=10**9, places=2), st.sampled_from(["EUR", "USD", "CHF"]))
def test_an_amount_in_google_s_spelling_is_read_as_it_is(number: Decimal, currency: str) -> None:
    assert values.amount(f"{number} {currency}") == (number, currency)


@given(st.text(max_size=20))
def test_whatever_stands_there_is_read_or_refused(cell: str) -> None:
    for read in (
        *(values.amount, values.availability, values.web_url, values.category, values.whole_number, values.flag),
        *(values.moment_ms, values.currency, values.text, prose, lambda one: values.in_force(one, NOW)),
    ):
        with contextlib.suppress(Unreadable):
            read(cell)


@pytest.mark.parametrize(
    ("cell", "word"),
    [
        ("in stock", "in_stock"),
        ("In_Stock", "in_stock"),
        ("https://schema.org/InStock", "in_stock"),
        ("http://schema.org/LimitedAvailability", "in_stock"),
        ("out of stock", "out_of_stock"),
        ("SoldOut", "out_of_stock"),
        ("unknown", "out_of_stock"),
        ("pre-order", "preorder"),
        ("pre_order", "preorder"),
        ("BackOrder", "backorder"),
    ],
)
def test_a_word_for_availability(cell: str, word: str) -> None:
    assert values.availability(cell) == word


@pytest.mark.parametrize(
    ("cell", "path"),
    [
        ("Kitchen>Pans", "Kitchen > Pans"),
        (" Home &amp; Garden  &gt; Pans > ", "Home & Garden > Pans"),
        ("Pans", "Pans"),
        ("6070", None),
    ],
)
def test_a_category(cell: str, path: str | None) -> None:
    assert values.category(cell) == path


@pytest.mark.parametrize(
    ("cell", "on"),
    [
        ("2026-09-01T00:00Z/2026-09-30T23:59Z", True),
        ("2026-09-01T00:00-0800/2026-09-10T00:00-0800", False),
        ("2026-10-01/2026-10-31", False),
        ("2026-09-01/2026-09-21", True),
    ],
)
def test_a_sale_counts_while_it_lasts(cell: str, *, on: bool) -> None:
    assert values.in_force(cell, NOW) is on


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>One</p><p>Two <b>bold</b></p>", "One\nTwo bold"),
        ("A&nbsp;B &amp; C<br>D", "A B & C\nD"),
        ("<script>alert(1)</script>x<style>p{}</style>", "x"),
        ("<SCRIPT>alert(1)</SCRIPT >x", "x"),
        ("<ul>\n <li>a\n <li>b\n</ul>", "a\nb"),
        ("<a title='1 > 0'>link</a>", "link"),
        ("before<!-- a <b> comment -->after", "beforeafter"),
        ("<!-- never ends", ""),
        ("3 < 4 and 5 > 4", "3 < 4 and 5 > 4"),
        ("plain\n\n\n text  here", "plain\ntext here"),
        ("cut <a href='", "cut"),
    ],
)
def test_a_description_becomes_plain_text(html: str, text: str) -> None:
    assert prose(html) == text

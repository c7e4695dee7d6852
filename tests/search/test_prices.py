"""Prices in queries, as people write them in six languages."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.search.analysis import words_of
from serving.search.prices import label_of, likenesses, price_in

EURO = {"EUR"}


def limits(query: str, currencies: set[str] = EURO) -> dict[str, str] | None:
    price = price_in(query.casefold(), currencies)
    return None if price is None else price.limits


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("under 80", {"lt": "80"}),
        ("below €80", {"lt": "80"}),
        ("less than 80 euros", {"lt": "80"}),
        ("<80€", {"lt": "80"}),
        ("max 80", {"lte": "80"}),
        ("max. 80", {"lte": "80"}),
        ("up to 80", {"lte": "80"}),
        ("over 50", {"gt": "50"}),
        (">= 50", {"gte": "50"}),
        ("from 50", {"gte": "50"}),
        ("80-120", {"gte": "80", "lte": "120"}),
        ("120 - 80 eur", {"gte": "80", "lte": "120"}),
        ("between 80 and 120", {"gte": "80", "lte": "120"}),
        ("80 to 120 euro", {"gte": "80", "lte": "120"}),
        ("over 50 under 80", {"gt": "50", "lt": "80"}),
        ("unter 80", {"lt": "80"}),
        ("günstiger als 80 euro", {"lt": "80"}),
        ("bis 80", {"lte": "80"}),
        ("ab 50", {"gte": "50"}),
        ("zwischen 80 und 120", {"gte": "80", "lte": "120"}),
        ("von 80 bis 120", {"gte": "80", "lte": "120"}),
        ("moins de 80", {"lt": "80"}),
        ("jusqu'à 80", {"lte": "80"}),
        ("plus de 50", {"gt": "50"}),
        ("entre 80 et 120", {"gte": "80", "lte": "120"}),
        ("de 80 à 120", {"gte": "80", "lte": "120"}),
        ("menos de 80", {"lt": "80"}),
        ("hasta 80", {"lte": "80"}),
        ("más de 50", {"gt": "50"}),
        ("entre 80 y 120", {"gte": "80", "lte": "120"}),
        ("meno di 80", {"lt": "80"}),
        ("fino a 80", {"lte": "80"}),
        ("più di 50", {"gt": "50"}),
        ("tra 80 e 120", {"gte": "80", "lte": "120"}),
        ("minder dan 80", {"lt": "80"}),
        ("tot 80", {"lte": "80"}),
        ("meer dan 50", {"gt": "50"}),
        ("tussen 80 en 120", {"gte": "80", "lte": "120"}),
    ],
)
def test_limits_are_read(query: str, expected: dict[str, str]) -> None:
    assert limits(query) == expected
    price = price_in(f"red trainers {query.casefold()}", EURO)
    assert price is not None
    assert words_of(price.rest) == ["red", "trainers"]


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("1,299.90", "1299.90"),
        ("1.299,90", "1299.90"),
        ("1.299", "1299"),
        ("19,9", "19.9"),
        ("80,-", "80"),
        ("007", "7"),
    ],
)
def test_amounts_are_read_as_people_write_them(written: str, plain: str) -> None:
    assert limits(f"under {written}") == {"lt": plain}


@pytest.mark.parametrize(
    "query",
    [
        "cable under 80 cm",
        "over 50cm",
        "power bank over 20000 mah",
        "usb stick min 64 gb",
        "toys from 2 to 4 years",
        "iphone 12 pro max 256",
        "over ear headphones",
        "ps4 2",
        "lens 24 to 70",
        "under armour",
        "up to 20%",
        'tv over 50"',
        "under 999999999.999.999.999",
    ],
)
def test_what_is_no_price_stays_words(query: str) -> None:
    assert limits(query) is None


def test_a_currency_that_the_catalogue_does_not_have_is_not_converted() -> None:
    assert limits("under 80 dollars") is None
    assert limits("under $80", {"CAD"}) == {"lt": "80"}
    assert limits("under 80 dollars", set()) == {"lt": "80"}


def test_what_titles_say_is_no_price() -> None:
    title = "Lens 24-70 for Phone Pro Extra max 256GB"
    said = set(likenesses(title, words_of(title)))
    assert price_in("lens 24-70", EURO, said) is None
    assert price_in("phone extra max 256", EURO, said) is None
    assert price_in("lens max 256", EURO, said) is not None
    assert price_in("lens 24-70 eur", EURO, said) is not None


def test_labels_are_read_by_people() -> None:
    assert label_of({"gte": "80", "lte": "120"}, "EUR") == "80 to 120 EUR"
    assert label_of({"gt": "50", "lt": "80"}) == "over 50, under 80"


@given(st.text("0123456789-–.,€$ <>=tounderm", max_size=60))
def test_whatever_is_written_is_a_limit_or_none(text: str) -> None:
    price = price_in(text, EURO)
    assert price is None or all(float(limit) >= 0 for limit in price.limits.values())

"""Values as feeds write them. Each reader takes the text of a cell, which is not blank, and gives what the catalogue
holds, or raises `Unreadable`; none guesses where two readings are possible.
"""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal
from html import unescape
from typing import NamedTuple
from urllib.parse import urlsplit

from price_parser import Price

from stream.feeds.flaws import Unreadable
from stream.instants import instant_ms

LONGEST_AMOUNT = 60
_NUMBER = r"\d(?:[\d., '\u00a0\u202f]*\d)?"
_AMOUNT = re.compile(rf"([A-Za-z]{{3}}|[€£$¥])?\s*({_NUMBER})\s*([A-Za-z]{{3}}|[€£$¥])?").fullmatch
_PLAIN = re.compile(r"\d+(?:\.\d{1,2}|\.\d{4,6})?").fullmatch
_THREE_DIGITS = re.compile(r"\d{1,3}[.,]\d{3}").fullmatch
_GROUPED = re.compile(r"\d{1,3}(?:([., '\u00a0\u202f])\d{3})+(?:(?!\1)[.,]\d{1,2})?|\d+[.,]\d{1,2}").fullmatch
_MILS = re.compile(r"\d+\.\d{3}").fullmatch
_OF_THREE_DECIMALS = frozenset({"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"})
_SIGNS = {"€": "EUR", "£": "GBP"}
_CODE = re.compile("[A-Z]{3}").fullmatch
_BLANKS = re.compile(r"\s+")


class Amount(NamedTuple):
    """Money as the cell says it; no currency: it names none."""

    amount: Decimal
    currency: str


def text(cell: str) -> str:
    """Words in one line."""
    if "\0" in cell:
        raise Unreadable("nul", "a NUL character is in it", "remove it")
    return _BLANKS.sub(" ", cell).strip()


def amount(cell: str) -> Amount:
    """`12.99 EUR`, `EUR 12,99`, `1.234,50 €`; what could be a thousand or a fraction is refused."""
    found = _AMOUNT(cell.strip()) if len(cell) <= LONGEST_AMOUNT else None
    if found is None or (found[1] and found[3]):
        fix = "write the amount with a point and the currency's code: 12.99 EUR"
        raise Unreadable("not_a_price", "it is not an amount of money", fix)
    code = _currency(found[1] or found[3] or "")
    return Amount(_number(found[2], code), code)


def _number(digits: str, code: str) -> Decimal:
    if _PLAIN(digits) or (code in _OF_THREE_DECIMALS and _MILS(digits)):
        return Decimal(digits)
    if _THREE_DIGITS(digits):
        whole, fraction = digits.replace(",", "").replace(".", ""), digits.replace(",", ".")
        fix = f"write {whole}.00 or {fraction}0"
        raise Unreadable("ambiguous_price", f"it is {whole} to some and {fraction} to others", fix)
    found = Price.fromstring(digits).amount if _GROUPED(digits) else None
    if found is None:
        raise Unreadable("not_a_price", "its digits are grouped as no number is", "write it as 1234.50")
    return Decimal(found)


def _currency(mark: str) -> str:
    if mark in _SIGNS:
        return _SIGNS[mark]
    if mark and not mark.isalpha():
        fix = "write the code: USD, AUD, JPY, …"
        raise Unreadable("ambiguous_currency", f"{mark} is the sign of several currencies", fix)
    return mark.upper()


def currency(cell: str) -> str:
    """A code of ISO 4217."""
    code = cell.strip().upper()
    if not _CODE(code):
        raise Unreadable("not_a_currency", "it is not a currency's code", "write its three letters: EUR")
    return code


def as_money(number: Decimal) -> str:
    """Plain digits as the catalogue has them: `5.0` is `5.00`."""
    places = number.as_tuple().exponent
    return str(number.quantize(Decimal("0.01")) if places == -1 else number)


_IN, _OUT, _PRE, _BACK = "in_stock", "out_of_stock", "preorder", "backorder"
_AVAILABILITY = {
    "instock": _IN,
    "available": _IN,
    "availablefororder": _IN,
    "limitedavailability": _IN,
    "onlineonly": _IN,
    "outofstock": _OUT,
    "soldout": _OUT,
    "discontinued": _OUT,
    "instoreonly": _OUT,
    "reserved": _OUT,
    "unknown": _OUT,
    "preorder": _PRE,
    "presale": _PRE,
    "backorder": _BACK,
    "madetoorder": _BACK,
}
"""What is not known to be for sale online is out of stock: it would be shown otherwise."""


def availability(cell: str) -> str:
    """One of the catalogue's four words, from Google's, OpenAI's or schema.org's (also as an address)."""
    word = re.sub(r"[\s_-]", "", cell.strip().rsplit("/", 1)[-1]).lower()
    found = _AVAILABILITY.get(word)
    if found is None:
        fix = "write in_stock, out_of_stock, preorder or backorder"
        raise Unreadable("not_an_availability", "it is none of the words for availability", fix)
    return found


def web_url(cell: str) -> str:
    """A whole web address."""
    address = cell.strip()
    try:
        parts = urlsplit(address)
        whole = parts.scheme.lower() in {"http", "https"} and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        whole, parts = False, None
    if whole and not re.search(r"[\s\0-\x1f\\<>\"]", address):
        return address
    if parts is not None and not parts.scheme:
        fix = "write the whole address: https://shop.example/…"
        raise Unreadable("relative_url", "the address does not say which shop it is on", fix)
    raise Unreadable("not_a_url", "it is not a web address", "write https://shop.example/…, with blanks as %20")


def category(cell: str) -> str:
    """A path from wide to narrow, `Kitchen > Pans`."""
    steps = [text(step) for step in unescape(cell).split(">")]
    return " > ".join(step for step in steps if step)


def whole_number(cell: str) -> int:
    """How many; `3.0` is 3."""
    found = re.fullmatch(r"(-?\d{1,12})(?:\.0+)?", cell.strip())
    if found is None:
        raise Unreadable("not_a_number", "it is not a whole number", "write digits only: 12")
    return int(found[1])


def flag(cell: str) -> bool:
    """A yes or a no."""
    word = cell.strip().lower()
    if word in {"true", "yes", "y", "1"}:
        return True
    if word in {"false", "no", "n", "0"}:
        return False
    raise Unreadable("not_a_flag", "it is neither true nor false", "write TRUE or FALSE")


def moment_ms(cell: str, *, end: bool = False) -> int:
    """An instant; a date alone is its beginning (or its `end`), and what names no offset is in UTC."""
    try:
        found = datetime.fromisoformat(cell.strip())
        at = instant_ms(found.isoformat() + ("" if found.tzinfo else "Z"))
        return at + 86_400_000 - 1 if end and len(cell.strip()) == len("2026-01-31") else at
    except ValueError:
        fix = "write 2026-01-31T12:00:00Z"
        raise Unreadable("not_a_date", "it is not a date", fix) from None


def in_force(cell: str, now_ms: int) -> bool:
    """Whether now lies between the two instants of `start/end`."""
    start, slash, end = cell.partition("/")
    if not slash:
        fix = "write start and end: 2026-01-01T00:00Z/2026-01-31T23:59Z"
        raise Unreadable("not_a_date", "it has no start and end with a slash between them", fix)
    return moment_ms(start) <= now_ms <= moment_ms(end, end=True)

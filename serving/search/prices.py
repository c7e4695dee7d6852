"""Prices in a query: "under 80", "below €80", "80-120", "zwischen 80 und 120", "moins de 80 euros".

A number is a price only if words of price stand before it, and nothing behind it says that it is a length or a weight.
In a query that names a currency which the catalogue does not have, nothing is read: amounts cannot be converted here.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Container, Iterator, Mapping, Sequence
from typing import NamedTuple

from serving.search.analysis import words_of
from stream.money import MONEY_LIMIT

_LESS = (
    "under|below|beneath|less than|cheaper than|unter|weniger als|günstiger als|billiger als|moins de|moins cher que|"
    "sous|en dessous de|menos de|por debajo de|debajo de|sotto(?: i| gli)?|meno di|onder|minder dan|goedkoper dan"
)
_MOST = (
    "up to|at most|no more than|not more than|(?<!pro )max(?:imum|imal)?\\.?|bis(?: zu)?|höchstens|jusqu['’]?[àa]|"
    "au plus|hasta|como máximo|máximo|maximo|fino a|al massimo|massimo|tot|hoogstens|maximaal"
)
_MORE = (
    "over|above|more than|über|mehr als|plus de|au dessus de|au-dessus de|más de|mas de|por encima de|oltre|più di|"
    "piu di|sopra(?: i| gli)?|boven|meer dan"
)
_LEAST = (
    "from|at least|min(?:imum|imal)?\\.?|ab|mindestens|à partir de|a partir de|au moins|desde|al menos|como mínimo|"
    "mínimo|minimo|almeno|minstens|minimaal|vanaf"
)
_BETWEEN = "between|from|zwischen|von|entre|de|desde|tra|fra|da|tussen|van"
_AND = "and|to|und|bis|et|à|a|y|hasta|e|en|tot|[-–—]"
_CURRENCIES = {
    "EUR": "€|eur|euros?",
    "USD": r"us\$|\$|usd|dollars?",
    "GBP": "£|gbp|pounds?|pfund",
    "CHF": "chf|franken|francs?",
    "SEK": "sek|kr|kronor",
    "DKK": "dkk|kr|kroner",
    "NOK": "nok|kr|kroner",
    "PLN": "zł|pln|zl",
    "JPY": "¥|jpy|yen",
    "CNY": "¥|cny|yuan|rmb",
    "CAD": r"ca\$|\$|cad|dollars?",
    "AUD": r"au\$|\$|aud|dollars?",
}
_UNITS = (
    "mm|cm|km|m|meters?|metres?|inch(?:es)?|in|zoll|pouces?|ft|feet|foot|mg|g|kg|lbs?|oz|gb|tb|mb|kb|mhz|ghz|hz|w|watts?|"
    "kw|v|volts?|mah|ah|ma|ml|cl|l|liters?|litres?|mp|dpi|ppi|rpm|fps|db|°|h|hours?|stunden|min|minutes?|"
    "years?|yrs?|jahren?|ans|años|anni|jaar|months?|monaten?|mois|mesi|meses|days?|tagen?|weeks?|"
    "pcs?|pieces?|stück|pack|pages?|persons?|people|personen|players?|mm²|qm|m²|k|p|x|st"
)
_NAME = "|".join(sorted({one for names in _CURRENCIES.values() for one in names.split("|")}, key=len, reverse=True))
_NAMES = {code: re.compile(names).fullmatch for code, names in _CURRENCIES.items()}


def _amount(which: str) -> str:
    """A number with, perhaps, a currency on one side; in groups named for `which` amount it is."""
    number = r"[0-9]{1,9}(?:[.,'’][0-9]{3}){0,3}(?:[.,][0-9]{1,2})?(?:[.,]-+)?"
    return rf"(?:(?P<{which}_before>{_NAME})\s?)?(?P<{which}>{number})(?:\s?(?P<{which}_after>{_NAME})(?!\w))?"


_END = rf"(?![\w%\"″])(?!\s?(?:{_UNITS})(?!\w))(?!\s?[\"″])"
_RANGE = re.compile(
    rf"(?<![\w.,-])(?:(?P<between>{_BETWEEN})\s+)?{_amount('low')}\s*(?:(?P<dash>[-–—])|(?P<and>{_AND}))\s*"
    rf"{_amount('high')}{_END}(?!-)"
)
_BOUND = re.compile(
    rf"(?:(?<!\w)(?:(?P<lt>{_LESS})|(?P<lte>{_MOST})|(?P<gt>{_MORE})|(?P<gte>{_LEAST}))\s*|(?P<sign>[<>]=?)\s*)"
    rf"{_amount('amount')}{_END}(?!\s*(?:{_AND})\s*[0-9])"
)
_SIGNS = {"<": "lt", "<=": "lte", ">": "gt", ">=": "gte"}


class Price(NamedTuple):
    """What the query says of the price: by operator of the filter language the amount, in plain digits."""

    limits: dict[str, str]
    written: str
    rest: str


def price_in(text: str, currencies: Collection[str], said: Container[str] = ()) -> Price | None:
    """The price in a query in lower case, None where there is none; `rest` is the query without it.

    `currencies` are those of the catalogue (none: any is taken), `said` what its titles say that only looks like a
    price, as `likenesses` finds it.
    """
    reading = _Reading(currencies, said)
    rest = _BOUND.sub(reading.bound, _RANGE.sub(reading.range, text))
    if not reading.limits:
        return None
    return Price(reading.limits, ", ".join(reading.written), rest)


def label_of(limits: Mapping[str, str], currency: str = "") -> str:
    """The limits as a shopper reads them: "50 to 80 EUR"."""
    money = f" {currency}" if currency else ""
    if limits.keys() == {"gte", "lte"}:
        return f"{limits['gte']} to {limits['lte']}{money}"
    return ", ".join(f"{_LABELS[operator]} {amount}{money}" for operator, amount in limits.items())


class _Reading:
    """One query, its prices taken out of it one by one."""

    def __init__(self, currencies: Collection[str], said: Container[str]) -> None:
        self._currencies, self._said = currencies, said
        self.limits: dict[str, str] = {}
        self.written: list[str] = []

    def range(self, match: re.Match[str]) -> str:
        """A range with a dash may stand alone, "80 to 120" needs a word before it or a currency."""
        named = match["between"] or any(match[f"{which}_{side}"] for which in _BOTH for side in _SIDES)
        if not named and (not match["dash"] or f"{match['low']}-{match['high']}" in self._said):
            return match[0]
        low, high = sorted((_plain(match["low"]), _plain(match["high"])), key=float)
        return self._take(match, _BOTH, {"gte": low, "lte": high})

    def bound(self, match: re.Match[str]) -> str:
        operator = _SIGNS[match["sign"]] if match["sign"] else next(one for one in _OPERATORS if match[one])
        before = words_of(match.string[: match.end("amount")])[-3:]
        if not (match["amount_before"] or match["amount_after"]) and " ".join(before) in self._said:
            return match[0]
        return self._take(match, ("amount",), {operator: _plain(match["amount"])})

    def _take(self, match: re.Match[str], amounts: tuple[str, ...], limits: dict[str, str]) -> str:
        named = [name for which in amounts for side in _SIDES if (name := match[f"{which}_{side}"])]
        payable = all(float(limit) < MONEY_LIMIT for limit in limits.values())
        if not payable or not all(self._has(name) for name in named):
            return match[0]
        self.limits |= limits
        self.written.append(match[0].strip())
        return " "

    def _has(self, name: str) -> bool:
        """Whether the catalogue has a currency of this name."""
        return not self._currencies or any(
            code in self._currencies for code, names in _NAMES.items() if names(name) is not None
        )


def likenesses(title: str, words: Sequence[str]) -> Iterator[str]:
    """What a title says that only looks like a price: "24-70" of a lens, "pro max 256" of a telephone."""
    for match in _DASHED.finditer(title):
        yield f"{match[1]}-{match[2]}"
    for place, word in enumerate(words[2:], 2):
        if word[0].isdigit() and words[place - 1] in _AMBIGUOUS:
            yield " ".join((words[place - 2], words[place - 1], _DIGITS.match(word)[0]))  # type: ignore[index]


_DASHED = re.compile(r"(?<![\w.,-])([0-9]+)\s?[-–—]\s?([0-9]+)")
_DIGITS = re.compile(r"\d+")
_AMBIGUOUS = {"max", "maximum", "min", "minimum", "over", "under", "from", "to", "above", "below", "ab", "bis", "unter"}
_LABELS = {"lt": "under", "lte": "at most", "gt": "over", "gte": "at least"}
_BOTH, _SIDES, _OPERATORS = ("low", "high"), ("before", "after"), ("lt", "lte", "gt", "gte")


def _plain(number: str) -> str:
    """Plain digits with a point, of "1.299,90", "1,299.90" and "80,-"."""
    number = re.sub(r"[.,]-+$", "", number)
    whole, decimals = number, ""
    if re.search(r"[.,][0-9]{1,2}$", number):
        whole, decimals = re.split(r"[.,](?=[0-9]{1,2}$)", number)
    whole = re.sub(r"[^0-9]", "", whole).lstrip("0") or "0"
    return f"{whole}.{decimals}" if decimals else whole

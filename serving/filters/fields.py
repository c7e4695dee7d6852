"""The fields of an item that a filter may name, and how a condition on each is read.

What an item says in a field becomes a tuple of elements, and a condition asks for elements: a category is all the paths
that lead to it, tags are each for itself. Money, counts and instants are whole numbers (millionths, pieces, ms), so
that comparing them is exact.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final, NamedTuple, TypeAlias

from stream.catalog_item import CatalogItem
from stream.instants import LAST_INSTANT_MS, instant_ms
from stream.money import money

Elements: TypeAlias = tuple[Hashable, ...]
ATTRIBUTES: Final = "attributes."
LARGEST: Final = 2**53
LONGEST: Final = 1_000
DIFFERENT: Final = 65_536
_MILLIONTHS = 1_000_000
_A_PERCENT = 10_000
_MOST_PERCENT = 1_000_000_000
_BLANK = " \t\n\r"


class Field(NamedTuple):
    """One field.

    `elements` says what an item has in it, `read` what a condition asks for (ValueError says what it must be instead);
    `ordered`: it can be compared with `lt`, `lte`, `gt`, `gte`.
    """

    name: str
    elements: Callable[[CatalogItem], Elements]
    read: Callable[[Any], Hashable]
    ordered: bool = False


def field_of(name: str) -> Field | None:
    """The field of this name, None if there is none."""
    if name.startswith(ATTRIBUTES) and len(name) > len(ATTRIBUTES) and "\0" not in name:
        return _attribute(name)
    return FIELDS.get(name)


def path(text: str) -> tuple[str, ...]:
    """The steps of a category path, without the blanks around them."""
    return tuple(step for part in text.split(">") if (step := part.strip(_BLANK)))


def scalar(value: Any) -> Hashable:
    """A JSON scalar as an element: `true` is not 1."""
    return (value,) if isinstance(value, bool) else value


def number_of(element: Hashable) -> int | float | None:
    """The element as a number, None if it is none."""
    return element if isinstance(element, int | float) else None


def _text(value: Any) -> str:
    if not isinstance(value, str) or not 1 <= len(value) <= LONGEST or "\0" in value:
        raise ValueError(f"a text of 1 to {LONGEST} characters, none of them NUL")
    return value


def _path(value: Any) -> tuple[str, ...]:
    steps = path(_text(value))
    if not steps:
        raise ValueError('a category path, such as "Kitchen > Pans"')
    return steps


def _amount(value: Any) -> int:
    try:
        return int(money(value) * _MILLIONTHS)
    except ValueError:
        raise ValueError('an amount of money, such as "19.90"') from None


def _balance(value: Any) -> int:
    """An amount that may also be a loss."""
    text = value if isinstance(value, str) else ""
    loss = text.startswith("-") if text else isinstance(value, int | float) and value < 0
    try:
        amount = _amount(text.removeprefix("-") if text else abs(value) if loss else value)
    except ValueError:
        raise ValueError('an amount of money, such as "4.50" or "-1.00"') from None
    return -amount if loss else amount


def _percent(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= _MOST_PERCENT:
        raise ValueError("a number of percent, such as 40")
    return round(value * _A_PERCENT)


def _count(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > LARGEST:
        raise ValueError("a whole number")
    return value


def _instant(value: Any) -> int:
    timely = isinstance(value, str) or (isinstance(value, int | float) and 0 <= value <= LAST_INSTANT_MS)
    try:
        if timely and not isinstance(value, bool):
            return instant_ms(value)
    except ValueError:
        pass
    raise ValueError('an instant, such as "2026-01-31T12:00:00Z", or epoch milliseconds')


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("true or false")  # noqa: TRY004  # what is read is a condition's value, not an argument
    return value


def _scalar(value: Any) -> Hashable:
    what = f"a text of at most {LONGEST} characters, a number, true or false"
    if isinstance(value, str) and len(value) <= LONGEST and "\0" not in value:
        return value
    if isinstance(value, bool) or (isinstance(value, int | float) and abs(value) <= LARGEST):
        return scalar(value)
    raise ValueError(what)


def _one(value: Hashable | None) -> Elements:
    return () if value is None else (value,)


@lru_cache(maxsize=DIFFERENT)
def _paths(category: str | None) -> Elements:
    steps = path(category or "")
    return tuple(steps[:depth] for depth in range(1, len(steps) + 1))


def _price(item: CatalogItem) -> tuple[int, ...]:
    return _paid(item.sale_price or item.price)


def _margin(item: CatalogItem) -> tuple[int, ...]:
    paid, cost = _price(item), _paid(item.cost)
    return (paid[0] - cost[0],) if paid and cost else ()


def _margin_percent(item: CatalogItem) -> Elements:
    """Of what one pays, in ten-thousandths of a percent, rounded down."""
    paid, margin = _price(item), _margin(item)
    if not margin or not paid[0]:
        return ()
    return (max(margin[0] * 100 * _A_PERCENT // paid[0], -_MOST_PERCENT * _A_PERCENT),)


@lru_cache(maxsize=DIFFERENT)
def _paid(price: str | None) -> tuple[int, ...]:
    return () if price is None else (_amount(price),)


def _published(item: CatalogItem) -> Elements:
    return () if item.published_at is None else (instant_ms(item.published_at),)


def _attribute(name: str) -> Field:
    short = name.removeprefix(ATTRIBUTES)

    def elements(item: CatalogItem) -> Elements:
        value = item.attributes.get(short)
        if value is None:
            return ()
        return tuple(scalar(one) for one in value) if isinstance(value, list) else (scalar(value),)

    return Field(name, elements, _scalar, ordered=True)


FIELDS: Final = MappingProxyType(
    {
        one.name: one
        for one in (
            Field("item_id", lambda item: (item.item_id,), _text),
            Field("item_group_id", lambda item: _one(item.item_group_id), _text),
            Field("brand", lambda item: _one(item.brand), _text),
            Field("category", lambda item: _paths(item.category), _path),
            Field("tags", lambda item: tuple(item.tags), _text),
            Field("price", _price, _amount, ordered=True),
            Field("margin", _margin, _balance, ordered=True),
            Field("margin_percent", _margin_percent, _percent, ordered=True),
            Field("on_sale", lambda item: (item.sale_price is not None,), _flag),
            Field("currency", lambda item: _one(item.currency), _text),
            Field("availability", lambda item: (item.availability,), _text),
            Field("quantity", lambda item: _one(item.quantity), _count, ordered=True),
            Field("published_at", _published, _instant, ordered=True),
            Field("locale", lambda item: _one(item.locale), _text),
        )
    }
)
"""All but the attributes, which the shop names itself."""
CHOICES: Final = (*FIELDS, "attributes.<name>")

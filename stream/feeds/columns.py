"""From columns to the catalogue's fields: a format says as data which column becomes which field, and how."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from typing import Any

from msgspec import Struct

from stream.feeds import values
from stream.feeds.flaws import Row, Unreadable
from stream.feeds.values import Amount, as_money

NO_CURRENCY = Unreadable(
    "no_currency", "the amount has no currency", "write 12.99 EUR, or say for the whole feed --currency EUR"
)
MISSING = Unreadable("missing", "it is empty, and every item needs it", "fill it in")


class Options(Struct, frozen=True):
    """What a feed does not say itself: its currency, the shop's address, and which moment sales are judged by."""

    currency: str = ""
    shop: str = ""
    now_ms: int = 0


class Field(Struct, frozen=True):
    """One field of an item, the columns that may hold it (the first that is filled counts), and how they are read."""

    name: str
    columns: tuple[str, ...]
    read: Callable[[str], Any] = values.text
    required: bool = False


class Offer(Struct, frozen=True):
    """The columns of the money; the currency's is "" where amounts carry it themselves."""

    price: str
    sale_price: str = ""
    sale_dates: str = ""
    sale_start: str = ""
    sale_end: str = ""
    currency: str = ""
    cost: str = ""


def item_id(cell: str) -> str:
    """An id as events use it: nothing but its ends is touched."""
    return cell.strip()


def fill(row: Row, fields: Sequence[Field], cells: Mapping[str, str], said: Container[str]) -> None:
    """Read `fields` into the row; of columns that are `said` to exist, an empty one takes its field away."""
    named: dict[str, str] = dict(row.columns)
    for one in fields:
        column = next((name for name in one.columns if cells.get(name, "").strip()), "")
        named[one.name] = column or one.columns[0]
        if column:
            _put(row, one, column, cells[column])
        elif one.required:
            row.blame(one.columns[0], "", MISSING)
        elif any(name in said for name in one.columns):
            row.item[one.name] = None
    row.columns = named


def _put(row: Row, field: Field, column: str, cell: str) -> None:
    try:
        row.item[field.name] = field.read(cell)
    except Unreadable as why:
        row.blame(column, cell, why)


def gathered(row: Row, name: str, columns: Mapping[str, str], cells: Mapping[str, str], said: Container[str]) -> None:
    """Collect columns (column → attribute) under the field `name`."""
    if not any(column in said for column in columns):
        return
    found = {one: values.text(cells[column]) for column, one in columns.items() if cells.get(column, "").strip()}
    row.item[name] = found or None


def offered(row: Row, offer: Offer, cells: Mapping[str, str], options: Options) -> None:
    """Read the money: a row that has a price says all about it, so without a sale price there is no sale."""
    price = _amount(row, offer.price, cells)
    stated = _stated(row, offer, cells)
    sale = _amount(row, offer.sale_price, cells) if _on_sale(row, offer, cells, options) else None
    cost = _amount(row, offer.cost, cells)
    row.columns = {**row.columns, "price": offer.price, "sale_price": offer.sale_price, "cost": offer.cost}
    if price is None:
        if sale is not None and not cells.get(offer.price, "").strip():
            row.blame(offer.price, "", MISSING)
        return
    code = price.currency or stated or options.currency
    if not code:
        row.blame(offer.price, cells[offer.price], NO_CURRENCY)
        return
    row.item |= {"price": as_money(price.amount), "sale_price": None, "currency": code}
    for column, name, found in ((offer.sale_price, "sale_price", sale), (offer.cost, "cost", cost)):
        if found is None:
            continue
        if found.currency not in {"", code}:
            row.blame(column, cells[column], _other_currency(found.currency, code))
        elif name == "cost" or found.amount < price.amount:
            row.item[name] = as_money(found.amount)
        elif found.amount > price.amount:
            row.blame(column, cells[column], _dearer(price))


def _amount(row: Row, column: str, cells: Mapping[str, str]) -> Amount | None:
    cell = cells.get(column, "")
    try:
        return values.amount(cell) if cell.strip() else None
    except Unreadable as why:
        row.blame(column, cell, why)
        return None


def _stated(row: Row, offer: Offer, cells: Mapping[str, str]) -> str:
    cell = cells.get(offer.currency, "")
    try:
        return values.currency(cell) if cell.strip() else ""
    except Unreadable as why:
        row.blame(offer.currency, cell, why)
        return ""


def _on_sale(row: Row, offer: Offer, cells: Mapping[str, str], options: Options) -> bool:
    """Whether the sale price counts now."""
    tests: tuple[tuple[str, Callable[[str], bool]], ...] = (
        (offer.sale_dates, lambda cell: values.in_force(cell, options.now_ms)),
        (offer.sale_start, lambda cell: values.moment_ms(cell) <= options.now_ms),
        (offer.sale_end, lambda cell: options.now_ms <= values.moment_ms(cell, end=True)),
    )
    for column, holds in tests:
        cell = cells.get(column, "")
        try:
            if cell.strip() and not holds(cell):
                return False
        except Unreadable as why:
            row.blame(column, cell, why)
    return True


def _other_currency(found: str, code: str) -> Unreadable:
    fix = "write both in the same"
    return Unreadable("other_currency", f"it is in {found} and the price in {code}", fix)


def _dearer(price: Amount) -> Unreadable:
    fix = "write the full price into price and the reduced one here"
    return Unreadable("sale_above_price", f"it is above the price, {as_money(price.amount)}", fix)

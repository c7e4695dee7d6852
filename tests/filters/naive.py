"""A filter read word for word, item by item, from its JSON: what the compiled one must equal."""

from __future__ import annotations

from decimal import ROUND_FLOOR, Decimal, localcontext
from typing import Any

from stream.instants import instant_ms

Item = dict[str, Any]


def passes(document: dict[str, Any], item: Item) -> bool:
    return all(_part(name, value, item) for name, value in document.items())


def _part(name: str, value: Any, item: Item) -> bool:
    if name == "all":
        return all(passes(one, item) for one in value)
    if name == "any":
        return any(passes(one, item) for one in value)
    if name == "not":
        return not passes(value, item)
    if isinstance(value, dict):
        return all(_holds(name, operator, one, item) for operator, one in value.items())
    return _holds(name, "in" if isinstance(value, list) else "eq", value, item)


def _holds(name: str, operator: str, wanted: Any, item: Item) -> bool:
    has = _has(name, item)
    if operator == "exists":
        return bool(has) is wanted
    if operator in {"eq", "in"}:
        values = wanted if operator == "in" else [wanted]
        return any(_same(name, one, value) for one in has for value in values)
    if len(has) != 1 or (isinstance(has[0], str | bool) and name not in {"price", "published_at"}):
        return False
    mine, limit = _number(name, has[0]), _number(name, wanted)
    return bool({"lt": mine < limit, "lte": mine <= limit, "gt": mine > limit, "gte": mine >= limit}[operator])


def _has(name: str, item: Item) -> list[Any]:
    if name.startswith("attributes."):
        value = item.get("attributes", {}).get(name.removeprefix("attributes."))
    elif name == "price":
        value = item.get("sale_price", item.get("price"))
    elif name in {"margin", "margin_percent"}:
        value = _margin(name, item)
    elif name == "on_sale":
        value = "sale_price" in item
    elif name == "availability":
        value = item.get("availability", "in_stock")
    else:
        value = item.get(name)
    if name == "category" and not "".join(_steps(value or "")):
        value = None
    return [] if value is None else value if isinstance(value, list) else [value]


def _margin(name: str, item: Item) -> Decimal | None:
    paid, cost = item.get("sale_price", item.get("price")), item.get("cost")
    if paid is None or cost is None:
        return None
    margin = Decimal(paid) - Decimal(cost)
    if name == "margin":
        return margin
    if not Decimal(paid):
        return None
    with localcontext(prec=60):
        percent = (margin * 100 / Decimal(paid)).quantize(Decimal("0.0001"), rounding=ROUND_FLOOR)
    return max(percent, Decimal(-1_000_000_000))


def _same(name: str, mine: Any, wanted: Any) -> bool:
    if name == "category":
        steps = _steps(wanted)
        return _steps(mine)[: len(steps)] == steps
    if name in {"price", "margin", "margin_percent", "published_at"}:
        return bool(_number(name, mine) == _number(name, wanted))
    return isinstance(mine, bool) == isinstance(wanted, bool) and bool(mine == wanted)


def _steps(text: str) -> list[str]:
    return [part.strip() for part in text.split(">") if part.strip()]


def _number(name: str, value: Any) -> Any:
    if name in {"price", "margin", "margin_percent"}:
        return Decimal(str(value))
    return instant_ms(value) if name == "published_at" else value

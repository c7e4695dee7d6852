"""Which shoppers a rule is for, as data: read once, asked with each request.

```
{"visitor": "returning", "viewed": {"days": 30, "if": {"category": "Kitchen"}}}    all must hold
{"any": [{"customer": true}, {"not": {"cart": true}}]}
```
It is asked only where the visitor's state may be used; of others nothing is known, and a rule with a segment is not
theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final, NamedTuple, TypeAlias

from serving.config import BadDocument
from serving.filters.rule import BadFilter
from serving.filters.rule import Rule as Filter
from serving.filters.rule import compiled as filter_of
from serving.shop import Shop
from stream.signals import bought, cart, device, session, viewed

DEPTH = 4
CONDITIONS = 20
DAYS = 90
WORDS, LONGEST_WORD = 20, 64
CHOICES: Final = (
    *("visitor", "customer", "cart", "viewed", "bought", "visit", "device", "locale"),
    *("all", "any", "not"),
)
_DAY_MS = 86_400_000


class Shopper(NamedTuple):
    """Whom a segment is asked about at `now` (ms): a visitor whose state may be used.

    `customer`: whether they are logged in; `others`: how many other visitors of that customer are known.
    """

    visitor: Any
    customer: bool
    others: int
    shop: Shop
    now: int


Holds: TypeAlias = Callable[[Shopper], bool]


def compiled(document: Any, at: str = "/when/segment") -> Holds:
    """The segment of a JSON value that stands at this pointer; raises `BadDocument`."""
    return _Reading().node(document, at, 1)


class _Reading:
    """One segment on its way to a function; counts what is bounded."""

    def __init__(self) -> None:
        self._conditions = 0

    def node(self, node: Any, at: str, depth: int) -> Holds:
        if not isinstance(node, dict) or not node:
            raise BadDocument(at, 'A segment is an object that says something, such as {"visitor": "returning"}.')
        if depth > DEPTH:
            raise BadDocument(at, f"A segment is nested at most {DEPTH} levels deep.")
        return _all([self._part(name, value, f"{at}/{_escaped(name)}", depth) for name, value in node.items()])

    def _part(self, name: str, value: Any, at: str, depth: int) -> Holds:
        if name == "not":
            inner = self.node(value, at, depth + 1)
            return lambda shopper: not inner(shopper)
        if name in {"all", "any"}:
            if not isinstance(value, list) or not 1 <= len(value) <= CONDITIONS:
                raise BadDocument(at, f"This must be a list of 1 to {CONDITIONS} segments.")
            branches = [self.node(one, f"{at}/{place}", depth + 1) for place, one in enumerate(value)]
            return _all(branches) if name == "all" else _any(branches)
        if name not in _CONDITIONS:
            raise BadDocument(at, f"There is no condition of this name; there are {', '.join(CHOICES)}.")
        self._conditions += 1
        if self._conditions > CONDITIONS:
            raise BadDocument(at, f"A segment may have {CONDITIONS} conditions.")
        return _CONDITIONS[name](value, at)


def _all(parts: list[Holds]) -> Holds:
    return parts[0] if len(parts) == 1 else lambda shopper: all(part(shopper) for part in parts)


def _any(parts: list[Holds]) -> Holds:
    return lambda shopper: any(part(shopper) for part in parts)


def _visitor(value: Any, at: str) -> Holds:
    if value not in ("new", "returning"):
        raise BadDocument(at, "This must be new or returning.")
    return _returns if value == "returning" else lambda shopper: not _returns(shopper)


def _returns(shopper: Shopper) -> bool:
    """Whether anything is known of the shopper from before this visit, here or on another device of theirs."""
    running = session.SIGNAL.of(shopper.visitor)
    here = running.last_at and shopper.now <= running.last_at + session.GAP_MS
    since = running.started_at if here else shopper.now
    touched = [one.at for one in viewed.SIGNAL.of(shopper.visitor).items]
    touched += [one.at for one in bought.SIGNAL.of(shopper.visitor).items.values()]
    touched += [line.at for line in cart.SIGNAL.of(shopper.visitor).items.values()]
    return shopper.others > 0 or any(at < since for at in touched)


def _customer(value: Any, at: str) -> Holds:
    wanted = _flag(value, at)
    return lambda shopper: shopper.customer is wanted


def _cart(value: Any, at: str) -> Holds:
    wanted = _flag(value, at)
    return lambda shopper: bool(cart.SIGNAL.of(shopper.visitor).items) is wanted


def _flag(value: Any, at: str) -> bool:
    if not isinstance(value, bool):
        raise BadDocument(at, "This must be true or false.")
    return value


def _viewed(value: Any, at: str) -> Holds:
    return _touched(value, at, lambda visitor: ((one.item_id, one.at) for one in viewed.SIGNAL.of(visitor).items))


def _bought(value: Any, at: str) -> Holds:
    return _touched(value, at, lambda visitor: ((key, one.at) for key, one in bought.SIGNAL.of(visitor).items.items()))


def _touched(value: Any, at: str, items: Callable[[Any], Iterable[tuple[str, int]]]) -> Holds:
    """Whether any of these items was touched within so many days, and meets the condition if there is one."""
    days, condition = _within(value, at)

    def holds(shopper: Shopper) -> bool:
        since, shop = shopper.now - days * _DAY_MS, shopper.shop
        recent = [item_id for item_id, when in items(shopper.visitor) if when >= since]
        return bool(recent) if condition is None else any(_meets(shop, condition, one) for one in recent)

    return holds


def _meets(shop: Shop, condition: Filter, item_id: str) -> bool:
    code = shop.codes.known(item_id)
    return code is not None and bool(shop.met(condition)[code])


def _within(value: Any, at: str) -> tuple[int, Filter | None]:
    if not isinstance(value, dict):
        raise BadDocument(at, 'This must be an object, such as {"days": 30, "if": {"category": "Kitchen"}}.')
    unknown = value.keys() - {"days", "if"}
    if unknown:
        raise BadDocument(f"{at}/{_escaped(min(unknown))}", "There is no field of this name; there are days and if.")
    days = value.get("days")
    if isinstance(days, bool) or not isinstance(days, int) or not 1 <= days <= DAYS:
        raise BadDocument(f"{at}/days", f"This must be a whole number from 1 to {DAYS}.")
    return days, None if "if" not in value else _condition(value["if"], f"{at}/if")


def _condition(document: Any, at: str) -> Filter:
    try:
        return filter_of(document)
    except BadFilter as error:
        raise BadDocument(f"{at}{error.pointer}", error.detail) from None


def _visit(value: Any, at: str) -> Holds:
    """Whether so large a share of the running visit's items meets the condition."""
    if not isinstance(value, dict) or value.keys() != {"share", "if"}:
        raise BadDocument(at, 'This must be an object such as {"share": 0.5, "if": {"category": "Kitchen"}}.')
    share, condition = value["share"], _condition(value["if"], f"{at}/if")
    if isinstance(share, bool) or not isinstance(share, int | float) or not 0 < share <= 1:
        raise BadDocument(f"{at}/share", "This must be a number above 0, and at most 1.")

    def holds(shopper: Shopper) -> bool:
        running = session.SIGNAL.of(shopper.visitor)
        if shopper.now > running.last_at + session.GAP_MS:
            return False
        items = {step.item_id for step in running.steps}
        return bool(items) and sum(_meets(shopper.shop, condition, one) for one in items) >= share * len(items)

    return holds


def _device(value: Any, at: str) -> Holds:
    wanted = _words(value, at, '"mobile"')
    return lambda shopper: device.SIGNAL.of(shopper.visitor).device.casefold() in wanted


def _locale(value: Any, at: str) -> Holds:
    """Whether their language is one of these, or one of these in a region: `de` is also said of `de-AT`."""
    wanted = {one.replace("_", "-") for one in _words(value, at, '"de"')}

    def holds(shopper: Shopper) -> bool:
        said = device.SIGNAL.of(shopper.visitor).locale.casefold().replace("_", "-")
        return any(said == one or said.startswith(f"{one}-") for one in wanted)

    return holds


def _words(value: Any, at: str, example: str) -> frozenset[str]:
    """One word or several, in small letters."""
    words = [value] if isinstance(value, str) else value
    if not isinstance(words, list) or not 1 <= len(words) <= WORDS:
        raise BadDocument(at, f"This must be a word such as {example}, or a list of 1 to {WORDS}.")
    if not all(isinstance(one, str) and 1 <= len(one) <= LONGEST_WORD for one in words):
        raise BadDocument(at, f"Each of these must be a word such as {example}, of at most {LONGEST_WORD} characters.")
    return frozenset(one.casefold() for one in words)


def _escaped(name: str) -> str:
    return name[:100].replace("~", "~0").replace("/", "~1")


_CONDITIONS: Final = {
    "visitor": _visitor,
    "customer": _customer,
    "cart": _cart,
    "viewed": _viewed,
    "bought": _bought,
    "visit": _visit,
    "device": _device,
    "locale": _locale,
}

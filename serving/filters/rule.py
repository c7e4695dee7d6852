"""A filter document, checked and compiled.

```
{"category": "Kitchen > Pans"}          one field: a value, a list of values (any of them), or operators
{"price": {"gte": "10", "lte": "50"}}   several operators, and several fields in one object, must all hold
{"all": […]}  {"any": […]}  {"not": {…}}
```
An item without the field meets no condition on it but `{"exists": false}`; so `not` is the plain opposite.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import lru_cache
from typing import Any, TypeAlias

import msgspec
import numpy as np

from serving.filters.columns import Columns, Mask, Operator
from serving.filters.fields import CHOICES, Field, field_of, number_of

DEPTH = 8
LEAVES = 100
BRANCHES = 100
VALUES = 200
ATTRIBUTES = 16
COMPILED = 1_024
_ORDER: tuple[Operator, ...] = ("lt", "lte", "gt", "gte")
_OPERATORS = ("eq", "in", "exists", *_ORDER)
_encode = msgspec.json.Encoder(order="sorted").encode

Masks: TypeAlias = Callable[[Columns], Mask]


class BadFilter(ValueError):
    """The document is no filter; `pointer` says where (RFC 6901), the text what to write instead."""

    def __init__(self, pointer: str, detail: str) -> None:
        super().__init__(detail)
        self.pointer, self.detail = pointer, detail


class Rule:
    """A compiled filter; equal documents are one object as long as they are used.

    Attributes
    ----------
    document: the filter as JSON; `fields` names all that it asks about.
    mask: which items it lets through, by code.
    """

    __slots__ = ("document", "fields", "mask")

    def __init__(self, document: bytes, fields: frozenset[str], mask: Masks) -> None:
        self.document, self.fields, self.mask = document, fields, mask


def compiled(document: Any) -> Rule:
    """The filter of a JSON value; raises `BadFilter`."""
    try:
        return _compiled(_encode(document))
    except RecursionError:
        raise BadFilter("", _TOO_DEEP) from None


@lru_cache(maxsize=COMPILED)
def _compiled(document: bytes) -> Rule:
    reading = _Reading()
    mask = reading.node(msgspec.json.decode(document), "", 1)
    return Rule(document, frozenset(reading.fields), mask)


@lru_cache(maxsize=COMPILED)
def both(one: Rule, other: Rule) -> Rule:
    """What both let through."""
    document = b'{"all":[%b,%b]}' % (one.document, other.document)
    return Rule(document, one.fields | other.fields, _all((one.mask, other.mask)))


class _Reading:
    """One document on its way to a mask; counts what is bounded."""

    def __init__(self) -> None:
        self._leaves = 0
        self.fields: set[str] = set()

    def node(self, node: Any, at: str, depth: int) -> Masks:
        if not isinstance(node, dict):
            raise BadFilter(at, 'A filter is an object, such as {"brand": "Acme"}.')
        if not node:
            raise BadFilter(at, "An empty filter says nothing: leave it out.")
        if depth > DEPTH:
            raise BadFilter(at, _TOO_DEEP)
        return _all(tuple(self._part(name, value, f"{at}/{_escaped(name)}", depth) for name, value in node.items()))

    def _part(self, name: str, value: Any, at: str, depth: int) -> Masks:
        if name == "not":
            return _opposite(self.node(value, at, depth + 1))
        if name in {"all", "any"}:
            return (_all if name == "all" else _any)(self._branches(value, at, depth))
        return self._condition(name, value, at)

    def _branches(self, value: Any, at: str, depth: int) -> tuple[Masks, ...]:
        if not isinstance(value, list) or not 1 <= len(value) <= BRANCHES:
            raise BadFilter(at, f"This must be a list of 1 to {BRANCHES} filters.")
        return tuple(self.node(one, f"{at}/{place}", depth + 1) for place, one in enumerate(value))

    def _condition(self, name: str, value: Any, at: str) -> Masks:
        field = field_of(name)
        if field is None:
            raise BadFilter(at, f"There is no field of this name; there are {', '.join(CHOICES)}, and all, any, not.")
        self._count(name, at)
        if isinstance(value, dict):
            if not value:
                raise BadFilter(at, f"No operator: write one of {', '.join(_operators(field))}.")
            return _all(tuple(_operation(field, op, one, f"{at}/{_escaped(op)}") for op, one in value.items()))
        return _equal(field, value if isinstance(value, list) else [value], at)

    def _count(self, name: str, at: str) -> None:
        self._leaves += 1
        if self._leaves > LEAVES:
            raise BadFilter(at, f"A filter may have {LEAVES} conditions; `in` takes many values in one.")
        self.fields.add(name)
        if len(self.fields) > ATTRIBUTES and sum(map(_is_attribute, self.fields)) > ATTRIBUTES:
            raise BadFilter(at, f"A filter may name {ATTRIBUTES} different attributes.")


def _operation(field: Field, operator: str, value: Any, at: str) -> Masks:
    if operator not in _operators(field):
        detail = f"`{field.name}` does not know this operator; it knows {', '.join(_operators(field))}."
        raise BadFilter(at, detail)
    if operator == "exists":
        if not isinstance(value, bool):
            raise BadFilter(at, "This must be true or false.")
        return _there(field) if value else _opposite(_there(field))
    if operator == "in":
        if not isinstance(value, list):
            raise BadFilter(at, "This must be a list of values.")
        return _equal(field, value, at)
    if operator == "eq":
        return _equal(field, [value], at)
    return _compared(field, operator, value, at)


def _operators(field: Field) -> tuple[str, ...]:
    return _OPERATORS if field.ordered else _OPERATORS[:3]


def _equal(field: Field, values: list[Any], at: str) -> Masks:
    if not 1 <= len(values) <= VALUES:
        raise BadFilter(at, f"This must be a list of 1 to {VALUES} values.")
    wanted = [_read(field, value, at) for value in values]
    return lambda columns: (
        _none(columns) if (column := columns.of(field)) is None else column.equal(wanted, columns.count)
    )


def _compared(field: Field, operator: Any, value: Any, at: str) -> Masks:
    limit = number_of(_read(field, value, at))
    if limit is None:
        raise BadFilter(at, "This must be a number.")
    return lambda columns: (
        _none(columns) if (column := columns.of(field)) is None else column.compared(operator, limit, columns.count)
    )


def _there(field: Field) -> Masks:
    return lambda columns: _none(columns) if (column := columns.of(field)) is None else column.there(columns.count)


def _read(field: Field, value: Any, at: str) -> Hashable:
    try:
        return field.read(value)
    except ValueError as error:
        raise BadFilter(at, f"`{field.name}` is compared with {error}.") from None


def _none(columns: Columns) -> Mask:
    return np.zeros(columns.count, np.bool_)


def _opposite(part: Masks) -> Masks:
    return lambda columns: ~part(columns)


def _all(parts: tuple[Masks, ...]) -> Masks:
    if len(parts) == 1:
        return parts[0]
    return lambda columns: np.logical_and.reduce([part(columns) for part in parts])


def _any(parts: tuple[Masks, ...]) -> Masks:
    if len(parts) == 1:
        return parts[0]
    return lambda columns: np.logical_or.reduce([part(columns) for part in parts])


def _is_attribute(name: str) -> bool:
    return name.startswith("attributes.")


def _escaped(name: str) -> str:
    """A name as part of a JSON Pointer, shortened where somebody sent a book."""
    return name[:100].replace("~", "~0").replace("/", "~1")


_TOO_DEEP = f"The filter is nested more than {DEPTH} levels deep."

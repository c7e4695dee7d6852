"""What the demo shop could sell: its departments, kinds of items, looks and brands, as the TOML files beside this say.

A kind lists its forms and its materials so that each form fits each material; `serving.demo.catalogue` puts them
together. A form or a material is [word, sentence, price factor], and a material may name the colours that it has.
"""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

from msgspec import Struct, convert


class Form(Struct, frozen=True, array_like=True):
    """What an item is: "saucepan", a sentence about it, and what it costs relative to its kind."""

    word: str
    sentence: str
    factor: float


class Material(Struct, frozen=True, array_like=True):
    """What an item is made of; `colours` replaces the kind's where the material has its own."""

    word: str
    sentence: str
    factor: float
    colours: tuple[str, ...] = ()


class Kind(Struct, frozen=True, rename={"complements": "with"}):
    """One kind of items: its category's last word, its drawing, and what fits.

    `price` is the median in euros; `complements` are the kinds that shoppers go on to; `search` is what they type.
    `sizes` maps a size to its price factor; with `one_colour` an item's sizes share one colour, as books do.
    """

    id: str
    name: str
    price: float
    complements: tuple[str, ...]
    search: tuple[str, ...]
    colours: tuple[str, ...]
    forms: tuple[Form, ...]
    materials: tuple[Material, ...] = ()
    sizes: dict[str, float] = {}
    one_colour: bool = False


class Department(Struct, frozen=True):
    """One file of `departments/`."""

    name: str
    brands: tuple[str, ...]
    kind: tuple[Kind, ...]


class Styles(Struct, frozen=True):
    """The file `styles.toml`: style → colours, brand → price factor."""

    styles: dict[str, tuple[str, ...]]
    brands: dict[str, float]

    def of(self, colour: str) -> str:
        """The style that a colour belongs to."""
        return next(style for style, colours in self.styles.items() if colour in colours)


@cache
def departments() -> tuple[Department, ...]:
    """All departments by name, read once."""
    found = [one for one in files(__package__).joinpath("departments").iterdir() if one.name.endswith(".toml")]
    read: list[Any] = [tomllib.loads(one.read_text("utf-8")) for one in sorted(found, key=lambda one: one.name)]
    return convert(tuple(read), tuple[Department, ...])


@cache
def styles() -> Styles:
    """The styles and brands, read once."""
    return convert(tomllib.loads(files(__package__).joinpath("styles.toml").read_text("utf-8")), Styles)

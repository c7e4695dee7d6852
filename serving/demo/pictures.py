"""Pictures of the demo's items: a few flat shapes a kind, in the item's own colour, drawn as SVG when asked for."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import Final

from msgspec import Struct, convert

from serving.demo.catalogue import by_id

STROKE: Final = 'fill="none" stroke-linecap="round" stroke-linejoin="round" stroke-width="{0}"'
FRAME: Final = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 240 240"><rect width="240" height="240" fill="{b}"/>'
    '<ellipse cx="120" cy="192" rx="84" ry="9" fill="{f}"/>{shape}</svg>'
)


class Drawings(Struct, frozen=True):
    """The file `pictures.toml`: colour name → "#rrggbb", kind → shapes with the places of `tones`."""

    colours: dict[str, str]
    shapes: dict[str, str]


@cache
def drawings() -> Drawings:
    """The drawings, read once."""
    return convert(tomllib.loads(files(__package__).joinpath("pictures.toml").read_text("utf-8")), Drawings)


def picture(item_id: str) -> bytes | None:
    """The SVG of an item of the made catalogue; None for any other id."""
    item = by_id().get(item_id)
    if item is None:
        return None
    tone = tones(drawings().colours[item.colour])
    shape = drawings().shapes[item.kind].replace("{cover}", drawings().shapes["cover"])
    return FRAME.format(b=tone["b"], f=tone["f"], shape=shape.format_map(tone)).encode()


def tones(base: str) -> dict[str, str]:
    """The colours of one drawing, all derived from the item's own, and its three widths of line."""
    return {
        "m": base,
        "d": mix(base, "#1d1f24", 0.28),
        "l": mix(base, "#ffffff", 0.42),
        "b": mix(base, "#f5f2ec", 0.80),
        "f": mix(base, "#d9d4ca", 0.72),
        "p": "#fbf8f1",
        "s": "#bcc3c9",
        "k": "#3c4046",
        "w": "#a47b55",
        "g": "#6f8f5d",
        "thin": STROKE.format(3),
        "line": STROKE.format(5),
        "bold": STROKE.format(11),
    }


def mix(first: str, second: str, share: float) -> str:
    """A colour between two: `share` of the second, both "#rrggbb"."""
    pairs = zip(bytes.fromhex(first[1:]), bytes.fromhex(second[1:]), strict=True)
    return "#" + bytes(round(a + (b - a) * share) for a, b in pairs).hex()

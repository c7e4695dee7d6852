"""Who shops in the demo: people with latent tastes, a budget, patience, devices and a mind about consent.

A person is a function of the world's seed and a number: the first `REGULARS` come back, the others are passers-by.
"""

from __future__ import annotations

import math
import random
from functools import cache
from typing import Final, Literal

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from serving.demo.assortment import Kind, departments, styles

REGULARS: Final = 400
FAVOURITES: Final = 3
TWO_DEVICES: Final = 0.25
Mind = Literal["all", "withdraws", "analytics", "nothing"]
MINDS: Final[tuple[tuple[Mind, float], ...]] = (
    ("all", 0.80),
    ("withdraws", 0.04),
    ("analytics", 0.08),
    ("nothing", 0.08),
)


class Shopper(Struct, frozen=True, eq=False):
    """One person.

    Attributes
    ----------
    number: of the person in this world.
    visitor_ids: one for each device; `customer_id` ties them, empty for those who have no account.
    mind: what the person lets the shop do; who "withdraws" does so at the third visit.
    budget: what a usual price is, relative to everybody's; `thrift` is how much a price above it hurts.
    patience: how many items are looked at, on average, before the visit ends; `buys` the probability of paying.
    activity: how often the person comes, relative to others.
    kinds, styles, brands: utilities in nats, in the order of `kinds()`, `style_names()` and `brand_names()`.
    """

    number: int
    visitor_ids: tuple[str, ...]
    customer_id: str
    mind: Mind
    budget: float
    thrift: float
    patience: float
    buys: float
    activity: float
    kinds: NDArray[np.float64]
    styles: NDArray[np.float64]
    brands: NDArray[np.float64]


@cache
def kinds() -> tuple[Kind, ...]:
    """All kinds, in the catalogue's order."""
    return tuple(kind for department in departments() for kind in department.kind)


@cache
def style_names() -> tuple[str, ...]:
    """All styles."""
    return tuple(styles().styles)


@cache
def brand_names() -> tuple[str, ...]:
    """All brands."""
    return tuple(styles().brands)


def person(seed: int, number: int) -> Shopper:
    """The person of this number in the world of `seed`."""
    rng = random.Random(f"{seed} person {number}")
    devices = 2 if number < REGULARS and rng.random() < TWO_DEVICES else 1
    return Shopper(
        number=number,
        visitor_ids=tuple(hex_id(rng) for _ in range(devices)),
        customer_id=f"demo-{seed}-{number}" if devices > 1 else "",
        mind=rng.choices([mind for mind, _ in MINDS], [share for _, share in MINDS])[0],
        budget=math.exp(rng.gauss(0.0, 0.35)),
        thrift=rng.uniform(0.4, 2.2),
        patience=rng.uniform(2.0, 9.0),
        buys=rng.uniform(0.15, 0.65),
        activity=rng.gammavariate(1.2, 1.0),
        kinds=_taste_for_kinds(rng),
        styles=np.array([rng.gauss(0.0, 0.8) for _ in style_names()]),
        brands=np.array([rng.gauss(0.0, 0.5) for _ in brand_names()]),
    )


def _taste_for_kinds(rng: random.Random) -> NDArray[np.float64]:
    """A liking for departments, a few favourite kinds, and a little of it for what goes with these."""
    taste: dict[str, float] = {}
    for department in departments():
        liking = rng.gauss(0.0, 0.8)
        taste |= {kind.id: liking + rng.gauss(0.0, 0.3) for kind in department.kind}
    for favourite in rng.sample(kinds(), FAVOURITES):
        taste[favourite.id] += 2.0
        for other in favourite.complements:
            taste[other] += 0.8
    return np.array([taste[kind.id] for kind in kinds()])


def hex_id(rng: random.Random) -> str:
    """128 bits in hex, as the page's visitor ids are."""
    return f"{rng.getrandbits(128):032x}"

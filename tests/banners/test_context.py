"""What a bandit is told of who asks: near visits are near, and what is not known is zero."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from serving.banners.context import context_of
from serving.rules.segment import Shopper
from serving.shop import Shop
from stream import vectors
from stream.bandits.features import BUCKETS, CONTEXT, FACTORS, LIMIT, WIDTH, Vector, admits
from stream.signals import session, viewed
from stream.visitor import Visitor

NOW = 1_790_000_000_000
HOUR_MS = 3_600_000
CATEGORIES = {"pan": "Kitchen > Pans", "pot": "Kitchen > Pots", "lamp": "Lights"}


def shopper(*steps: str, now: int = NOW, before_ms: int | None = None) -> Shopper:
    visitor = Visitor()
    visitor.session = session.State(
        started_at=NOW - 60_000,
        last_at=NOW if steps else 0,
        steps=[session.Step(item, "view_item", NOW, f"e{n}") for n, item in enumerate(steps)],
    )
    if before_ms is not None:
        visitor.viewed = viewed.State([viewed.Viewed("pan", NOW - before_ms, "e")])
    shop = cast("Shop", SimpleNamespace(category_of=CATEGORIES))
    return Shopper(visitor, customer=False, others=0, shop=shop, now=now)


def told(context: Vector) -> dict[str, float]:
    return dict(zip(CONTEXT, context.tolist(), strict=True))


def factors(vector: Any) -> Vector:
    return context_of(shopper("pan"), vectors.pack(vector))[1 : 1 + FACTORS]


def unit(seed: int, like: Any = None) -> Any:
    vector = np.random.default_rng(seed).normal(size=vectors.DIMENSIONS)
    made = vector / np.linalg.norm(vector) * (1.0 if like is None else 0.2) + (0.0 if like is None else like)
    return (made / np.linalg.norm(made)).astype(np.float32)


def test_of_a_new_visitor_little_is_known() -> None:
    found = told(context_of(shopper(now=NOW - NOW % (24 * HOUR_MS) + 6 * HOUR_MS), None))
    assert {name: value for name, value in found.items() if round(value, 3)} == {"bias": 1.0, "hour_sin": 1.0}


def test_it_can_be_learnt_from() -> None:
    context = context_of(shopper("pan", "lamp", before_ms=HOUR_MS), vectors.pack(unit(1)), "mobile")
    assert len(context) == WIDTH <= 32
    assert admits(context)
    assert (context == context.astype("<f2").astype(np.float64)).all()


def test_near_visits_stay_near_and_others_apart() -> None:
    here = unit(1)
    near = [np.linalg.norm(factors(here) - factors(unit(seed, like=here))) for seed in range(2, 40)]
    far = [np.linalg.norm(factors(here) - factors(unit(seed))) for seed in range(2, 40)]
    lengths = [np.linalg.norm(factors(unit(seed))) for seed in range(200)]
    assert np.mean(near) < 0.5 * np.mean(far)
    assert np.mean(np.square(lengths)) == pytest.approx(1.0, abs=0.1)
    assert max(lengths) < LIMIT


def test_categories_are_shares_of_the_visits_items() -> None:
    affinity = context_of(shopper("pan", "pot", "lamp", "unheard of"), None)[1 + FACTORS : 1 + FACTORS + BUCKETS]
    assert sorted(affinity[affinity > 0]) == pytest.approx([1 / 3, 2 / 3], abs=1e-3)


def test_a_visit_that_is_over_says_nothing() -> None:
    later = shopper("pan", now=NOW + HOUR_MS)
    assert not context_of(later, vectors.pack(unit(1)))[1 : 1 + FACTORS + BUCKETS].any()


@pytest.mark.parametrize(
    ("device", "mobile", "desktop"), [("mobile", 1, 0), ("Tablet", 1, 0), ("desktop", 0, 1), ("", 0, 0)]
)
def test_the_device(device: str, mobile: int, desktop: int) -> None:
    found = told(context_of(shopper(), None, device))
    assert (found["mobile"], found["desktop"]) == (mobile, desktop)


def test_who_was_here_before_returns() -> None:
    assert told(context_of(shopper("pan", before_ms=HOUR_MS), None))["returning"] == 1.0
    assert told(context_of(shopper("pan"), None))["returning"] == 0.0

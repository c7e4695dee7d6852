"""Everything that grows has a cap, and stays at it."""

from __future__ import annotations

import msgspec
import pytest

from stream.signals import bought, cart, dismissed, session, viewed
from tests.stream.visits import Visits


@pytest.fixture(scope="module")
def visitor() -> object:
    """Somebody who does everything, with another item each time, for hours."""
    visits = Visits()
    for n in range(450):
        for m, name in enumerate(("view_item", "add_to_cart", "purchase", "dismiss", "page_view", "search")):
            items = [f"{name}{n}"] if m < 4 else []
            visits.send(name, *items, minute=n * 4 + m / 2)
    return visits.visitor()


@pytest.mark.parametrize(
    ("path", "cap"),
    [
        ("session.steps", session.STEPS),
        ("session.pairs", session.PAIRS),
        ("session.seen", session.ITEMS),
        ("cart.items", cart.LINES),
        ("viewed.items", viewed.ITEMS),
        ("bought.items", bought.ITEMS),
        ("dismissed.items", dismissed.ITEMS),
        ("recent", 64),
    ],
)
def test_it_is_full_and_no_fuller(visitor: object, path: str, cap: int) -> None:
    found = visitor
    for name in path.split("."):
        found = getattr(found, name)
    assert len(found) == cap  # type: ignore[arg-type]


def test_what_does_not_grow_is_small(visitor: object) -> None:
    running = session.SIGNAL.of(visitor)
    assert len(running.samples) <= 6
    assert len(running.counts) <= 15


def test_the_newest_are_kept(visitor: object) -> None:
    assert session.SIGNAL.of(visitor).steps[-1].item_id == "add_to_cart449"
    assert viewed.SIGNAL.of(visitor).items[0].item_id == "view_item449"
    assert list(bought.SIGNAL.of(visitor).items)[-1] == "purchase449"
    assert list(dismissed.SIGNAL.of(visitor).items)[-1] == "dismiss449"
    assert list(cart.SIGNAL.of(visitor).items)[-1] == "add_to_cart449"


def test_a_full_visitor_with_ordinary_ids_takes_15_kib(visitor: object) -> None:
    assert len(msgspec.msgpack.encode(visitor)) < 15 * 1024

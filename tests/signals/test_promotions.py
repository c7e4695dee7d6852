"""Which banners a visitor saw and what came of them goes to the learner once, and only of our own decisions."""

from __future__ import annotations

from typing import Any

import pytest

from stream.entries import BannerOutcome
from stream.fold import Emit
from stream.ingest import Accepted, admit
from stream.signals.promotions import KEPT, OUTCOMES, State, close, fold
from stream.tokens import DecisionToken
from tests.stream.worlds import NOW, event, records

SLOT = "home_top"
WINDOW_S = 600


class Visit:
    """One visitor's events, and what the learner is told."""

    def __init__(self) -> None:
        self.state, self.emit = State(), Emit(("events", 0), {"feedback": 1})

    def does(self, name: str, number: int | None = 1, at_s: float = 0, **more: Any) -> None:
        """An event about the banner of decision `number` (None: of no decision)."""
        at = NOW + int(at_s * 1_000)
        if name != "purchase":
            more.setdefault("promotion", {"promotion_id": "spring/1", "creative_slot": SLOT})
        else:
            more.setdefault("transaction_id", f"t{at}")
        made = event(name, "v", at=at, event_id=f"{name}{number}{at}", **more)
        (accepted,) = [admit(record, 1) for record in records([made])]
        assert isinstance(accepted, Accepted), accepted
        self.emit.offset += 1
        self.emit.decision = None
        if number is not None:
            self.emit.decision = DecisionToken(SLOT, "", NOW, "p" * 26, 1, WINDOW_S, 300, b"%04d" % number)
        fold(self.state, accepted, self.emit)

    @property
    def told(self) -> list[tuple[int, str]]:
        entries = [entry for out in self.emit.out.values() for entry in out.entries]
        return [(int(one.nonce), one.kind) for one in entries if isinstance(one, BannerOutcome)]


@pytest.fixture
def visit() -> Visit:
    return Visit()


def test_each_kind_is_told_once(visit: Visit) -> None:
    for at in range(2):
        for name in ("view_promotion", "select_promotion", "dismiss", "purchase"):
            visit.does(name, at_s=at)
    assert visit.told == [(1, "seen"), (1, "click"), (1, "dismiss"), (1, "convert")]


def test_an_order_comes_of_a_click_within_its_window(visit: Visit) -> None:
    visit.does("select_promotion", 1)
    visit.does("view_promotion", 2)
    visit.does("purchase", None, at_s=WINDOW_S)
    visit.does("select_promotion", 3)
    visit.does("purchase", None, at_s=WINDOW_S + 1)
    assert [one for one in visit.told if one[1] == "convert"] == [(1, "convert")]


def test_an_order_that_only_the_browser_tells_of_is_no_success(visit: Visit) -> None:
    visit.does("select_promotion")
    visit.does("purchase", edge={"purchase_confirmed": False})
    assert visit.told == [(1, "click")]


@pytest.mark.parametrize(
    ("number", "more"),
    [
        (None, {}),
        (1, {"promotion": None, "items": [{"item_id": "i1"}]}),
        (1, {"promotion": {"promotion_id": "spring/1", "creative_slot": "elsewhere"}}),
    ],
)
def test_what_follows_from_no_banner_of_ours_says_nothing(visit: Visit, number: int | None, more: Any) -> None:
    visit.does("dismiss", number, **more)
    assert (visit.told, visit.state) == ([], State())


def test_a_flood_teaches_nothing(visit: Visit) -> None:
    visit.emit.learning = False
    visit.does("view_promotion")
    assert (visit.told, visit.state) == ([], State())


def test_a_session_tells_of_so_much_and_remembers_the_last_few(visit: Visit) -> None:
    for number in range(1, 2 * OUTCOMES):
        visit.does("view_promotion", number)
    assert len(visit.told) == OUTCOMES
    assert len(visit.state.banners) == KEPT
    close(visit.state)
    visit.does("view_promotion", 2 * OUTCOMES)
    assert visit.told[-1] == (2 * OUTCOMES, "seen")

"""Banners and what came of them in the learner agent: whichever comes first, and each of it once."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations
from typing import Any

import msgspec
import numpy as np
import pytest

from stream.bandits.features import WIDTH
from stream.bandits.joining import LIFE_MS, Pending, places
from stream.bandits.published import Published, load_slot
from stream.bandits.slot import Counts, Slot
from stream.entries import BannerOffer, BannerOutcome
from stream.fold import Batch
from stream.joining import Joined
from tests.learners.streams import BASE_MS, Agent

SLOT = "home_top"
SECOND_MS = 1_000


def nonce(number: int) -> bytes:
    return number.to_bytes(8, "big")


def offer(number: int, **changes: Any) -> BannerOffer:
    context = np.zeros(WIDTH)
    context[[0, 1 + number % 4]] = 1.0
    made = BannerOffer(
        offset=number,
        seq=0,
        nonce=nonce(number),
        at=BASE_MS,
        slot=SLOT,
        arm=f"spring/{number % 2}",
        probability=0.5,
        context=context.astype("<f2").tobytes(),
        goal="clicks",
        shadow_policy="",
        shadow_probability=0.0,
    )
    return msgspec.structs.replace(made, **changes)


def outcome(number: int, kind: Any, **changes: Any) -> BannerOutcome:
    made = BannerOutcome(number, 0, nonce(number), BASE_MS + SECOND_MS, SLOT, kind)
    return msgspec.structs.replace(made, **changes)


class Banners(Agent):
    """The learner agent of the partition in which slots are learnt."""

    def told(self, source: str, entries: Sequence[Any]) -> None:
        numbered = [msgspec.structs.replace(one, offset=len(self.log), seq=n) for n, one in enumerate(entries)]
        self.deliver(msgspec.msgpack.encode(Batch((source, 0), numbered)))

    def offered(self, *offers: BannerOffer) -> None:
        self.told("decisions", offers)

    def did(self, *outcomes: BannerOutcome) -> None:
        self.told("events", outcomes)

    def slot(self, name: str = SLOT) -> Slot:
        packed = self.stored.get(f"bandit:{name}")
        return Slot() if packed is None else msgspec.msgpack.decode(packed, type=Slot)

    @property
    def shown(self) -> Joined:
        return msgspec.msgpack.decode(self.stored["shown"], type=Joined)

    def published(self, name: str = SLOT) -> Published:
        packed = self.fold.views(self.state, [f"bandit:{name}"])[f"policy:{name}"]
        assert packed is not None
        return load_slot(packed)


@pytest.fixture
def agent() -> Banners:
    return Banners()


def test_a_view_counts_at_once_and_a_click_later(agent: Banners) -> None:
    agent.offered(offer(1), offer(2))
    agent.did(outcome(1, "seen"))
    assert agent.slot().arms["spring/1"].counts == Counts(views=1)
    assert (agent.published().hits, agent.published().misses) == ([0.0], [1.0])
    agent.did(outcome(1, "click"))
    assert agent.slot().arms["spring/1"].counts == Counts(views=1, clicks=1)
    assert (agent.published().hits, agent.published().misses) == ([1.0], [0.0])
    assert agent.shown == Joined(offers=2, matched=2)


def test_what_was_not_seen_is_no_trial(agent: Banners) -> None:
    agent.offered(offer(1))
    assert agent.slot() == Slot()


def test_a_click_proves_that_the_banner_was_seen(agent: Banners) -> None:
    agent.offered(offer(1))
    agent.did(outcome(1, "click"), outcome(1, "seen"))
    assert agent.slot().arms["spring/1"].counts == Counts(views=1, clicks=1)
    assert agent.slot().views == 1


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_whichever_comes_first_the_same_is_learnt(order: tuple[int, ...]) -> None:
    """The offer may come before, between and after what came of it."""
    usual, other = Banners(), Banners()
    parts = [offer(1), outcome(1, "seen"), outcome(1, "click")]
    for agent, indices in ((usual, range(3)), (other, order)):
        for one in (parts[n] for n in indices):
            agent.told("decisions" if isinstance(one, BannerOffer) else "events", [one])
    assert other.slot() == usual.slot()
    assert other.shown == usual.shown


def test_each_kind_counts_once_however_often_it_is_told(agent: Banners) -> None:
    agent.offered(offer(1))
    for _ in range(3):
        agent.did(outcome(1, "seen"), outcome(1, "click"), outcome(1, "dismiss"), outcome(1, "convert"))
        agent.offered(offer(1))
    assert agent.slot().arms["spring/1"].counts == Counts(1, 1, 1, 1)
    assert agent.published().hits == [1.0]
    assert agent.shown == Joined(offers=1, matched=4, repeated=8)


def test_the_goal_says_what_the_reward_is(agent: Banners) -> None:
    agent.offered(offer(1, goal="conversions"), offer(2, goal="conversions"))
    agent.did(outcome(1, "click"), outcome(2, "click"), outcome(2, "convert"))
    found = agent.published()
    assert dict(zip(found.arms, found.hits, strict=True)) == pytest.approx({"spring/1": 0.0, "spring/0": 1.0})
    assert found.counts == [(1, 1, 0, 0), (1, 1, 0, 1)]


def test_what_comes_too_late_or_for_another_slot_is_nothing(agent: Banners) -> None:
    agent.offered(offer(1), offer(2))
    agent.did(outcome(1, "click", at=BASE_MS + LIFE_MS + 1), outcome(2, "click", slot="elsewhere"))
    assert agent.slot() == Slot()
    assert agent.slot("elsewhere") == Slot()
    assert agent.shown == Joined(offers=2, unmatched=2)


def same_place() -> tuple[int, int]:
    return 1, next(n for n in range(2, 10_000_000) if places(nonce(n)) == places(nonce(1)))


def test_the_newer_of_two_in_a_place_is_kept(agent: Banners) -> None:
    first, second = same_place()
    agent.offered(offer(first), offer(second))
    agent.did(outcome(first, "seen"))
    agent.did(outcome(second, "seen"))
    assert agent.slot() == Slot()  # what came of the first took the place of the second's offer, and waits in vain
    assert agent.shown == Joined(offers=2)


def test_an_order_finds_the_clicked_banner_whose_place_was_taken(agent: Banners) -> None:
    first, second = same_place()
    agent.offered(offer(first, goal="conversions"))
    agent.did(outcome(first, "click"))
    agent.offered(offer(second))
    agent.did(outcome(first, "convert"))
    assert agent.slot().arms["spring/1"].counts == Counts(views=1, clicks=1, conversions=1)
    agent.did(outcome(second, "seen"))
    assert agent.slot().views == 2


def crowd(agent: Banners, numbers: range) -> list[tuple[str, Any]]:
    """Offers and what came of them, in a mixed order."""
    rng = np.random.default_rng(4)
    told: list[tuple[str, Any]] = []
    for number in numbers:
        mine: list[tuple[str, Any]] = [
            ("decisions", offer(number, shadow_policy="contextual", shadow_probability=0.3)),
            ("events", outcome(number, "seen")),
        ]
        mine += [("events", outcome(number, "click"))] if rng.random() < 0.3 else []
        told += [mine[n] for n in rng.permutation(len(mine))]
    return told


def test_how_entries_are_cut_into_records_and_processes_changes_nothing() -> None:
    one, other = Banners(), Banners()
    told = crowd(one, range(1, 60))
    for source, entry in told:
        one.told(source, [entry])
    other.deliver(*one.log[:20])
    for value in one.log[20:]:
        other.restart()
        other.deliver(value)
    assert one.stored == other.stored


def test_what_another_policy_would_have_earned_goes_with_it(agent: Banners) -> None:
    for source, entry in crowd(agent, range(1, 200)):
        agent.told(source, [entry])
    found = agent.published().shadows["contextual"]
    assert found.views == agent.slot().views
    assert found.would_earn == pytest.approx(found.earned)  # every weight is alike
    assert found.effective_views == pytest.approx(found.views)


def test_what_waits_is_small(agent: Banners) -> None:
    agent.offered(offer(1, arm="a" * 128, slot="s" * 64, shadow_policy="contextual"))
    agent.did(*[outcome(1, kind, slot="s" * 64) for kind in ("seen", "click", "dismiss", "convert")])
    key, _ = places(nonce(1))
    assert len(agent.stored[key]) < 512
    assert msgspec.msgpack.decode(agent.stored[key], type=Pending).view == 1

"""Models of choices in the learner agent: offers and outcomes meet, and a model that goes wrong is brought back."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import pytest

from stream.choice import Choice, Nested, softmax
from stream.entries import Offer, Outcome, Rollback
from stream.features import CHOICE_FEATURES, CHOICE_START
from stream.fold import Batch, State
from stream.joining import SLOTS, Joined, choice_of, slot_of
from stream.learner import LearnerFold, rollback_record
from stream.learners import models
from stream.learners.clicks import Clicks
from stream.live import EVERY, FIRST_AFTER, LiveChoices, Working
from stream.published import load_choices, load_published
from stream.tested import ALARM, ALLOWED, MOST
from tests.learners.streams import BASE_MS, Agent

WIDE = len(CHOICE_FEATURES)
TABLE, POPULAR = CHOICE_FEATURES.index("table"), CHOICE_FEATURES.index("popular_now")
MINUTE_MS = 60_000
ITEMS = ["a", "b", "c", "d"]


def offer(number: int, features: Any = None, *, items: Sequence[str] = ITEMS, **changes: Any) -> Offer:
    rows = np.zeros((len(items), WIDE)) if features is None else features
    made = Offer(
        offset=number,
        seq=0,
        nonce=number.to_bytes(8, "big"),
        at=BASE_MS,
        placement="home_for_you",
        model="clicks",
        version=0,
        item_ids=list(items),
        features=rows.astype("<f2").tobytes(),
    )
    return msgspec.structs.replace(made, **changes)


def outcome(number: int, kind: Any, item_id: str = "", seen: Sequence[str] = ITEMS, **changes: Any) -> Outcome:
    made = Outcome(number, 0, number.to_bytes(8, "big"), BASE_MS + MINUTE_MS, kind, item_id, list(seen))
    return msgspec.structs.replace(made, **changes)


class Choosing(Agent):
    """The learner agent of the partition in which choices are learnt."""

    def __init__(self) -> None:
        super().__init__("clicks")

    def offered(self, *offers: Offer) -> None:
        self.deliver(msgspec.msgpack.encode(Batch(("decisions", 0), list(offers))))

    def did(self, *outcomes: Outcome) -> None:
        self.deliver(msgspec.msgpack.encode(Batch(("events", 0), list(outcomes))))

    @property
    def joined(self) -> Joined:
        return msgspec.msgpack.decode(self.stored["joined"], type=Joined)

    def of(self, model: str) -> Working:
        packed = self.stored.get(f"learner:{model}")
        return Working() if packed is None else msgspec.msgpack.decode(packed, type=Working)

    def shop(self, numbers: range, *, by: int = TABLE, seed: int = 3) -> None:
        """Shoppers who take the item with the highest value of one feature, nine times out of ten."""
        rng = np.random.default_rng((seed, numbers.start))
        for number in numbers:
            features = np.zeros((len(ITEMS), WIDE))
            features[:, [TABLE, POPULAR]] = rng.normal(size=(len(ITEMS), 2))
            taken = int(features[:, by].argmax()) if rng.random() < 0.9 else int(rng.integers(len(ITEMS)))
            self.offered(offer(number, features))
            self.did(outcome(number, "step", ITEMS[taken]))


@pytest.fixture
def agent() -> Choosing:
    return Choosing()


def test_an_offer_and_its_outcome_are_an_example(agent: Choosing) -> None:
    agent.offered(offer(1), offer(2), offer(3))
    agent.did(outcome(1, "click", "b"), outcome(2, "step", "elsewhere"), outcome(3, "ignored"))
    assert agent.joined == Joined(offers=3, matched=3)
    assert agent.of("clicks").learnt == 3
    assert agent.of("conversions").learnt == 1


def test_a_conversion_teaches_the_model_of_conversions(agent: Choosing) -> None:
    agent.offered(offer(1))
    agent.did(outcome(1, "click", "b"), outcome(1, "convert", "b", seq=1), outcome(1, "convert", "c", seq=2))
    assert (agent.of("clicks").learnt, agent.of("conversions").learnt) == (1, 2)


def test_an_outcome_counts_once_however_often_it_is_told(agent: Choosing) -> None:
    agent.offered(offer(1))
    agent.did(*[outcome(1, "click", "b", offset=n) for n in range(3)])
    agent.did(*[outcome(1, "convert", "b", offset=10 + n) for n in range(3)])
    agent.did(outcome(1, "ignored", offset=20))
    agent.offered(offer(1, offset=9))
    agent.did(outcome(1, "click", "c", offset=30))
    assert agent.joined == Joined(offers=1, matched=2, repeated=6)
    assert (agent.of("clicks").learnt, agent.of("conversions").learnt) == (1, 1)


@pytest.mark.parametrize("late_ms", [61 * MINUTE_MS, -61 * MINUTE_MS])
def test_an_outcome_without_an_offer_of_its_hour_is_counted(agent: Choosing, late_ms: int) -> None:
    agent.did(outcome(1, "click", "a"))
    agent.offered(offer(2))
    agent.did(outcome(2, "click", "a", at=BASE_MS + late_ms))
    assert agent.joined == Joined(offers=1, unmatched=2)
    assert agent.of("clicks").learnt == 0


def test_the_newer_of_two_offers_in_a_slot_is_kept(agent: Choosing) -> None:
    first = 1
    second = next(n for n in range(2, 50 * SLOTS) if slot_of(n.to_bytes(8, "big")) == slot_of(first.to_bytes(8, "big")))
    agent.offered(offer(first), offer(second))
    agent.did(outcome(first, "click", "a"), outcome(second, "click", "a"))
    assert (agent.joined.matched, agent.joined.unmatched) == (1, 1)


def test_offers_made_by_other_features_are_refused(agent: Choosing) -> None:
    agent.offered(
        offer(1, np.zeros((4, WIDE + 1))),
        offer(2, model="intent"),
        offer(3, model="unheard of"),
        offer(4, np.zeros((3, WIDE))),
    )
    assert agent.joined == Joined(refused=4)


def test_offers_of_versions_from_before_the_features_changed_are_refused(agent: Choosing) -> None:
    agent.shop(range(1, FIRST_AFTER + 2))
    working = agent.of("clicks")
    assert working.version == 1
    working.state["features"][0] = "of another release"
    agent.stored["learner:clicks"] = msgspec.msgpack.encode(working)
    agent.restart()
    agent.offered(offer(1_000), offer(1_001, version=1), offer(1_002, version=2))
    assert agent.joined.refused == 1
    assert (agent.of("clicks").restarts, agent.of("clicks").anew) == (1, 1)


def test_what_was_seen_is_what_was_chosen_from_in_the_servers_order() -> None:
    features = np.arange(4 * WIDE, dtype=np.float64).reshape(4, WIDE)
    found = choice_of(offer(1, features), outcome(1, "click", "c", ["x", "d", "c", "a"]))
    assert found is not None
    assert found.features.tolist() == features[[0, 2, 3]].tolist()
    assert (found.chosen, round(found.weight, 6)) == (1, round(3**0.5, 6))


@pytest.mark.parametrize(("place", "weight"), [(0, 1.0), (3, 2.0), (8, 3.0), (40, 3.0)])
def test_a_click_weighs_as_much_as_its_place_is_overlooked(place: int, weight: float) -> None:
    items = [f"i{n}" for n in range(60)]
    shelf = offer(1, items=items)
    click = choice_of(shelf, outcome(1, "click", items[place], items))
    step = choice_of(shelf, outcome(1, "step", items[place], items))
    assert click is not None
    assert step is not None
    assert (click.weight, step.weight) == (weight, 1.0)


@pytest.mark.parametrize("told", [outcome(1, "click", "x", ["a", "x"]), outcome(1, "ignored", seen=["x"])])
def test_what_was_not_offered_says_nothing(told: Outcome) -> None:
    assert choice_of(offer(1), told) is None


def test_versions_are_published_for_serving_with_what_they_are_worth(agent: Choosing) -> None:
    agent.shop(range(1, 2 * EVERY))
    published = load_choices(agent.stored["model:clicks"])
    assert (published.version, published.learnt) == (2, FIRST_AFTER + EVERY)
    assert isinstance(published.scorer, Nested)
    assert list(published.metrics.placements) == ["home_for_you"]
    found = published.metrics.placements["home_for_you"]
    assert found.examples == published.learnt == published.metrics.examples
    assert found.mrr is not None
    assert found.shown_mrr is not None
    assert found.first is not None
    assert found.mrr > found.shown_mrr + 0.2
    assert found.first > 0.7
    assert found.log_loss < found.base_log_loss
    with pytest.raises(ValueError, match="no binary model"):
        load_published(agent.stored["model:clicks"], CHOICE_FEATURES)


def test_how_entries_are_cut_into_records_and_processes_changes_nothing() -> None:
    once, again = Choosing(), Choosing()
    once.shop(range(1, 150))
    for value in once.log:
        again.deliver(value)
        again.restart()
    assert once.stored == again.stored


def test_all_in_one_batch_is_the_same() -> None:
    apart, together = Choosing(), Choosing()
    apart.shop(range(1, 130))
    together.deliver(*apart.log)
    assert together.stored == apart.stored


def test_what_shoppers_take_to_is_followed_without_going_back(agent: Choosing) -> None:
    """Another taste is hard on the good version as well: nothing goes wrong with learning."""
    agent.shop(range(1, 300))
    agent.shop(range(300, 700), by=POPULAR)
    working = agent.of("clicks")
    assert working.tested is not None
    assert working.tested.reverted == 0
    weights = dict(zip(working.state["features"], working.state["weights"], strict=True))
    assert weights["popular_now"] > 1


def test_learning_that_goes_wrong_is_taken_back_by_itself(agent: Choosing) -> None:
    agent.shop(range(1, 322))
    good = load_choices(agent.stored["model:clicks"])
    working = agent.of("clicks")
    assert working.tested is not None
    assert working.tested.good is not None
    for name in ("table", "popular_now"):
        working.state["weights"][CHOICE_FEATURES.index(name)] = -3.0
    working.state["squares"] = [1e9] * WIDE  # as after something that left no room to learn out of it
    agent.stored["learner:clicks"] = msgspec.msgpack.encode(working)
    agent.restart()
    agent.shop(range(400, 500))
    back = agent.of("clicks")
    assert back.tested is not None
    assert (back.tested.reverted, back.rollbacks) == (1, 1)
    assert back.said.startswith(f"version {good.version} came back by itself")
    assert back.current == load_choices(agent.stored["model:clicks"]).version == good.version
    assert back.state["weights"][TABLE] > 1


@pytest.mark.parametrize("changes_at", [None, 1_500])
def test_noise_and_another_taste_raise_no_alarm(changes_at: int | None) -> None:
    """Half of all shelves are left alone, and the rest is a draw: the sum stays a fifth of what would be an alarm."""
    rng = np.random.default_rng(7)
    live = LiveChoices(Working(), Clicks(), State(LearnerFold.families))
    taste, highest = np.array(CHOICE_START) + rng.normal(size=WIDE) / 2, 0.0
    for number in range(3_000):
        if number == changes_at:
            taste = rng.normal(size=WIDE)
        features = rng.normal(size=(12, WIDE))
        chosen = int(rng.choice(12, p=softmax(features @ taste))) if rng.random() < 0.5 else -1
        live.learn(Choice(features, chosen), "home_for_you", BASE_MS + number)
        assert live.working.tested is not None
        highest = max(highest, live.working.tested.worse)
    assert live.working.version == 1 + (3_000 - FIRST_AFTER) // EVERY
    assert 0 < highest < ALARM / 5


def test_one_session_alone_does_not_bring_a_version_back() -> None:
    """At the very worst, each choice of a session adds as much as it may."""
    assert ALARM / (MOST - ALLOWED) > 25


def test_an_operators_rollback_reaches_a_model_of_choices(agent: Choosing) -> None:
    agent.shop(range(1, 250))
    agent.deliver(rollback_record("clicks", 1))
    working = agent.of("clicks")
    assert (working.current, working.rollbacks, working.learnt) == (1, 1, FIRST_AFTER)
    assert load_choices(agent.stored["model:clicks"]).version == 1
    assert {models()[name].key for name in ("clicks", "conversions")} == {"choices"}
    assert isinstance(Rollback(0, 0, "clicks", 1), Rollback)


def test_forged_and_broken_entries_move_nothing(agent: Choosing) -> None:
    agent.shop(range(1, 60))
    before = agent.of("clicks").state
    rng = random.Random(3)
    poison = np.zeros((4, WIDE))
    poison[0, 0] = np.nan
    agent.offered(offer(900, poison))
    agent.did(outcome(900, "click", "a"))
    for n in range(50):
        agent.did(outcome(2_000 + n, "click", rng.choice(ITEMS)))
    agent.did(*[outcome(5, "click", "a", offset=3_000 + n) for n in range(50)])
    assert agent.of("clicks").state == before
    assert (agent.of("clicks").refused, agent.joined.unmatched, agent.joined.repeated) == (1, 50, 50)

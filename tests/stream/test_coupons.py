"""Claims of coupons through both agents: what a visitor has, and what an offer's budget holds."""

from collections.abc import Sequence
from typing import Any

import msgspec
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.budgets import Budget
from stream.fold import Emit, Outbound, Record, State
from stream.learner import LearnerFold
from stream.signals import coupons
from stream.signals.coupons import Coupon
from stream.visitor import VisitorFold
from tests.stream.worlds import GRANTED, NOW, PARTITIONS, event, pid_of

DAY_MS = 86_400_000
HOUR_MS = 3_600_000


def claim(visitor: str, *, at: int = NOW, budget: int = 10, **more: Any) -> dict[str, Any]:
    terms = {"offer": "stay", "revision": 7, "coupons": budget, "per_visitor": 1, "code": "STAY5", "says": "5 % off"}
    terms |= {"until": at + DAY_MS} | more
    return event("due", visitor, at=at, event_id=f"claim-{visitor}-{at}-{terms['offer']}", kind="coupon", claim=terms)


class Shop:
    """The visitor agent over one partition, and the learner agent behind it."""

    def __init__(self, partition: int = 0) -> None:
        self.partition, self.offset = partition, 0
        self.visitors, self.learner = VisitorFold(pid_of, 1), LearnerFold()
        self.state, self.counted = State(self.visitors.families), State(self.learner.families)
        self.unsent: list[Outbound] = []
        self._fill(self.state, ["clock"])
        self._fill(self.counted, ["clock", "marks"])

    def happen(self, *events: dict[str, Any]) -> None:
        """Fold events; what they say to the learner waits until it is `sent`."""
        emit = Emit(("events", self.partition), PARTITIONS)
        for one in events:
            record = Record("events", 0, self.offset, one["received_at"], one["visitor_id"].encode(), orjson.dumps(one))
            decoded = self.visitors.decode(record)
            self._fill(self.state, self.visitors.keys([decoded], self.state))
            emit.offset = self.offset
            self.visitors.fold(record, decoded, self.state, emit)
            self.offset += 1
        assert not emit.dead
        self.unsent += [out for sent in emit.drain() for out in sent if out.topic == "feedback"]

    def send(self) -> None:
        deliver(self.learner, self.counted, self.unsent)
        self.unsent = []

    def coupons(self, visitor: str) -> list[Coupon]:
        known: Any = self.state.read(f"visitor:{pid_of(visitor)}")
        return coupons.SIGNAL.of(known).coupons

    def given(self, visitor: str, offer: str = "stay") -> list[bool | None]:
        """Of each claim of a visitor whether it was granted."""
        return [self.budget(offer).granted_at(self.partition, one.offset) for one in self.coupons(visitor)]

    def budget(self, offer: str = "stay") -> Budget:
        self._fill(self.counted, [f"budget:{offer}"])
        found: Budget | None = self.counted.read(f"budget:{offer}")
        return found or Budget()

    @staticmethod
    def _fill(state: State, keys: Any) -> None:
        for key in state.missing(keys):
            state.load(key, None)


def deliver(learner: LearnerFold, state: State, sent: Sequence[Outbound]) -> None:
    for out in sent:
        record = Record("feedback", 0, 0, NOW, out.key, out.value)
        decoded = learner.decode(record)
        Shop._fill(state, learner.keys([decoded], state))
        emit = Emit(("feedback", 0), PARTITIONS)
        learner.fold(record, decoded, state, emit)
        assert not emit.dead


def test_a_claim_is_granted_once_it_is_counted() -> None:
    shop = Shop()
    shop.happen(claim("v"))
    assert shop.given("v") == [None]
    shop.send()
    assert shop.given("v") == [True]
    [coupon] = shop.coupons("v")
    assert (coupon.code, coupon.says, coupon.until) == ("STAY5", "5 % off", NOW + DAY_MS)


def test_who_asks_again_asks_for_nothing() -> None:
    shop = Shop()
    shop.happen(claim("v"), claim("v", at=NOW + 5), claim("v", at=NOW + 6, offer="other"))
    shop.send()
    assert shop.given("v") == [True]
    assert (shop.budget().given, shop.budget("other").given) == (1, 0)


def test_however_many_ask_at_once_the_budget_holds() -> None:
    shop = Shop()
    shop.happen(*(claim(f"v{n}", at=NOW + n, budget=3) for n in range(40)))
    shop.send()
    assert [shop.given(f"v{n}") for n in range(40)] == [[True]] * 3 + [[False]] * 37
    assert (shop.budget().given, shop.budget().refused) == (3, 37)


def test_a_budget_that_is_raised_gives_nothing_to_who_was_refused() -> None:
    shop = Shop()
    shop.happen(*(claim(f"v{n}", at=NOW + n, budget=2) for n in range(4)))
    shop.happen(*(claim(f"w{n}", at=NOW + n, budget=3) for n in range(2)))
    shop.send()
    assert [shop.given(one) for one in ("v0", "v1", "v2", "v3", "w0", "w1")] == [
        *([[True]] * 2),
        *([[False]] * 2),
        [True],
        [False],
    ]


def test_who_was_refused_may_ask_again() -> None:
    shop = Shop()
    shop.happen(claim("v", budget=0))
    shop.send()
    refused = shop.coupons("v")[0].offset
    shop.happen(claim("v", at=NOW + HOUR_MS, budget=1, refused=[refused]))
    shop.send()
    assert shop.given("v") == [True]


@pytest.mark.parametrize("items", [["pan"], []], ids=["with items", "without items"])
def test_a_purchase_ends_the_coupon(items: list[str]) -> None:
    shop = Shop()
    shop.happen(claim("v"), event("purchase", "v", *items, at=NOW + 9, transaction_id="t"))
    assert not shop.coupons("v")[0].holds(NOW + 10)


def test_a_purchase_from_before_does_not() -> None:
    shop = Shop()
    shop.happen(claim("v"), event("purchase", "v", "pan", at=NOW - 9))
    assert shop.coupons("v")[0].holds(NOW + 10)


def test_an_offer_gives_one_visitor_no_more_than_it_says() -> None:
    shop = Shop()
    days = [NOW + n * 2 * DAY_MS for n in range(4)]
    shop.happen(*(claim("v", at=at, per_visitor=2) for at in days))
    shop.send()
    assert shop.given("v") == [True, True]


def test_without_the_consent_to_personalization_there_is_no_claim() -> None:
    shop = Shop()
    shop.happen(claim("v") | {"consent": GRANTED | {"personalization": False}})
    assert shop.coupons("v") == []
    assert shop.unsent == []


def test_a_withdrawal_takes_the_coupon_away() -> None:
    shop = Shop()
    no = {"personalization": False}
    shop.happen(claim("v"), event("consent_update", "v", at=NOW + 9) | {"consent": no})
    assert shop.coupons("v") == []


def test_a_claim_that_comes_twice_counts_once() -> None:
    shop = Shop()
    shop.happen(claim("v"), claim("v"))
    sent = list(shop.unsent)
    shop.send()
    deliver(shop.learner, shop.counted, sent)
    assert shop.budget().given == 1


Asks = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, 5), st.sampled_from([0, 1, 2, 3, 5, 8]), st.booleans()), max_size=60
)


@settings(max_examples=60, deadline=None)
@given(asks=Asks)
def test_in_any_order_and_with_any_budgets_exactly_as_many_hold_one_as_were_counted(
    asks: list[tuple[int, int, int, bool]],
) -> None:
    shops = [Shop(partition) for partition in range(3)]
    for shop in shops:
        shop.learner, shop.counted = shops[0].learner, shops[0].counted
    for n, (partition, visitor, budget, sends) in enumerate(asks):
        shops[partition].happen(claim(f"v{visitor}", at=NOW + n * (DAY_MS + HOUR_MS), budget=budget, per_visitor=9))
        if sends:
            shops[partition].send()
    for shop in shops:
        shop.send()
    held = [one for shop in shops for n in range(6) if _known(shop, f"v{n}") for one in shop.given(f"v{n}")]
    assert None not in held
    assert held.count(True) == shops[0].budget().given <= max((budget for _, _, budget, _ in asks), default=0)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(shops[0].budget()), type=Budget) == shops[0].budget()


def _known(shop: Shop, visitor: str) -> bool:
    return f"visitor:{pid_of(visitor)}" in shop.state._values

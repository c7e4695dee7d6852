"""What a person does in one visit: a generator of steps, to which shelves are answered. It knows no network.

```
arrive ─▶ for each kind of the mission: find items, look at shelves beside them, perhaps the cart ─▶ perhaps pay
```
Shelves are looked at by the position-based model: a place is examined with a probability of its own, and only what is
examined is an impression, can be clicked and can bore.
"""

from __future__ import annotations

import math
import random
from collections.abc import Generator, Mapping, Sequence
from typing import Any, Final

from msgspec import Struct

from serving.demo.catalogue import CURRENCY, euros
from serving.demo.people import Shopper, hex_id, kinds
from serving.demo.world import Boredom, Context, World

HOME: Final = "home_for_you"
BESIDE: Final = "pdp_also_bought"
SHOWN: Final = 8
EXAMINED: Final = 0.85
WANTED: Final = 4.0
COMPLEMENT: Final = 2.5
FROM_HOME: Final = 0.5
SEARCHING: Final = 0.35
BESIDE_LOOKED_AT: Final = 0.5
TO_CART: Final = -3.0
DISMISSING: Final = 0.01
WITHDRAWS_AT_VISIT: Final = 3
READING_S: Final = (2.0, 28.0)


class Ask(Struct, frozen=True):
    """A shelf comes into view, `after_s` seconds after the step before; `item_id` is the page's item."""

    after_s: float
    placement: str
    item_id: str | None = None
    n: int = SHOWN


class Act(Struct, frozen=True):
    """Something done, `after_s` seconds after the step before: an event of the public contract."""

    after_s: float
    event: str
    fields: dict[str, Any]


class Shelf(Struct, frozen=True):
    """A shelf as it was answered; `variation` of the experiment, if there is one."""

    decision_id: str
    item_ids: Sequence[str]
    variation: str = ""


Steps = Generator[Ask | Act, Shelf | None, None]


class Life(Struct):
    """What of a person outlasts a visit: how many there were, what bores, what is not wanted any more."""

    boredom: Boredom
    visits: int = 0
    gone: frozenset[int] = frozenset()


class Visit:
    """One visit by one person.

    Attributes
    ----------
    name: of this visit, unlike all others; event ids begin with it.
    context: where the person is; whoever drives the steps sets `context.at`.
    personal, recorded: whether the person lets the shop personalize, and lets it keep events at all.
    """

    def __init__(self, world: World, shopper: Shopper, life: Life, name: str, at: float) -> None:
        self.world, self.shopper, self.life, self.name = world, shopper, life, name
        self._rng = rng = random.Random(f"{world.seed} {name}")
        life.visits += 1
        withdrawn = shopper.mind == "withdraws" and life.visits >= WITHDRAWS_AT_VISIT
        self.recorded = shopper.mind != "nothing"
        self.personal = shopper.mind in {"all", "withdraws"} and not withdrawn
        self._withdraws = withdrawn and life.visits == WITHDRAWS_AT_VISIT
        self.session_id = hex_id(rng)
        self.visitor_id = rng.choice(shopper.visitor_ids) if self.recorded else hex_id(rng)
        self.context = Context(at, boredom=life.boredom, gone=set(life.gone), lot=name)
        self._mission = world.out_for(rng, shopper, at)
        self._patience = shopper.patience * rng.expovariate(1.0) + 1.0
        self._cart: list[int] = []
        self._credit: dict[int, dict[str, str]] = {}
        self._shelves = 0

    @property
    def consent(self) -> dict[str, bool]:
        """What every event of this visit says of consent."""
        return {"analytics": self.recorded, "personalization": self.personal, "marketing": False}

    def steps(self) -> Steps:
        """The whole visit."""
        yield from self._arrive()
        for place, kind in enumerate(self._mission):
            self._want(self._mission[place:])
            if place or self._rng.random() >= SEARCHING:
                yield self._act("page_view", page={"type": "category"})
            else:
                yield self._act("search", search_term=self._rng.choice(kinds()[kind].search), page={"type": "search"})
            for _ in range(self._rng.choice((1, 1, 2, 2, 3))):
                if self._patience > 0:
                    item = self.world.found(self._rng, self.shopper, self.context, kind)
                    yield from self._open(item)
        yield from self._leave()

    def _arrive(self) -> Steps:
        self._want(self._mission)
        if self._withdraws:
            yield self._act("consent_update")
        if self.shopper.customer_id and self.personal:
            yield self._act("identify", customer_id=self.shopper.customer_id)
        if self._rng.random() < FROM_HOME:
            yield self._act("page_view", page={"type": "home"})
            yield from self._look(HOME)

    def _want(self, mission: Sequence[int]) -> None:
        """Out for the first kind now, for the others later, and open to what goes with the first."""
        wants = dict.fromkeys((self.world.kind_number(one) for one in kinds()[mission[0]].complements), COMPLEMENT)
        self.context.wants = wants | dict.fromkeys(mission[1:], COMPLEMENT) | {mission[0]: WANTED}

    def _open(self, item: int) -> Steps:
        """Look at an item's page: its shelf, perhaps, and the cart, perhaps."""
        self._patience -= 1.0
        self.context.gone.add(item)
        yield self._about("view_item", item)
        if self._rng.random() < _sigmoid(TO_CART + self.world.liking(self.shopper, item)):
            self._cart.append(item)
            yield self._about("add_to_cart", item)
        if self._patience > 0 and self._rng.random() < BESIDE_LOOKED_AT:
            yield from self._look(BESIDE, item)

    def _look(self, placement: str, beside: int | None = None) -> Steps:
        """See a shelf: an impression of what is examined, then a click or boredom."""
        page = None if beside is None else self.world.items[beside].item_id
        self._shelves += 1
        self.context.lot = f"{self.name} {self._shelves}"
        shelf = yield Ask(self._reading(), placement, page)
        if shelf is None:
            return
        places = [place for place in range(len(shelf.item_ids)) if self._rng.random() < EXAMINED**place]
        places = [place for place in places if shelf.item_ids[place] in self.world.number_of]
        if not places:
            return
        credit = {"decision_id": shelf.decision_id, "placement": placement}
        lines = [{"item_id": shelf.item_ids[place], "index": place} for place in places]
        yield self._act("view_item_list", items=lines, item_list_id=placement, **credit)
        examined = [self.world.number_of[shelf.item_ids[place]] for place in places]
        picked = self.world.clicked(self._rng, self.shopper, self.context, examined, shelf.variation)
        self.world.ignored(self.context, [item for item in examined if item != picked])
        if picked is not None:
            self._credit[picked] = credit
            yield self._about("select_item", picked)
            yield from self._open(picked)
        elif self._rng.random() < DISMISSING:
            yield from self._dismiss(examined, credit)

    def _dismiss(self, examined: Sequence[int], credit: Mapping[str, str]) -> Steps:
        """Say "not interested" to what is wanted least."""
        wanted = self.world.utilities(self.shopper, self.context)
        least = min(examined, key=lambda item: float(wanted[item]))
        self.context.gone.add(least)
        self.life.gone |= {least}
        yield self._about("dismiss", least, **credit)

    def _leave(self) -> Steps:
        if not self._cart or self._rng.random() >= self.shopper.buys:
            return
        yield self._act("begin_checkout", items=[self._line(item) for item in self._cart], page={"type": "checkout"})
        value = euros(sum(self.world.items[item].pays for item in self._cart))
        lines = [self._line(item) for item in self._cart]
        self.life.gone |= set(self._cart)
        order = {"transaction_id": f"order-{self.session_id}", "currency": CURRENCY, "value": value}
        yield self._act("purchase", items=lines, **order)

    def _about(self, event: str, item: int, **more: str) -> Act:
        credit = self._credit.get(item, {})
        return self._act(
            event, items=[self._line(item)], page={"type": "product"}, currency=CURRENCY, **(credit | more)
        )

    def _line(self, item: int) -> dict[str, Any]:
        found = self.world.items[item]
        return {"item_id": found.item_id, "price": euros(found.pays), "quantity": 1}

    def _act(self, event: str, **fields: Any) -> Act:
        return Act(self._reading(), event, fields)

    def _reading(self) -> float:
        return self._rng.uniform(*READING_S)


def _sigmoid(nats: float) -> float:
    return 1.0 / (1.0 + math.exp(-nats))

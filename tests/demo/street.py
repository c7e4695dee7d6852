"""The world against the live system's folds and `decide`: how often what it shows is what people truly like next."""

from __future__ import annotations

from itertools import islice
from typing import NamedTuple

from msgspec.structs import replace

from serving.demo.in_memory import InMemory
from serving.demo.playing import Arrivals, play
from serving.demo.visits import Ask, Shelf, Visit
from serving.demo.world import World
from serving.placements import placements

START = 1_800_000_000.0
POPULAR = replace(placements()["trending"], recommenders=("popular",))


class Judged(NamedTuple):
    """How many shelves were judged, and the mean share of the truly liked items that were on them."""

    shelves: int
    shown: float
    popular: float

    @property
    def ratio(self) -> float:
        return self.shown / self.popular

    def __str__(self) -> str:
        shown = f"{self.shown:.4f} of what is liked, popular {self.popular:.4f}, ×{self.ratio:.2f}"
        return f"{self.shelves} shelves showed {shown}"


class Judge:
    """Answers shelves as the shop does and, while `judging`, compares them and the popular ones with the truth."""

    def __init__(self, world: World) -> None:
        self.shop, self.judging = InMemory(), False
        self._world = world
        self._hits: list[tuple[int, int, int]] = []

    def shelf(self, visit: Visit, ask: Ask) -> Shelf:
        shelf = self.shop.shelf(visit, ask)
        if self.judging:
            liked = self._world.relevant(visit.shopper, visit.context)
            popular = self.shop.decide(visit, ask, POPULAR).items
            assert len(popular) == len(shelf.item_ids) == ask.n
            hits = len(liked.intersection(shelf.item_ids)), len(liked.intersection(one.item_id for one in popular))
            self._hits.append((len(liked), *hits))
        return shelf

    @property
    def judged(self) -> Judged:
        liked, shown, popular = (sum(column) for column in zip(*self._hits, strict=True))
        return Judged(len(self._hits), shown / liked, popular / liked)


def judged(seed: int, *, preference: float, learnt: int, tested: int) -> Judged:
    """Play `learnt` events, then `tested` more, on whose shelves the shop is judged; it learns all the time."""
    world = World(seed, preference=preference)
    judge = Judge(world)
    events = play(Arrivals(world), judge.shelf, start_at=START)
    for event in islice(events, learnt):
        judge.shop.take(event)
    judge.judging = True
    for event in islice(events, tested):
        judge.shop.take(event)
    return judge.judged

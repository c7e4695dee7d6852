"""What shoppers' clicks bring: ``python -m tests.relevance.clicks``.

Each of Icecat's 54 judged queries is searched for ten times, by ten visitors. Each sees the first page as it is then,
and clicks an item with the probability that it is looked at in its place, 1 / (place + 1)^bias, times that of liking
what was judged so (`LIKED`). All of it goes as events through the visitor's and the query's fold, and what these learn
orders the next page. NDCG@10 before and after, as the mean of `SEEDS` runs, under two biases; beside it what the best
order of the first page without clicks would gain, and what one visitor can spoil alone.

"Left out": weight and prior of each query are those of the grid that are the best on the 53 others.
"""

from __future__ import annotations

from random import Random
from statistics import mean
from typing import NamedTuple

from serving.search.behaviour import NONE, PRIOR_LOOKS, WEIGHT, Boosts, boosts
from stream.entries import QueryEntry
from tests.relevance.answers import Store, store
from tests.relevance.icecat import judgements
from tests.relevance.measures import ndcg
from tests.stream.query_agent import Agent
from tests.stream.visits import Visits
from tests.stream.worlds import NOW

SEARCHES = 10
AFTER = (1, 3, SEARCHES)
SEEDS = 2
BIASES = (0.5, 1.0)
LIKED = {0: 0.05, 1: 0.2, 2: 0.45, 3: 0.8}
GRID = [(weight, prior) for weight in (1.6, 2.4, 4.0) for prior in (1.0, 2.0, 4.0)]


class Setting(NamedTuple):
    """One way to weigh clicks, and what is assumed of those who click."""

    weight: float
    prior: float
    bias: float


class Asking:
    """One query, asked again and again, each time by another visitor."""

    def __init__(self, made: Store, query: str, setting: Setting) -> None:
        self._made, self._query, self._setting = made, query, setting
        self._visits, self._agent = Visits(), Agent()
        self._known = 0

    def page(self) -> list[str]:
        return self._made.page(self._query, taken=self._taken())

    def ask(self, visitor: str, liked: dict[str, int], rng: Random) -> None:
        page, visits = self.page(), self._visits
        visits.send("search", visitor=visitor, search_term=self._query)
        visits.send("view_item_list", *page, visitor=visitor, page={"type": "search"})
        for place, item_id in enumerate(page):
            if rng.random() < LIKED[liked.get(item_id, 0)] / (place + 1) ** self._setting.bias:
                visits.send("select_item", item_id, visitor=visitor, search_term=self._query)
        self._learn()

    def spoil(self, visitor: str, liked: dict[str, int]) -> None:
        """One visitor takes, in every way, what is liked least of the page and stands last of that."""
        page, visits = self.page(), self._visits
        item_id = min(reversed(page), key=lambda one: liked.get(one, 0))
        visits.send("search", visitor=visitor, search_term=self._query)
        visits.send("view_item_list", *page, visitor=visitor, page={"type": "search"})
        for event in ("select_item", "add_to_cart", "purchase"):
            visits.send(event, item_id, visitor=visitor, search_term=self._query)
        self._learn()

    def _learn(self) -> None:
        entries = self._visits.emitted
        self._agent.tell(*[one for one in entries if isinstance(one, QueryEntry)])
        entries.clear()

    def _taken(self) -> Boosts:
        row = self._agent.row(self._query)
        weight, prior = self._setting.weight, self._setting.prior
        return NONE if row is None else boosts([(row, 1.0)], NOW, weight=weight, prior=prior)


def after(made: Store, query: str, liked: dict[str, int], setting: Setting, seed: int) -> list[float]:
    """NDCG@10 after 0, 1, … searches."""
    asking, rng = Asking(made, query, setting), Random(f"{seed} {query}")
    reached = [ndcg(asking.page(), liked)]
    for n in range(SEARCHES):
        asking.ask(f"visitor-{n}", liked, rng)
        reached.append(ndcg(asking.page(), liked))
    return reached


def spoilt(made: Store, setting: Setting) -> tuple[float, float]:
    """What one visitor who takes the worst of each page does to NDCG@10, as the mean and at most."""
    lost = []
    for query, liked in judgements().items():
        asking = Asking(made, query, setting)
        before = ndcg(asking.page(), liked)
        asking.spoil("spoiler", liked)
        lost.append(before - ndcg(asking.page(), liked))
    return mean(lost), max(lost)


def gains(made: Store, setting: Setting) -> dict[str, list[float]]:
    """By query, the mean gain over no click after 0, 1, … searches."""
    found = {}
    for query, liked in judgements().items():
        runs = [after(made, query, liked, setting, seed) for seed in range(SEEDS)]
        found[query] = [mean(run[n] - run[0] for run in runs) for n in range(SEARCHES + 1)]
    return found


def left_out(by_setting: dict[Setting, dict[str, list[float]]]) -> float:
    """The mean of each query's gain by the setting that is the best on all others."""
    queries = next(iter(by_setting.values()))
    totals = {setting: sum(of[-1] for of in found.values()) for setting, found in by_setting.items()}
    chosen = {query: max(totals, key=lambda one: totals[one] - by_setting[one][query][-1]) for query in queries}
    return mean(by_setting[setting][query][-1] for query, setting in chosen.items())


def main() -> None:
    made, judged = store(), judgements()
    pages = {query: made.page(query) for query in judged}
    plain = mean(ndcg(page, judged[query]) for query, page in pages.items())
    best = mean(
        ndcg(sorted(page, key=lambda one: -judged[query].get(one, 0)), judged[query]) for query, page in pages.items()
    )
    print(f"{len(judged)} queries, NDCG@10 without clicks {plain:.4f}, the first page in its best order {best:.4f}")
    lost, most = spoilt(made, Setting(WEIGHT, PRIOR_LOOKS, 1.0))
    print(f"one visitor who takes the worst of each page costs {lost:.4f}, at most {most:.4f}")
    for bias in BIASES:
        by_setting = {Setting(*one, bias): gains(made, Setting(*one, bias)) for one in GRID}
        ours = by_setting[Setting(WEIGHT, PRIOR_LOOKS, bias)]
        reached = ", ".join(f"{mean(of[n] for of in ours.values()):+.4f} after {n}" for n in AFTER)
        print(f"bias {bias}: {reached} searches as it is, {left_out(by_setting):+.4f} left out")
        for setting, found in by_setting.items():
            print(f"  weight {setting.weight}, prior {setting.prior}: {mean(of[-1] for of in found.values()):+.4f}")


if __name__ == "__main__":
    main()

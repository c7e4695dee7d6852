"""How good whole answers are, and what a visit does to them: ``python -m tests.relevance.answers``.

The index's own order against the first page of `serving.search.decide`: for nobody, for a visit that has nothing to do
with the query (three items of other categories, `SEEDS` times), and for one that looked at an item which people judged
relevant (that item is then neither in the ranking nor among the judged). Icecat's 19,406 products, 54 judged queries.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from random import Random
from statistics import mean, quantiles

import orjson

from serving.config.documents import Documents
from serving.request import Visit
from serving.search.behaviour import NONE, Boosts
from serving.search.curation import KIND, Curations
from serving.search.decide import Given, decide
from serving.search.index import Index
from serving.search.knowing import Knowing
from serving.search.question import Question
from serving.shop import Shop
from serving.stage import Snapshot
from stream.catalogue import Catalogue
from stream.fold import Record
from stream.signals.session import Step
from stream.title_vectors import TitleVectors
from tests.relevance.icecat import Judged, items, judgements
from tests.relevance.measures import condensed, ndcg

NOW = 1_790_000_000_000
SEEDS = 5
PAGE = 20
COPIES = 1


@dataclass(frozen=True)
class Store:
    """A shop that can be searched."""

    shop: Shop
    index: Index
    knowing: Knowing

    def given(self, query: str, taken: Boosts = NONE) -> Given:
        understood = self.knowing.understood(query)
        kind, unknown = self.knowing.kind(understood), self.knowing.unknown(understood)
        return Given(understood, self.index, kind, unknown, taken=taken)

    def page(self, query: str, seen: Sequence[str] = (), taken: Boosts = NONE) -> list[str]:
        """The ids of the first page for a visit that has seen these items, once shoppers took some for the query."""
        steps = [Step(item_id, "view_item", NOW, f"e{n}") for n, item_id in enumerate(seen)]
        visit = Visit(list(seen), [], [], steps, {}, {})
        snapshot = Snapshot(None, "", bool(seen), visit, {}, None, self.shop)
        found = decide(Question(query, n=PAGE), snapshot, self.given(query, taken), NOW, Random(0))
        return [one.item_id for one in found.decision.items]


def store(copies: int = COPIES) -> Store:
    """Icecat's products, each so many times under other ids."""
    catalogue = Catalogue()
    vectors = TitleVectors(catalogue)
    shop, index = Shop(catalogue, vectors), Index(catalogue, vectors)
    knowing = Knowing(catalogue, shop, index, Curations(Documents(KIND)), time.monotonic)
    for copy in range(copies):
        records = [
            _record({**one, "item_id": f"{copy}-{one['item_id']}" if copy else one["item_id"]}) for one in items()
        ]
        catalogue.apply(records)
    catalogue.caught_up()
    vectors.catch_up(len(catalogue))
    index.catch_up(len(catalogue))
    knowing.catch_up()
    shop.refresh(NOW)
    return Store(shop, index, knowing)


def _record(item: dict[str, object]) -> Record:
    whole = {name: value for name, value in item.items() if value is not None}
    return Record("catalog", 0, 0, NOW, str(item["item_id"]).encode(), orjson.dumps(whole))


def scored(judged: Judged, rank: Callable[[str], list[str]]) -> tuple[float, float]:
    """Mean NDCG@10, in full and condensed."""
    pairs = [(ndcg(found, of), condensed(found, of)) for query, of in judged.items() for found in [rank(query)]]
    return mean(one for one, _ in pairs), mean(one for _, one in pairs)


def unrelated(made: Store, query: str, judged: Judged, rng: Random) -> list[str]:
    """Three items of categories that no relevant item is of."""
    own = {made.shop.category_of.get(item_id) for item_id, rating in judged[query].items() if rating}
    ids = made.shop.codes.ids
    found: list[str] = []
    while len(found) < 3:
        item_id = rng.choice(ids)
        category = made.shop.category_of.get(item_id)
        if category is not None and category not in own:
            found.append(item_id)
    return found


def of_nearest(made: Store, judged: Judged) -> Iterable[tuple[float, float]]:
    """NDCG@10 without and with a visit that saw one relevant item, which is left out of both."""
    for query, of in judged.items():
        good = [item_id for item_id, rating in of.items() if rating >= 2]
        if len(good) < 2:
            continue
        seen = good[0]
        rest = {item_id: rating for item_id, rating in of.items() if item_id != seen}
        pages = made.page(query), made.page(query, [seen])
        without, with_ = ([item_id for item_id in page if item_id != seen] for page in pages)
        yield ndcg(without, rest), ndcg(with_, rest)


def main() -> None:
    made, judged = store(), judgements()
    ids = made.shop.codes.ids

    def by_index(query: str) -> list[str]:
        hits = made.index.search(query.split(), most=PAGE)
        return [ids[code] for code in made.shop.codes_of(hits.numbers).tolist()]

    print(f"{len(judged)} queries, NDCG@10 in full and condensed")
    print("the index alone        {:.4f}  {:.4f}".format(*scored(judged, by_index)))
    print("the answer             {:.4f}  {:.4f}".format(*scored(judged, made.page)))
    runs = []
    for seed in range(SEEDS):
        rng = Random(seed)
        strangers = {query: unrelated(made, query, judged, rng) for query in judged}
        pages = {query: made.page(query, seen) for query, seen in strangers.items()}
        runs.append(scored(judged, pages.__getitem__))
    print("an unrelated visit     {:.4f}  {:.4f}".format(*(mean(one) for one in zip(*runs, strict=True))))
    pairs = list(of_nearest(made, judged))
    print(f"a visit that fits      {mean(one for one, _ in pairs):.4f} ─▶ {mean(two for _, two in pairs):.4f}")
    taken = []
    for query in judged:
        began = time.perf_counter()
        made.page(query)
        taken.append((time.perf_counter() - began) * 1000)
    cut = quantiles(taken, n=20)
    print(f"an answer took         {cut[9]:.2f} ms p50, {cut[18]:.2f} ms p95, {max(taken):.2f} ms at most")


if __name__ == "__main__":
    main()

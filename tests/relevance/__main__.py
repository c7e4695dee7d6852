"""How well items are found, by what people judged: ``python -m tests.relevance``.

NDCG@10 on Icecat's 54 judged queries, in full (what nobody judged gains nothing), condensed (without what nobody
judged), and which share of the first ten was judged, with 95 % intervals of a bootstrap over the queries; beside the
answers of `liveshelf` those of other engines. Then the same with one random edit in each query.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random
from statistics import mean

import numpy as np
from rich.console import Console
from rich.table import Table

from tests.relevance.answers import store
from tests.relevance.icecat import Judged, items, judgements
from tests.relevance.measures import condensed, judged_share, ndcg
from tests.relevance.rivals import Rank, by_fts5, by_tantivy, fused
from tests.search.typos import misspelt

DRAWS = 10_000
SEEDS = (1, 2, 3)
MEASURES = {"full": ndcg, "condensed": condensed, "judged@10": judged_share}


def measured(judged: Judged, rank: Rank) -> dict[str, list[float]]:
    """Each measure of each query."""
    found = {query: rank(query) for query in judged}
    return {name: [of(found[query], judged[query]) for query in judged] for name, of in MEASURES.items()}


def interval(values: Sequence[float]) -> str:
    """The mean, and where 95 % of bootstrapped means lie."""
    drawn = np.random.default_rng(0).choice(np.array(values), (DRAWS, len(values))).mean(axis=1)
    low, high = np.quantile(drawn, (0.025, 0.975))
    return f"{mean(values):.3f} [{low:.3f}, {high:.3f}]"


def table(found: Mapping[str, Mapping[str, Sequence[float]]]) -> Table:
    made = Table("NDCG@10", *MEASURES)
    for label, of in found.items():
        made.add_row(label, *(interval(of[name]) for name in MEASURES))
    return made


def kept(judged: Judged, rank: Rank, clean: float) -> list[float]:
    """For each seed, which share of the clean full NDCG@10 is left with one random edit in each query."""
    shares = []
    for seed in SEEDS:
        rng = Random(seed)
        wrong = {query: misspelt(query, rng) for query in judged}
        shares.append(mean(ndcg(rank(wrong[query]), judged[query]) for query in judged) / clean)
    return shares


def main() -> None:
    judged, products, made = judgements(), list(items()), store()
    fts5 = by_fts5(products)
    ranks: dict[str, Rank] = {
        "liveshelf": made.page,
        "tantivy, as it comes": by_tantivy(products),
        "SQLite FTS5": fts5,
        "RRF of FTS5 and title vectors": fused(fts5, products),
    }
    found = {label: measured(judged, rank) for label, rank in ranks.items()}
    console = Console()
    console.print(table(found))
    for label in ("liveshelf", "SQLite FTS5"):
        shares = kept(judged, ranks[label], mean(found[label]["full"]))
        console.print(f"{label} with one random edit in each query keeps " + ", ".join(f"{one:.1%}" for one in shares))


if __name__ == "__main__":
    main()

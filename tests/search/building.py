"""What an index of 48,000 items costs, and how long a query takes in it: ``python -m tests.search.building``.

Icecat's 19,406 products again and again under other ids. CPU seconds and resident memory are of the index alone; the
catalogue, the vectors and the spelling are made before and after. Memory is what a second index adds: the first may
live in what making the catalogue has left. Queries are those that people judged, each also with a typo, from text to a
page, once each has been asked: a facet's column is made when it is first counted.
"""

from __future__ import annotations

import ctypes
import gc
import random
import time
from itertools import islice
from pathlib import Path

import numpy as np

from serving.config.documents import Documents
from serving.search.curation import KIND, Curations
from serving.search.index import Index
from serving.search.knowing import Knowing
from serving.shop import Shop
from stream.catalogue import Catalogue
from stream.title_vectors import TitleVectors
from tests.relevance.answers import NOW, Store
from tests.relevance.icecat import items, judgements
from tests.search.shelf import put
from tests.search.typos import misspelt

ITEMS = 48_000
TURNS = 5


def resident_mb() -> float:
    """What this process holds in memory, without what it has freed."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    fields = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(fields["VmRSS"].split()[0]) / 1024


def repeated(catalogue: Catalogue) -> None:
    """Put `ITEMS` items into the catalogue."""
    products = list(items())
    ids = ((turn, one) for turn in range(ITEMS) for one in products)
    for turn, one in islice(ids, ITEMS):
        put(catalogue, {**one, "item_id": f"{turn}-{one['item_id']}"})


def store() -> Store:
    """A shop of all items; what its index cost is printed."""
    catalogue = Catalogue()
    vectors = TitleVectors(catalogue)
    shop, index = Shop(catalogue, vectors), Index(catalogue, vectors)
    repeated(catalogue)
    catalogue.caught_up()
    vectors.catch_up(len(catalogue))
    began = time.process_time()
    index.catch_up(len(catalogue))
    took, before = time.process_time() - began, resident_mb()
    second = Index(catalogue, vectors)
    second.catch_up(len(catalogue))
    print(f"index of {len(second)} items: {took:.1f} CPU seconds, {resident_mb() - before:.0f} MB resident")
    knowing = Knowing(catalogue, shop, index, Curations(Documents(KIND)), time.monotonic)
    knowing.catch_up()
    shop.refresh(NOW)
    return Store(shop, index, knowing)


def main() -> None:
    made, rng = store(), random.Random(1)
    right = list(judgements())
    for label, queries in (("as they are", right), ("with a typo", [misspelt(query, rng) for query in right])):
        took = list[float]()
        for query in queries:
            made.page(query)
        for query in queries * TURNS:
            began = time.perf_counter()
            made.page(query)
            took.append((time.perf_counter() - began) * 1e3)
        at = ", ".join(f"{one:.1f}" for one in np.percentile(took, (50, 95, 99)))
        print(f"queries {label}: {at} ms (p50, p95, p99)")


if __name__ == "__main__":
    main()

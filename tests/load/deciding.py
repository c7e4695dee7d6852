"""What a decision costs without and with a filter, in CPU time: ``python -m tests.load.deciding``.

No HTTP and no Redis: `decide` on snapshots of a product page in a shop of 20,000 items in 40 categories.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from random import Random
from typing import Any

import msgspec

from serving.counterfactual import Case, counterfactuals
from serving.decide import decide
from serving.filters.rule import compiled
from serving.placements import placements
from serving.ranking.row import Row, parse
from serving.request import Request, visit
from serving.shop import Shop
from serving.stage import Snapshot
from stream.catalogue import Catalogue
from stream.fold import Record
from stream.item import Item
from stream.signals import popularity
from stream.signals.relations import Link

NOW = 1_790_000_000_000
ITEMS, NEIGHBOURS, ASKED, TURNS = 20_000, 64, 200, 10
PLACEMENT = placements()["pdp_also_bought"]
FILTERS: tuple[dict[str, Any], ...] = (
    {"brand": ["B1", "B2"]},
    {"category": "Kitchen > 3"},
    {"price": {"lte": "50"}, "attributes.colour": "red"},
)


def record(n: int, **fields: Any) -> Record:
    item_id = f"i{n}"
    return Record("catalog", 0, n, 0, item_id.encode(), msgspec.json.encode({"item_id": item_id, **fields}))


def a_shop(rng: Random) -> tuple[Shop, Catalogue]:
    catalogue = Catalogue()
    catalogue.apply(
        [
            record(
                n,
                title=f"Title {n}",
                price=f"{n % 500}.50",
                category=f"Kitchen > {n % 40}",
                brand=f"B{n % 100}",
                attributes={"colour": "red" if n % 2 else "blue"},
            )
            for n in range(ITEMS)
        ]
    )
    shop = Shop(catalogue)
    for n in range(ITEMS):
        shop.board.put(f"i{n}", popularity.State(at=NOW, fast=rng.random(), slow=rng.random(), seen=1))
    shop.refresh(NOW)
    return shop, catalogue


def row(item_id: str, shop: Shop, rng: Random) -> Row:
    made: Any = Item()
    made.at = made.relations.origin = NOW
    made.relations.total = 5.0
    for links in (made.relations.after, made.relations.before):
        links.update({f"i{rng.randrange(ITEMS)}": Link(rng.random(), 1) for _ in range(NEIGHBOURS)})
    return parse(item_id, made, shop.codes)


def asked(shop: Shop, rng: Random) -> tuple[Request, Snapshot]:
    """A product page in the middle of a visit of five items."""
    items = [f"i{rng.randrange(ITEMS)}" for _ in range(5)]
    request = Request(item_ids=items[:1], n=20)
    where = visit(request, PLACEMENT, None, NOW)
    where.session.extend(items[1:])
    rows = {item_id: row(item_id, shop, rng) for item_id in items}
    return request, Snapshot(None, "", asked_for_somebody=False, visit=where, rows=rows, vector=None, shop=shop)


def cpu_us(call: Callable[[], object]) -> float:
    began = time.process_time()
    call()
    return (time.process_time() - began) * 1e6


def a_counterfactual(pages: list[tuple[Request, Snapshot]], rng: Random) -> float:
    """What it costs to tell what would be shown without one item."""
    cases = [Case(request, snapshot, PLACEMENT, "", NOW, rng.getstate()) for request, snapshot in pages]
    decided = [(case, case.decided()) for case in cases]
    found: list[int] = []

    def turn() -> None:
        found.append(sum(len(counterfactuals(*one, budget_s=60)[0]) for one in decided))

    return min(cpu_us(turn) for _ in range(TURNS)) / found[0]


def main() -> None:
    rng = Random(1)
    shop, catalogue = a_shop(rng)
    pages = [asked(shop, rng) for _ in range(ASKED)]

    def all_pages(**more: Any) -> float:
        wanted = [(msgspec.structs.replace(request, **more), snapshot) for request, snapshot in pages]
        turn = lambda: [decide(one, snapshot, PLACEMENT, "", NOW, rng) for one, snapshot in wanted]  # noqa: E731
        return min(cpu_us(turn) for _ in range(TURNS)) / len(wanted)

    print(f"without a filter: {all_pages():.0f} µs")
    print(f"without one of the visit's items: {a_counterfactual(pages, rng):.0f} µs")
    for document in FILTERS:
        rule = compiled(document)
        first = cpu_us(lambda rule=rule: shop.within(rule))  # type: ignore[misc]
        each = all_pages(rule=rule)
        after = []
        for n in range(20):
            catalogue.apply([record(0, price=f"{n}.00")])
            after.append(cpu_us(lambda rule=rule: shop.within(rule)))  # type: ignore[misc]
        print(f"{document}: {each:.0f} µs, first {first / 1000:.1f} ms, after a change {min(after):.0f} µs")


if __name__ == "__main__":
    main()

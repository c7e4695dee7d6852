"""`liveshelf prices`: every price of an item with its time, and whether a reduction of it may be announced."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
import typer
from rich.markup import escape
from rich.table import Table

from serving.commands.running import Json, connected, fail, opened, out, run
from serving.prices import options_of
from stream.cluster import Cluster
from stream.ledger import History, read_history
from stream.prices import Price, Reduction, Why, reduction
from stream.settings import Settings
from stream.state.keys import Tag
from stream.topics import partition_of

WHY: dict[Why, str] = {
    "no_reduction": "the shop announces no reduction: no sale_price below the price",
    "no_history": "the reduction may not be announced: the ledger does not reach back 30 days before it began",
    "not_lower": "the reduction may not be announced: the price is not below the lowest of the 30 days before it began",
}


def prices_(
    item_id: Annotated[str, typer.Argument(help="as the catalogue has it")],
    as_json: Json = False,
) -> None:
    """Every price of an item with its time, and the reference price of its reduction or why there is none."""
    conf = connected()
    history = run(_history(conf, item_id))
    if history is None:
        fail(f"the ledger knows no price of {item_id!r}: the catalogue never had it, or its worker is behind")
    now = reduction(history.prices, int(time.time() * 1000), options_of(conf))
    if as_json:
        print(json.dumps(_document(item_id, history, now)))
        return
    out.print(_table(history.prices))
    out.print(escape(_sentence(now)), highlight=False)


async def _history(conf: Settings, item_id: str) -> History | None:
    partition = partition_of(item_id.encode(), Cluster(conf).partitions()["catalog"])
    async with opened(conf) as store:
        packed = (await store.load(Tag("catalog", partition), [f"prices:{item_id}"]))[0]
    return None if packed is None else read_history(packed)


def _document(item_id: str, history: History, now: Reduction | None) -> dict[str, Any]:
    prices = [
        {"from": _instant(one.from_ms), "price": one.price, "sale_price": one.sale_price, "currency": one.currency}
        for one in history.prices
    ]
    return {"item_id": item_id, "now": msgspec.to_builtins(now), "prices": prices}


def _table(prices: tuple[Price, ...]) -> Table:
    table = Table("from (UTC)", "price", "sale price", "currency", "reduction since")
    for one in prices:
        cells = (one.price or "not on offer", one.sale_price, one.currency, one.began_ms and _instant(one.began_ms))
        table.add_row(_instant(one.from_ms), *[escape(str(cell or "")) for cell in cells])
    return table


def _sentence(now: Reduction | None) -> str:
    if now is None:
        return "Now: not on offer."
    head = f"Now: {now.paid} {now.currency or ''}".rstrip()
    if now.why is not None:
        return f"{head}; {WHY[now.why]}."
    since = _instant(now.began_ms or 0)
    return f"{head}, reduced since {since}; reference price {now.reference_price}, the lowest of the 30 days before."


def _instant(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

"""Histories and catalogues of two public data sets of baskets, for `liveshelf evaluate`.

```
python -m tests.quality.baskets online_retail   FOLDER EVENTS.jsonl.gz CATALOG.jsonl
python -m tests.quality.baskets completejourney FOLDER EVENTS.jsonl.gz CATALOG.jsonl
```
`FOLDER` holds the parquet files. Each line of an invoice or basket is an `add_to_cart`, and each of them a session.

- `transactions_*.parquet` of Online Retail (UCI 352; Chen, Sain, Guo 2012): goods only (codes that begin with a digit,
  no returns), the first 60 lines of an invoice, then its `purchase`. The catalogue has the newest title and price.
- `transactions_*.parquet` and `products.parquet` of The Complete Journey 2.0 (84.51°, the R package's sample): the
  title is the product's type, the category its department and kind.
"""

from __future__ import annotations

import gzip
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pandas as pd

MOST_LINES = 60
_CONSENT = {"analytics": True, "personalization": True}

Row = dict[str, Any]


def online_retail(folder: Path) -> tuple[Iterable[Row], Iterable[Row]]:
    """(events, items)."""
    lines = _tables(folder)
    lines = lines[(lines.Quantity > 0) & lines.StockCode.str.match(r"\d")].copy()
    lines["line"] = lines.groupby("InvoiceNo").cumcount()
    lines = lines[lines.line < MOST_LINES]
    at = lines.groupby("InvoiceNo").InvoiceDate.transform("min").astype("datetime64[ms]").astype("int64")
    of_one_minute = lines.groupby(["CustomerID", "InvoiceDate"]).InvoiceNo
    turn = of_one_minute.transform(lambda numbers: pd.factorize(numbers)[0]).fillna(0).astype("int64")
    lines["at"] = at + 100 * turn + lines.line  # invoices of one minute follow one another
    return _in_order(_invoices(lines)), _priced(lines)


def completejourney(folder: Path) -> tuple[Iterable[Row], Iterable[Row]]:
    """(events, items)."""
    lines = _tables(folder)
    lines["at"] = pd.to_datetime(lines.transaction_timestamp).astype("datetime64[ms]").astype("int64")
    lines = lines.sort_values(["at", "basket_id"], kind="stable")
    lines["at"] += lines.groupby("basket_id").cumcount()
    products = pd.read_parquet(folder / "products.parquet")
    sold = products[products.product_id.isin(lines.product_id)]
    rows = lines[["household_id", "basket_id", "product_id", "at"]].itertuples(index=False)
    events = (
        _event("add_to_cart", at, f"h{household}", str(basket), [{"item_id": str(product)}], f"h{household}")
        for household, basket, product, at in rows
    )
    return _in_order(events), (_kind(row) for row in sold.itertuples(index=False))


def _tables(folder: Path) -> Any:
    return pd.concat(pd.read_parquet(file) for file in sorted(folder.glob("transactions_*.parquet")))


def _event(name: str, at: int, visitor: str, session: str, items: list[Row], customer: str | None, **more: Any) -> Row:
    known = {"customer_id": customer} if customer else {}
    found = {"event": name, "occurred_at": int(at), "visitor_id": visitor, "session_id": session, "items": items}
    return found | {"consent": _CONSENT} | known | more


def _invoices(lines: Any) -> Iterator[Row]:
    for invoice, of_it in lines.groupby("InvoiceNo", sort=False):
        customer = None if pd.isna(of_it.CustomerID.iloc[0]) else f"c{int(float(of_it.CustomerID.iloc[0]))}"
        who = (customer or f"i{invoice}", str(invoice))
        columns = of_it[["StockCode", "Quantity", "UnitPrice"]].itertuples(index=False)
        items = [{"item_id": code, "quantity": int(times), "price": f"{price:.2f}"} for code, times, price in columns]
        for item, at in zip(items, of_it["at"], strict=True):
            yield _event("add_to_cart", at, *who, [item], customer, currency="GBP")
        value = sum(item["quantity"] * float(item["price"]) for item in items)
        order = {"transaction_id": str(invoice), "value": f"{value:.2f}", "currency": "GBP"}
        yield _event("purchase", at + 1, *who, items, customer, **order)


def _priced(lines: Any) -> Iterator[Row]:
    newest = lines[lines.Description.notna() & (lines.UnitPrice > 0)].sort_values("at").groupby("StockCode").last()
    for code, row in newest.iterrows():
        title, price = row.Description.strip(), f"{row.UnitPrice:.2f}"
        yield {"item_id": code, "title": title, "price": price, "currency": "GBP", "availability": "in_stock"}


def _kind(row: Any) -> Row:
    path = [one for one in (row.department, row.product_category) if pd.notna(one)]
    found = {
        "item_id": str(row.product_id),
        "title": row.product_type,
        "brand": row.brand,
        "category": " > ".join(path),
    }
    return {name: value for name, value in found.items() if pd.notna(value) and value}


def _in_order(events: Iterable[Row]) -> Iterator[Row]:
    for number, event in enumerate(sorted(events, key=lambda one: one["occurred_at"])):
        yield {"event_id": f"e{number}"} | event


def main(name: str, folder: str, events: str, catalog: str) -> None:
    """Write a history and its catalogue."""
    found, items = {"online_retail": online_retail, "completejourney": completejourney}[name](Path(folder))
    with gzip.open(events, "wb") as out:
        out.writelines(orjson.dumps(one) + b"\n" for one in found)
    Path(catalog).write_bytes(b"".join(orjson.dumps(one) + b"\n" for one in items))


if __name__ == "__main__":
    main(*sys.argv[1:])

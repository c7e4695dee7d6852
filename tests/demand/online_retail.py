"""What Online Retail sold: each line of each order, and units a day."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stream.demand.counts import DAY_MS

DATA = Path(os.environ.get("LIVESHELF_TEST_DATA", "../shared/data")).resolve() / "online_retail"
Floats = NDArray[np.float64]


class Sale(NamedTuple):
    """One item of one invoice at `at` (ms)."""

    item_id: str
    at: int
    units: int


class Sales(NamedTuple):
    """All sales in time order; the items, best-selling first; `days` from `first_day` (since 1970) on."""

    lines: list[Sale]
    items: list[str]
    first_day: int
    days: int


@cache
def sales() -> Sales:
    """The data set as events have it: positive quantities, numeric codes, an item once an invoice."""
    import pandas as pd

    frame = pd.concat([pd.read_parquet(path) for path in sorted(DATA.glob("transactions_*.parquet"))])
    frame = frame[(frame.Quantity > 0) & frame.StockCode.astype(str).str.match(r"^\d")]
    lines = frame.groupby(["InvoiceNo", "StockCode"]).agg({"InvoiceDate": "min", "Quantity": "sum"}).reset_index()
    at = lines.InvoiceDate.astype("datetime64[ms]").astype("int64")
    rows = zip(lines.StockCode, at, lines.Quantity, strict=True)
    found = [Sale(str(item), int(when), int(quantity)) for item, when, quantity in rows]
    found.sort(key=lambda one: (one.at, one.item_id))
    sold: dict[str, int] = {}
    for one in found:
        sold[one.item_id] = sold.get(one.item_id, 0) + one.units
    first, last = found[0].at // DAY_MS, found[-1].at // DAY_MS
    return Sales(found, sorted(sold, key=lambda item: (-sold[item], item)), first, last - first + 1)


def units(items: list[str]) -> Floats:
    """[items, days]"""
    known, all_sales = {item: n for n, item in enumerate(items)}, sales()
    made = np.zeros((len(items), all_sales.days))
    for one in all_sales.lines:
        if one.item_id in known:
            made[known[one.item_id], one.at // DAY_MS - all_sales.first_day] += one.units
    return made

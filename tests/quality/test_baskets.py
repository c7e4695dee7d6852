from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pyarrow")
import pandas as pd

from serving.evaluate import evaluate
from tests.quality.baskets import main

INVOICES = [
    # InvoiceNo, StockCode, Description, Quantity, InvoiceDate, UnitPrice, CustomerID
    ("1", "10", "PAN ", 2, "2011-01-01 10:00", 1.5, "7.0"),
    ("1", "11", "LID", 1, "2011-01-01 10:00", 2.0, "7.0"),
    ("2", "10", "PAN", 1, "2011-01-01 10:00", 1.25, "7.0"),
    ("3", "10", None, 1, "2011-01-02 10:00", 0.0, None),
    ("C4", "11", "LID", -1, "2011-01-02 11:00", 2.0, "7.0"),
    ("5", "POST", "POSTAGE", 1, "2011-01-02 11:00", 9.0, "7.0"),
]


@pytest.fixture
def made(tmp_path: Path) -> tuple[list[dict[str, Any]], list[dict[str, Any]], Path]:
    names = ["InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID"]
    table = pd.DataFrame(INVOICES, columns=names).astype({"InvoiceDate": "datetime64[us]"})
    table.to_parquet(tmp_path / "transactions_all.parquet")
    events, catalog = tmp_path / "events.jsonl.gz", tmp_path / "catalog.jsonl"
    main("online_retail", str(tmp_path), str(events), str(catalog))
    with gzip.open(events) as rows:
        return [json.loads(row) for row in rows], [json.loads(row) for row in catalog.read_text().splitlines()], events


def test_an_invoice_is_a_session_of_carts_and_its_order(made: Any) -> None:
    events, items, _ = made
    told = [(one["event"], one["session_id"], one["visitor_id"], len(one["items"])) for one in events]
    assert told == [
        ("add_to_cart", "1", "c7", 1),
        ("add_to_cart", "1", "c7", 1),
        ("purchase", "1", "c7", 2),
        ("add_to_cart", "2", "c7", 1),
        ("purchase", "2", "c7", 1),
        ("add_to_cart", "3", "i3", 1),
        ("purchase", "3", "i3", 1),
    ]
    assert events[2]["value"] == "5.00"
    assert [(one["item_id"], one["title"], one["price"]) for one in items] == [
        ("10", "PAN", "1.25"),
        ("11", "LID", "2.00"),
    ]


def test_what_is_made_can_be_evaluated(made: Any) -> None:
    *_, file = made
    protocol = evaluate(file, last=1.0)["protocol"]
    assert (protocol["events_tested"], protocol["events_rejected"], protocol["steps_passed_over"]) == (7, 0, 0)

"""The design says what the code does."""

from __future__ import annotations

from pathlib import Path

import stream.catalog
from stream.feeds.mapping_table import table

DESIGN = Path(stream.catalog.__file__).with_name("DESIGN.md")


def test_the_table_of_columns_is_fresh() -> None:
    assert table() in DESIGN.read_text(encoding="utf-8"), "run: python -m stream.feeds.mapping_table"

"""The table of `stream/catalog/DESIGN.md`, from the formats: ``python -m stream.feeds.mapping_table``."""

from __future__ import annotations

import sys

from stream.catalog import formats


def table() -> str:
    """Markdown: what each format's columns become."""
    parts = []
    for one in formats():
        rows = [f"| {field} | {columns} |" for field, columns in one.mapping.items()]
        parts.append("\n".join((f"### {one.name}", "", "| field | from |", "| --- | --- |", *rows)))
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    sys.stdout.write(table())

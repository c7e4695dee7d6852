"""`make bench`: bounded load on loopback, on a real Kafka and a real Redis that are started for it and end with it."""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import orjson
from rich.console import Console
from rich.table import Table

from tests.backends import Unavailable
from tests.load import cpu_per_event, degraded, freshness, overload, search, shelf
from tests.load.figures import Figure, as_document
from tests.load.stand import stand

BENCHES: dict[str, Callable[..., list[Figure]]] = {
    cpu_per_event.NAME: cpu_per_event.bench,
    freshness.NAME: freshness.bench,
    shelf.NAME: shelf.bench,
    search.NAME: search.bench,
    overload.NAME: overload.bench,
    degraded.NAME: degraded.bench,
}
REPORT = Path("reports/bench.json")
out = Console()


def main(arguments: list[str] | None = None) -> int:
    """Run the named benches, or all; print a table and write the report."""
    parser = argparse.ArgumentParser(prog="python -m tests.load", description=__doc__)
    parser.add_argument("bench", nargs="*", help=f"which of {', '.join(BENCHES)}; none: all")
    parser.add_argument("--report", type=Path, default=REPORT, help=f"where the figures go as JSON ({REPORT})")
    asked = parser.parse_args(arguments)
    unknown = set(asked.bench) - BENCHES.keys()
    if unknown:
        parser.error(f"no bench is called {', '.join(sorted(unknown))}; there are {', '.join(BENCHES)}")
    try:
        figures, machine = _run(asked.bench or list(BENCHES))
    except Unavailable as reason:
        out.print(f"[bold red]✗[/] {reason}", highlight=False)
        return 1
    out.print(_table(figures))
    asked.report.parent.mkdir(parents=True, exist_ok=True)
    document = {"machine": machine, "figures": as_document(figures)}
    asked.report.write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2))
    out.print(f"written to {asked.report}", highlight=False)
    return 0


def _run(names: list[str]) -> tuple[list[Figure], dict[str, object]]:
    machine: dict[str, object] = {
        "cpus": os.cpu_count(),
        "python": platform.python_version(),
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "load_before": round(os.getloadavg()[0], 2),
    }
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="liveshelf-bench-") as folder, stand(Path(folder)) as made:
        for name in names:
            out.print(f"[bold]{name}[/], load average {os.getloadavg()[0]:.2f}", highlight=False)
            figures += BENCHES[name](made, lambda line: out.print(f"  {line}", highlight=False))
    return figures, machine


def _table(figures: list[Figure]) -> Table:
    table = Table("bench", "figure", "value", "unit", "goal", "")
    table.columns[2].justify = table.columns[4].justify = "right"
    marks = {True: "[green]✓[/]", False: "[red]✗[/]", None: ""}
    for one in figures:
        goal = "" if one.goal is None else f"{'≥' if one.floor else '≤'} {one.goal:g}"
        table.add_row(one.bench, one.name, f"{one.value:,g}", one.unit, goal, marks[one.met])
    return table


if __name__ == "__main__":
    sys.exit(main())

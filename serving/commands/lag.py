"""`liveshelf lag`: how far the agents are behind."""

from __future__ import annotations

import json
import time
from typing import Annotated

import msgspec
import typer
from rich.live import Live
from rich.table import Table

from serving.commands.running import Json, connected, opened, out, run
from stream.cluster import Cluster
from stream.lag import Row, lag
from stream.settings import Settings


def lag_(
    watch: Annotated[bool, typer.Option("--watch", help="refresh every second until Ctrl-C")] = False,
    as_json: Json = False,
) -> None:
    """How far the agents are behind, per partition."""
    conf = connected()
    rows = run(_lag(conf))
    if as_json:
        print(json.dumps([msgspec.to_builtins(row) for row in rows]))
    elif not watch:
        out.print(_lag_table(rows))
    else:
        with Live(_lag_table(rows), console=out) as live:
            try:
                while True:
                    time.sleep(1)
                    live.update(_lag_table(run(_lag(conf))))
            except KeyboardInterrupt:
                return


async def _lag(conf: Settings) -> list[Row]:
    cluster = Cluster(conf)
    async with opened(conf) as store:
        return await lag(cluster, store, cluster.partitions(), now_ms=time.time() * 1000)


def _lag_table(rows: list[Row]) -> Table:
    table = Table(
        "agent", "partition", "position", "end", "waiting", "seconds", "applied", "duplicates", "dead", "verdict"
    )
    colours = {"ok": "green", "behind": "yellow", "late": "red"}
    for row in rows:
        verdict = f"[{colours[row.verdict]}]{row.verdict}[/]"
        counts = (row.position, row.end, row.records, row.seconds, row.applied, row.duplicates, row.dead)
        table.add_row(row.agent, f"{row.topic}:{row.partition}", *[str(count) for count in counts], verdict)
    return table

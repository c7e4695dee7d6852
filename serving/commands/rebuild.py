"""`liveshelf rebuild`: what the log gives, compared with what is stored."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Annotated, Any

import typer
from rich.progress import track
from rich.table import Table

from serving.commands.running import Json, connected, err, fail, opened, out, run
from stream.cluster import Cluster
from stream.fold import Record
from stream.rebuild import Report, rebuild
from stream.roster import AGENTS, fold_of
from stream.settings import Settings


def rebuild_(
    agent: Annotated[str, typer.Option(help=f"one of {', '.join(AGENTS)}; none: all")] = "",
    as_json: Json = False,
) -> None:
    """Fold every agent's log again and compare each key with Redis; nothing is written."""
    if agent and agent not in AGENTS:
        fail(f"no agent is called {agent!r}; there are {', '.join(AGENTS)}", 2)
    reports = run(_rebuild(connected(), [agent] if agent else list(AGENTS), quiet=as_json))
    different = [(report, one) for report in reports for one in report.different]
    if as_json:
        print(json.dumps(_rebuilt(reports)))
    else:
        table = Table("agent", "partition", "records", "compared", "different")
        for report in reports:
            compared = ", ".join(f"{family} {count}" for family, count in report.compared.items())
            table.add_row(
                report.agent, str(report.partition), str(report.records), compared, str(len(report.different))
            )
        out.print(table)
        for report, one in different[:20]:
            out.print(f"  {report.agent}[{report.partition}] {one.key}: stored {one.stored!r}, folded {one.folded!r}")
    if different:
        fail(f"{len(different)} keys are not what the log gives")


def _rebuilt(reports: list[Report]) -> dict[str, Any]:
    compared: dict[str, int] = {}
    for report in reports:
        for family, count in report.compared.items():
            name = f"{report.agent}.{family}"
            compared[name] = compared.get(name, 0) + count
    different = [f"{r.agent}[{r.partition}] {one.key}" for r in reports for one in r.different]
    return {"records": sum(r.records for r in reports), "compared": compared, "different": different}


async def _rebuild(conf: Settings, agents: list[str], *, quiet: bool) -> list[Report]:
    cluster = Cluster(conf)
    partitions = cluster.partitions()
    places = [(name, p) for name in agents for p in range(partitions[AGENTS[name].topic])]
    logs = cluster.offsets([(AGENTS[name].topic, p) for name, p in places])
    reports = []
    async with opened(conf) as store:
        for name, partition in track(places, "partitions", console=err, disable=quiet):
            topic, truth = AGENTS[name].topic, AGENTS[name].truth
            reports.append(
                await rebuild(
                    fold_of(name, conf, partitions),
                    partition,
                    store,
                    lambda start, end, topic=topic, partition=partition: cluster.read(topic, partition, start, end),  # type: ignore[misc]
                    partitions,
                    log_start=logs[topic, partition].start,
                    truth=_all(cluster, truth, partition) if truth else (),
                )
            )
    return reports


def _all(cluster: Cluster, noun: str, partition: int) -> Iterator[list[Record]]:
    """A partition's whole log, read when it is asked for."""
    log = cluster.offsets([(noun, partition)])[noun, partition]
    yield from cluster.read(noun, partition, log.start, log.end)

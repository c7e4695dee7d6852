"""`liveshelf doctor`: what is wrong, what that means, and what to do."""

from __future__ import annotations

import asyncio
import json
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from serving.commands.running import Json, loaded, out
from serving.doctor.checks import Checked, checked
from serving.doctor.facts import gathered

_MARKS = {"ok": "[green]✓[/]", "warn": "[yellow]![/]", "bad": "[red]✗[/]"}


def doctor(
    broker: Annotated[str, typer.Option(help="Kafka bootstrap servers, instead of LIVESHELF_BROKER_URL")] = "",
    redis: Annotated[str, typer.Option(help="Redis URL, instead of LIVESHELF_REDIS_URL")] = "",
    api: Annotated[str, typer.Option(help="where the API is, http://…:8080")] = "",
    as_json: Json = False,
) -> None:
    """Look at everything that can be wrong, changing nothing; exit code 1 if anything is bad."""
    conf = loaded()
    conf = conf.model_copy(update={"broker_url": broker or conf.broker_url, "redis_url": redis or conf.redis_url})
    found = list(checked(asyncio.run(gathered(conf, api))))
    bad = any(one.finding.verdict == "bad" for one in found)
    if as_json:
        rows = [
            {"check": name, "verdict": one.verdict, "says": one.says, "fix": one.fix or None} for name, one in found
        ]
        print(json.dumps({"verdict": _worst(found), "checks": rows}))
    else:
        _screen(found)
    raise typer.Exit(1 if bad else 0)


def _worst(found: list[Checked]) -> str:
    return max((one.finding.verdict for one in found), key=("ok", "warn", "bad").index)


def _screen(found: list[Checked]) -> None:
    table = Table(show_header=False, box=None, padding=(0, 1))
    for name, one in found:
        fix = f"\n→ {escape(one.fix)}" if one.fix else ""
        table.add_row(_MARKS[one.verdict], f"[bold]{name}[/]", f"{escape(one.says)}{fix}")
    out.print(table, highlight=False)

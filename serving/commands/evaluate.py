"""`liveshelf evaluate`: quality on a history."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from serving.commands.policies import policies_, shown
from serving.commands.running import Json, err, fail, out
from stream.replay import BadFile


def evaluate_(
    file: Annotated[Path, typer.Argument(help="events, one JSON object a line, .jsonl or .jsonl.gz")],
    catalog: Annotated[Path | None, typer.Option(help="catalogue items, .jsonl")] = None,
    last: Annotated[float, typer.Option(min=0.01, max=1.0, help="share of the stream that is reported")] = 0.2,
    no_repeats: Annotated[bool, typer.Option("--no-repeats", help="the session's own items are no candidates")] = False,
    static: Annotated[Path | None, typer.Option(help="learn on FILE, then test on all of this file")] = None,
    learn: Annotated[bool, typer.Option("--learn", help="with --static: go on learning")] = False,
    baselines: Annotated[
        bool, typer.Option("--baselines", help="also popularity, VS-kNN, V-STAN, … in the same run")
    ] = False,
    policy: Annotated[bool, typer.Option("--policy", help="what other policies would have earned, from logs")] = False,
    decisions: Annotated[Path | None, typer.Option(help="with --policy: decision records, else from Kafka")] = None,
    placement: Annotated[str, typer.Option(help="with --policy: this placement's shelves only")] = "",
    as_json: Json = False,
) -> None:
    """Quality of the code that serves, on a history: each event is predicted from what went before, then learnt."""
    if policy:
        told = policies_(file, decisions, placement)
        print(json.dumps(told)) if as_json else out.print(shown(told))
        return
    from serving.evaluate import evaluate  # noqa: PLC0415  # the other commands need none of it
    from serving.evaluation.screen import WIDTH, screen  # noqa: PLC0415

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=err, disable=as_json) as bar:
        task = bar.add_task("evaluate", total=1.0)
        try:
            found = evaluate(
                file, catalog=catalog, last=last, no_repeats=no_repeats, static=static, learn=learn,
                baselines=baselines, on_progress=lambda share: bar.update(task, completed=share),
            )  # fmt: skip
        except BadFile as error:
            fail(error)
    if as_json:
        print(json.dumps(found))
    else:
        Console(width=max(WIDTH, out.width), highlight=False).print(screen(found))

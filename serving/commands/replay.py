"""`liveshelf replay`: a history of events into Kafka."""

from __future__ import annotations

import json
import secrets
import time
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from serving.commands.running import Json, connected, err, fail, out, run
from stream.cluster import Cluster
from stream.producer import Producer
from stream.replay import Replayed, replay
from stream.settings import Settings

SPEED_MAX = "max"


def replay_(
    file: Annotated[Path, typer.Argument(help="events, one JSON object a line, .jsonl or .jsonl.gz")],
    speed: Annotated[str, typer.Option(help="a factor on the history's own pace, or max")] = SPEED_MAX,
    shift_to_now: Annotated[
        bool, typer.Option("--shift-to-now", help="end the history now, under event ids of this run")
    ] = False,
    as_json: Json = False,
) -> None:
    """Send a history of events into Kafka."""
    factor = _speed(speed)
    done = run(_replay(connected(), file, factor, shift=shift_to_now, quiet=as_json))
    if as_json:
        print(json.dumps(msgspec.to_builtins(done)))
        return
    out.print(f"{done.sent} of {done.lines} events sent")
    for line, reason, detail in done.examples:
        out.print(f"  line {line}: [bold]{reason}[/] {detail}", highlight=False)
    if done.rejected:
        fail(f"{sum(done.rejected.values())} lines were not events: {done.rejected}")


def _speed(text: str) -> float | None:
    if text == SPEED_MAX:
        return None
    try:
        factor = float(text)
    except ValueError:
        factor = 0.0
    if factor <= 0:
        fail(f"--speed is a number above 0 (1 = as it was, 60 = an hour a minute) or max, not {text!r}", 2)
    return factor


async def _replay(conf: Settings, file: Path, speed: float | None, *, shift: bool, quiet: bool) -> Replayed:
    partitions = Cluster(conf).partitions()
    producer = Producer.of(conf)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    try:
        with Progress(*columns, console=err, disable=quiet) as bar:
            task = bar.add_task("events", total=None)
            return await replay(
                file,
                producer,
                partitions["events"],
                now_ms=int(time.time() * 1000),
                speed=speed,
                prefix=f"{secrets.token_hex(3)}-" if shift else "",
                shift=shift,
                on_progress=lambda done: bar.update(task, completed=done.lines),
            )
    finally:
        producer.close()

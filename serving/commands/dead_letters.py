"""`liveshelf dead-letters`: what could not be applied, and how to send it where it belongs."""

from __future__ import annotations

import json
import re
import time
from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from msgspec import to_builtins
from rich.markup import escape
from rich.progress import MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from serving.commands.running import Json, connected, err, fail, out, run, sentences
from serving.dead_letters import Letter, Place, Wanted, letters, summary
from serving.mending import MISPLACED, Batch, Outcome, Replay, noted, plan
from serving.threads import one_by_one
from stream.cluster import Cluster
from stream.ingest import REASONS
from stream.instants import instant_ms
from stream.producer import Producer
from stream.settings import Settings
from stream.span import within

_WORDS: dict[object, str] = {True: "yes", False: "", None: "–"}
UNITS_S = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
app = typer.Typer(no_args_is_help=True, help="What could not be applied: why, and how it comes where it belongs.")

Reasons = Annotated[list[str] | None, typer.Option("--reason", help=f"only these: {', '.join(sorted(REASONS))}")]
Since = Annotated[str, typer.Option(help="written since: 90s, 30m, 24h, 7d, or 2026-01-31T12:00:00Z; none: all")]
From = Annotated[str, typer.Option("--source", help="only from this topic: events, events:3, liveshelf.events.v1")]


@app.command("list")
def show(
    reason: Reasons = None,
    since: Since = "",
    source: From = "",
    newest: Annotated[int, typer.Option("-n", "--newest", min=0, max=1_000, help="how many are shown")] = 20,
    show_bytes: Annotated[
        bool, typer.Option("--show-bytes", help="also keys and values: they hold shoppers' ids and data")
    ] = False,
    as_json: Json = False,
) -> None:
    """How many there are by reason, and the newest; nothing of shoppers, unless it is asked for."""
    wanted, since_ms = Wanted(_reasons(reason), source), _since(since)
    with sentences():
        log = _Log(connected(), since_ms)
        already = log.already()
        found = summary(log.letters(wanted), already, newest)
    shown = [_shown(letter, already, show_bytes=show_bytes) for letter in found.newest]
    if as_json:
        counts = {name: {"letters": n, "replayed": found.replayed[name]} for name, n in found.reasons.items()}
        print(json.dumps({"reasons": counts, "newest": shown}))
        return
    if not found.reasons:
        out.print("no dead letters of that kind" if reason or since or source else "no dead letters")
        return
    counted = Table("reason", "letters", "of them replayed")
    for name, count in found.reasons.most_common():
        counted.add_row(name, str(count), str(found.replayed[name]))
    out.print(counted)
    if shown:
        out.print(_table(shown))


@app.command("replay")
def replay(
    reason: Reasons = None,
    since: Since = "",
    source: From = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only tell what would be sent")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="do not ask")] = False,
    as_json: Json = False,
) -> None:
    """Send events where they belong, each once: under their visitor's key, in their visitor's partition.

    Without --reason what was misplaced (wrong_key, wrong_partition). Others only by their reason, after what was wrong
    is mended here: they are checked again first, and what is still bad stays.
    """
    wanted, since_ms = Wanted(_reasons(reason) or MISPLACED, source), _since(since)
    if as_json and not (yes or dry_run):
        fail("--json asks nothing: say --yes to send, or --dry-run to look", 2)
    with sentences():
        log = _Log(connected(), since_ms)
        already, outcome = log.already(), Outcome()
        deque(log.plan(wanted, already, outcome), 0)
    if dry_run or not outcome.sent:
        _tell(outcome, as_json=as_json, sent=False)
        return
    if not yes:
        _tell(outcome, as_json=False, sent=False)
        typer.confirm(f"Send these {outcome.sent.total()} events?", abort=True)
    outcome = Outcome()
    run(_send(log, wanted, already, outcome, quiet=as_json))
    _tell(outcome, as_json=as_json, sent=True)


class _Log:
    """The dead letters of a deployment as they lie there now, written since `since_ms`."""

    def __init__(self, conf: Settings, since_ms: int) -> None:
        self.conf, self._since, self._until = conf, since_ms, int(time.time() * 1000) + 1
        cluster = Cluster(conf)
        self.partitions, self.topic_id = cluster.partitions(), cluster.topic_ids()["dead_letters"]

    def already(self) -> set[Place]:
        """What was replayed before."""
        return noted(within(self.conf, "audit"), self.topic_id)

    def letters(self, wanted: Wanted) -> Iterator[Letter]:
        return letters(within(self.conf, "dead_letters", self._since, self._until), wanted)

    def plan(self, wanted: Wanted, already: set[Place], outcome: Outcome) -> Iterator[Batch]:
        return plan(self.letters(wanted), self.partitions["events"], already, outcome)


async def _send(log: _Log, wanted: Wanted, already: set[Place], outcome: Outcome, *, quiet: bool) -> None:
    producer = Producer.of(log.conf)
    try:
        sender = Replay(producer, log.partitions["audit"], log.topic_id)
        with Progress(
            TextColumn("events"), MofNCompleteColumn(), TimeElapsedColumn(), console=err, disable=quiet
        ) as bar:
            task = bar.add_task("events", total=None)
            async for batch in one_by_one(log.plan(wanted, already, outcome)):
                await sender.send(batch)
                bar.advance(task, len(batch.letters))
    finally:
        producer.close()


def _tell(outcome: Outcome, *, as_json: bool, sent: bool) -> None:
    if as_json:
        why = [{**letter.place._asdict(), "reason": letter.reason, "why": text} for letter, text in outcome.why]
        counts = {"sent" if sent else "would_be_sent": outcome.sent, "stays": outcome.stays}
        print(json.dumps({**counts, "replayed_before": outcome.already, "why": why}))
        return
    for name, count in outcome.sent.items():
        out.print(f"{name}: {count} {'sent' if sent else 'can be sent'}")
    for name, count in outcome.stays.items():
        out.print(f"{name}: {count} still bad, and stay")
    for letter, reason in outcome.why:
        out.print(f"  {letter.place.partition}:{letter.place.offset} {reason}", highlight=False, markup=False)
    if outcome.already:
        out.print(f"{outcome.already} were replayed before")
    if not outcome.sent:
        out.print("nothing to send")


def _table(shown: list[dict[str, Any]]) -> Table:
    table = Table(*shown[0])
    for row in shown:
        told = {**row, "source": "{topic}[{partition}] {offset}".format(**row["source"])}
        table.add_row(*[escape(_WORDS.get(value, str(value))) for value in told.values()])
    return table


def _shown(letter: Letter, already: set[Place], *, show_bytes: bool) -> dict[str, Any]:
    """A letter without anything of a shopper, unless its bytes are asked for."""
    at = datetime.fromtimestamp(letter.at / 1000, UTC)
    shown = {
        "at": at.isoformat(timespec="seconds").replace("+00:00", "Z"),
        "source": to_builtins(letter.source),
        "reason": letter.reason,
        "detail": letter.detail,
        "replayed": letter.place in already,
    }
    return {**shown, "key": _text(letter.key), "value": _text(letter.value)} if show_bytes else shown


def _text(part: bytes | None) -> str | None:
    return None if part is None else part.decode(errors="backslashreplace")


def _reasons(given: list[str] | None) -> frozenset[str]:
    unknown = set(given or ()) - set(REASONS)
    if unknown:
        fail(f"no reason is called {', '.join(sorted(unknown))}; there are {', '.join(sorted(REASONS))}", 2)
    return frozenset(given or ())


def _since(text: str) -> int:
    """A time in ms: so long ago, or an instant; 0: from the beginning."""
    if not text:
        return 0
    ago = re.fullmatch(r"(\d{1,6})([smhd])", text)
    if ago is not None:
        return int(time.time() * 1000) - int(ago[1]) * UNITS_S[ago[2]] * 1000
    try:
        return instant_ms(text)
    except ValueError:
        fail(f"--since is 90s, 30m, 24h, 7d or an instant such as 2026-01-31T12:00:00Z, not {text!r}", 2)

"""`liveshelf import`: a product feed into the catalogue."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Annotated, Any

import msgspec
import orjson
import typer
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from serving.commands.running import Json, err, fail, out
from stream.cluster import BrokerAway
from stream.feeds import values
from stream.feeds.check import Checked
from stream.feeds.columns import Options
from stream.feeds.flaws import BadFeed, Flaw, Unreadable
from stream.feeds.importing import Wanted, carry_out, check_all, leaving
from stream.feeds.known import followed
from stream.feeds.plan import Refused
from stream.feeds.spool import Spool
from stream.logs import configure
from stream.producer import NotAcknowledged, Producer
from stream.settings import settings

SHOWN = 20
SOME_ROWS_WRONG = 3
_CANNOT = (BadFeed, Refused, BrokerAway, NotAcknowledged)


class Outcome(msgspec.Struct):
    """What an import came to; `error` says why nothing (or not all) was sent."""

    checked: Checked
    acknowledged: int = 0
    seconds: float = 0.0
    error: str = ""


class _Bars:
    """An import's progress on the screen."""

    def __init__(self, bar: Progress) -> None:
        self._bar, self._task = bar, TaskID(0)
        self.acknowledged = 0

    def begin(self, source: str, size: int) -> None:
        self._task = self._bar.add_task(f"read {escape(source)}", total=size)

    def sending(self, records: int) -> None:
        self._task = self._bar.add_task("send", total=records)

    def read(self, count: int) -> None:
        self._bar.advance(self._task, count)

    def sent(self, count: int) -> None:
        self.acknowledged += count
        self._bar.advance(self._task, count)


def import_(
    sources: Annotated[list[str], typer.Argument(metavar="FILE|URL…", help="product feeds; the format is recognised")],
    full: Annotated[bool, typer.Option("--full", help="the whole assortment: what it no longer has goes")] = False,
    allow_shrink: Annotated[
        bool, typer.Option("--allow-shrink", help="also if much of what is for sale would go")
    ] = False,
    check: Annotated[bool, typer.Option("--check", help="read and check only; needs no broker")] = False,
    currency: Annotated[str, typer.Option(help="of prices that name none, EUR")] = "",
    shop: Annotated[str, typer.Option(help="https://shop.example, for feeds without links (Shopify)")] = "",
    encoding: Annotated[str, typer.Option(help="if the feed does not say and is not UTF-8: cp1252, latin-1, …")] = "",
    errors: Annotated[Path | None, typer.Option(help="write every error there, as JSON Lines")] = None,
    broker: Annotated[str, typer.Option(help="Kafka bootstrap servers; none: LIVESHELF_BROKER_URL")] = "",
    loopback: Annotated[bool, typer.Option("--loopback", hidden=True, help="http from this machine only")] = False,
    as_json: Json = False,
) -> None:
    """Bring product feeds into the catalogue; only what changed is sent, rows that are wrong are named.

    Exit code 0: all rows are in; 3: all but those that are named; 1: nothing (or not all) was sent.
    """
    configure(settings().log_level)
    options = Options(_currency(currency), _shop(shop), time.time_ns() // 1_000_000)
    wanted = Wanted(sources, options, encoding, full, allow_shrink, loopback)
    url = broker or settings().broker_url
    if not url and not check:
        fail("set LIVESHELF_BROKER_URL, or say --broker (`liveshelf up` prints it); --check needs none", 2)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=err, disable=as_json) as bar:
        outcome = asyncio.run(_import(wanted, _Bars(bar), "" if check else url))
    if errors is not None:
        _write(errors, outcome.checked.flaws)
    if as_json:
        typer.echo(orjson.dumps(_document(outcome)).decode())
    else:
        _tell(outcome, errors, checked_only=check)
    raise typer.Exit(1 if outcome.error else SOME_ROWS_WRONG if outcome.checked.flaws else 0)


async def _import(wanted: Wanted, watcher: _Bars, broker_url: str) -> Outcome:
    outcome, began = Outcome(Checked()), time.monotonic()
    try:
        with Spool() as spool:
            if not broker_url:
                await check_all(wanted, {}, spool, outcome.checked, watcher)
            else:
                await _into(broker_url, wanted, spool, outcome, watcher)
    except _CANNOT as error:
        outcome.error = str(error)
    outcome.seconds = time.monotonic() - began
    return outcome


async def _into(broker_url: str, wanted: Wanted, spool: Spool, outcome: Outcome, watcher: _Bars) -> None:
    async with followed(broker_url) as (catalogue, partitions):
        await check_all(wanted, catalogue.items, spool, outcome.checked, watcher)
        going = leaving(wanted, outcome.checked, catalogue.items)
        watcher.sending(outcome.checked.plan.records)
        producer = Producer(broker_url, linger_ms=20)
        try:
            await carry_out(spool, going, catalogue, producer, partitions, watcher)
        except NotAcknowledged as error:
            raise NotAcknowledged(f"{error}. Import again: only what is missing is sent then.") from None
        finally:
            outcome.acknowledged = watcher.acknowledged
            await asyncio.to_thread(producer.close)


def _currency(text: str) -> str:
    try:
        return values.currency(text) if text else ""
    except Unreadable as why:
        fail(f"--currency {text}: {why.message}; {why.fix}", 2)


def _shop(text: str) -> str:
    try:
        return values.web_url(text) if text else ""
    except Unreadable as why:
        fail(f"--shop {text}: {why.message}; {why.fix}", 2)


def _write(path: Path, flaws: list[Flaw]) -> None:
    encoder = msgspec.json.Encoder()
    try:
        path.write_bytes(encoder.encode_lines(flaws))
    except OSError as error:
        fail(f"{path} cannot be written: {error.strerror}")


def _document(outcome: Outcome) -> dict[str, Any]:
    checked, found = outcome.checked, outcome.checked.plan
    return {
        "sources": [{"source": source, "format": name} for source, name in checked.formats.items()],
        "rows": checked.rows,
        "valid": checked.valid,
        **msgspec.to_builtins(found),
        "acknowledged": outcome.acknowledged,
        "seconds": round(outcome.seconds, 3),
        "reasons": checked.reasons(),
        "errors": msgspec.to_builtins(checked.flaws),
        "error": outcome.error or None,
    }


def _tell(outcome: Outcome, errors: Path | None, *, checked_only: bool) -> None:
    checked, found = outcome.checked, outcome.checked.plan
    for source, name in checked.formats.items():
        out.print(f"{escape(source)}: {name}", highlight=False)
    for flaw in checked.flaws[:SHOWN]:
        out.print(_line(flaw), highlight=False, soft_wrap=True)
    if len(checked.flaws) > SHOWN:
        where = f"{errors} has all" if errors else "--errors FILE has all"
        out.print(f"… and {len(checked.flaws) - SHOWN:,} more; {where}", highlight=False)
    for reason, count in checked.reasons().items():
        out.print(f"  {count:>7,} × {reason}", highlight=False)
    if outcome.error:
        fail(outcome.error)
    out.print(f"{checked.rows:,} rows, {checked.valid:,} valid", highlight=False)
    if not checked_only:
        what = (
            f"{found.new:,} new, {found.changed:,} changed, {found.removed:,} removed, {found.unchanged:,} as they were"
        )
        sent = f"{outcome.acknowledged:,} records acknowledged in {outcome.seconds:.1f} s"
        out.print(f"{what}: {sent}", highlight=False, soft_wrap=True)


def _line(flaw: Flaw) -> str:
    """One flaw as a compiler says it."""
    column = f" [bold]{escape(flaw.column)}[/]" if flaw.column else ""
    value = f" {escape(repr(flaw.value))}" if flaw.value else ""
    colon = ":" if column or value else ""
    return f"{escape(flaw.source)}:{flaw.row}:{column}{value}{colon} {escape(flaw.message)}; {escape(flaw.fix)}"

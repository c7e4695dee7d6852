"""`liveshelf up`: the whole system in one command."""

from __future__ import annotations

import asyncio
import json
from typing import Annotated, Any

import typer
from rich.table import Table

from serving.commands.running import Json, err, loaded, out, run, stop_signal
from serving.console.accounts import BadAccounts, path_of
from serving.console.command import first_account
from stream.logs import configure
from stream.settings import Settings
from stream.supervisor import HALTED


def up(
    demo: Annotated[bool, typer.Option("--demo", help="a made catalogue and simulated shoppers")] = False,
    broker: Annotated[str, typer.Option(help="Kafka bootstrap servers; none: an embedded broker")] = "",
    redis: Annotated[str, typer.Option(help="Redis URL; none: an embedded Redis")] = "",
    port: Annotated[int, typer.Option(help="port of the API on 127.0.0.1")] = 8080,
    as_json: Json = False,
) -> None:
    """Run the whole system; whatever URL is missing is started embedded. Ctrl-C stops all it started."""
    conf = loaded()
    conf = conf.model_copy(update={"broker_url": broker or conf.broker_url, "redis_url": redis or conf.redis_url})
    configure(conf.log_level)
    raise typer.Exit(run(_up(conf, demo=demo, port=port, as_json=as_json)))


async def _up(conf: Settings, *, demo: bool, port: int, as_json: bool) -> int:
    from serving.up import NotReady, system  # noqa: PLC0415  # the other commands need none of it

    stopped = stop_signal()
    try:
        async with _until(stopped, system(conf, host="127.0.0.1", port=port, demo=demo)) as started:
            if started is None:
                return 0
            found, supervisor = started
            if as_json:
                print(json.dumps(found.as_json()), flush=True)
            else:
                _screen(found, _first_account(conf))
            await asyncio.wait(
                (asyncio.ensure_future(stopped.wait()), supervisor.halted), return_when="FIRST_COMPLETED"
            )
            if supervisor.halted.done():
                err.print(f"the {supervisor.halted.result()} halted; {found.log} says why and what to do")
                return HALTED
            if not as_json:
                out.print("\nstopping…")
    except NotReady as error:
        err.print(f"[bold red]✗[/] {error}", highlight=False)
        return 1
    return 0


def _screen(found: Any, console_notes: list[str]) -> None:
    table = Table(show_header=False, box=None, padding=(0, 2))
    shop = f"{found.api}/"
    for name, value in (
        ("shop", f"[link={shop}]{shop}[/link]"),
        ("console", f"{found.api}/console"),
        ("API", f"{found.api}/openapi.json"),
        ("broker", found.broker + (" (embedded)" if "broker" in found.embedded else "")),
        ("Redis", found.redis + (" (embedded)" if "redis" in found.embedded else "")),
        ("publishable key", found.publishable_key),
        ("secret key", found.secret_key),
        ("log", str(found.log)),
    ):
        table.add_row(f"[bold]{name}[/]", value)
    out.print("\n[bold green]liveshelf is up[/]\n")
    out.print(table, highlight=False)
    for note in [*found.notes, *console_notes]:
        out.print(f"  • {note}", highlight=False)
    out.print("\nCtrl-C stops everything.")


def _first_account(conf: Settings) -> list[str]:
    """Make the console's first account where there is none; its password is said now and kept nowhere."""
    try:
        made = first_account(path_of(conf))
    except BadAccounts as error:
        return [str(error)]
    if made is None:
        return []
    return [
        f"the console's first account is {made[0]}, password [bold]{made[1]}[/], which is shown only now",
        "another account: liveshelf accounts add NAME --role owner",
    ]


class _until:  # noqa: N801  # used like a function
    """Enter a context unless the stop signal comes first (then it is left at once and None is given)."""

    def __init__(self, stopped: asyncio.Event, context: Any) -> None:
        self._stopped, self._context = stopped, context
        self._entered = False

    async def __aenter__(self) -> Any:
        entering = asyncio.ensure_future(self._context.__aenter__())
        waiting = asyncio.ensure_future(self._stopped.wait())
        await asyncio.wait((entering, waiting), return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if not entering.done():
            entering.cancel()
            await asyncio.gather(entering, return_exceptions=True)
            return None
        found = entering.result()
        self._entered = True
        return found

    async def __aexit__(self, *error: object) -> None:
        if self._entered:
            await self._context.__aexit__(*error)

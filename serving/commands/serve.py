"""`liveshelf serve`: the HTTP API."""

from __future__ import annotations

from typing import Annotated

import typer

from serving.commands.running import connected, fail
from stream.keyring import NoKeys
from stream.logs import configure


def serve(
    host: Annotated[str, typer.Option(help="address to listen on")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="port to listen on")] = 8080,
) -> None:
    """Run the HTTP API."""
    from serving.app import application, check_keys  # noqa: PLC0415  # the other commands need none of it
    from serving.server import run  # noqa: PLC0415

    conf = connected()
    configure(conf.log_level)
    try:
        check_keys(conf, host)
    except NoKeys as error:
        fail(error)
    raise typer.Exit(run(application(host), conf, host, port))

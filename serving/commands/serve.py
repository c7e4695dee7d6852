"""`liveshelf serve`: the HTTP API."""

from __future__ import annotations

from typing import Annotated

import typer
import uvicorn

from serving.commands.running import connected, fail
from stream.keyring import NoKeys
from stream.logs import configure


def serve(
    host: Annotated[str, typer.Option(help="address to listen on")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="port to listen on")] = 8080,
) -> None:
    """Run the HTTP API."""
    from serving.app import application, check_keys  # noqa: PLC0415  # the other commands need none of it

    conf = connected()
    configure(conf.log_level)
    try:
        check_keys(conf, host)
    except NoKeys as error:
        fail(error)
    uvicorn.run(
        application(host), host=host, port=port, loop="uvloop", http="httptools", access_log=False,
        log_level=conf.log_level.lower(), server_header=False, timeout_graceful_shutdown=5,
        forwarded_allow_ips=conf.trusted_proxies,
    )  # fmt: skip

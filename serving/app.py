"""The API for an ASGI server: ``uvicorn serving.app:app``, configured by ``LIVESHELF_…`` settings."""

from __future__ import annotations

import ipaddress
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from serving.http.application import Application
from serving.http.keys import ApiKeys
from serving.process import Process
from stream.keyring import refuse_weak
from stream.logs import configure
from stream.settings import Settings, settings


def application(host: str | None = None) -> Application:
    """The API for a server that listens on `host`; None: only the server knows, so it may be anywhere."""

    @asynccontextmanager
    async def lifespan(of: Any) -> AsyncIterator[None]:
        conf = settings()
        configure(conf.log_level)
        check_keys(conf, host)
        async with Process(conf, lambda: of.draining).running() as process:
            of.serve(process.api.routes, process.api.access.origins, process.pages)
            yield

    return Application(lifespan)


def check_keys(conf: Settings, host: str | None) -> None:
    """Raise `NoKeys` for keys that are wrong, or too weak for where the API listens."""
    ApiKeys.of(conf)
    if host is None:
        refuse_weak(conf, "the ASGI server may listen where others reach it (`liveshelf serve` knows where it does)")
    elif not _loopback(host):
        refuse_weak(conf, f"the API is to listen on {host}")


def _loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


app = application()

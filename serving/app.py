"""The API for an ASGI server: ``uvicorn serving.app:app``, configured by ``LIVESHELF_…`` settings."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from serving.http.application import Application
from serving.process import Process
from stream.logs import configure
from stream.settings import settings


@asynccontextmanager
async def _lifespan(application: FastAPI) -> AsyncIterator[None]:
    assert isinstance(application, Application)  # it is the one below
    configure(settings().log_level)
    async with Process(settings()).running() as process:
        application.serve(process.api.routes, process.pages)
        yield


app = Application(_lifespan)

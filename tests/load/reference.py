"""What a shelf's cost is measured against: a FastAPI route with one Redis GET that answers with ready bytes.

``uvicorn tests.load.reference:app``; ``BENCH_ANSWER`` names a file with what is answered.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import uvicorn
from fastapi import FastAPI, Response
from redis.asyncio import Redis

ANSWER = Path(os.environ["BENCH_ANSWER"]).read_bytes()
redis: Redis = Redis.from_url(os.environ["LIVESHELF_REDIS_URL"])


@asynccontextmanager
async def _lifespan(_: FastAPI) -> AsyncIterator[None]:
    yield
    await redis.aclose()


app = FastAPI(lifespan=_lifespan)


@app.get("/shelf")
async def shelf(key: str) -> Response:
    """Read the key, answer what was ready."""
    await redis.get(key)
    return Response(ANSWER, media_type="application/json")


if __name__ == "__main__":
    uvicorn.run(
        app, host="127.0.0.1", port=int(os.environ["BENCH_PORT"]), loop="uvloop", http="httptools", access_log=False,
        log_level="warning", server_header=False,
    )  # fmt: skip

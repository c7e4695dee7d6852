"""What Faust costs by itself: a default app whose agent does nothing, over the events topic as raw bytes.

``python -m tests.load.noop worker --without-web``; told by ``BENCH_…`` variables where to read, how many events there
are and where to write what they cost.
"""

from __future__ import annotations

import os
import resource
import time
from pathlib import Path
from typing import Any

import faust
import orjson

from stream.topics import TOPICS

EVENTS = int(os.environ["BENCH_EVENTS"])
app = faust.App(os.environ["BENCH_GROUP"], broker=f"kafka://{os.environ['LIVESHELF_BROKER_URL']}")
topic = app.topic(TOPICS["events"].name, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw")


def _now() -> tuple[float, float]:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime, time.monotonic()


def _report(cpu_s: float, wall_s: float) -> None:
    document = {"cpu_s": cpu_s, "wall_s": wall_s, "events": EVENTS}
    Path(os.environ["BENCH_RESULT"]).write_bytes(orjson.dumps(document))


@app.agent(topic)
async def nothing(stream: Any) -> None:
    seen, began = 0, _now()
    async for _ in stream:
        seen += 1
        if seen == 1:
            began = _now()
        elif seen == EVENTS:
            cpu, at = _now()
            _report(cpu - began[0], at - began[1])


if __name__ == "__main__":
    app.main()

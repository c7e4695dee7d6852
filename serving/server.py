"""The HTTP server of `liveshelf serve`: uvicorn, ending in order.

```
SIGTERM ─▶ /readyz 503, every answer closes its connection ─▶ `drain_s` later no new connections, the idle are closed
        ─▶ what is in flight ends, at most `IN_FLIGHT_S` ─▶ decisions flushed, copies written (`serving.process`) ─▶ 0
```
uvicorn alone closes its listener at once, which whoever balances learns from failed connections, and ends with the
signal instead of 0. A second signal, or Ctrl-C, skips the wait.
"""

from __future__ import annotations

import signal
import time
from types import FrameType

import uvicorn
from uvicorn.config import STARTUP_FAILURE

from serving.http.application import Application
from stream.settings import Settings

IN_FLIGHT_S = 5


class Server(uvicorn.Server):
    """Serves `application`, and `drain_s` after SIGTERM no more."""

    def __init__(self, config: uvicorn.Config, application: Application, drain_s: float) -> None:
        super().__init__(config)
        self._application, self._drain_s = application, drain_s
        self._leaves_at: float | None = None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        again = self._leaves_at is not None
        self._application.draining = True
        wait_s = 0.0 if again or sig == signal.SIGINT else self._drain_s
        self._leaves_at = time.monotonic() + wait_s
        self.force_exit = again and self.should_exit and sig == signal.SIGINT

    async def on_tick(self, counter: int) -> bool:
        if self._leaves_at is not None and time.monotonic() >= self._leaves_at:
            self.should_exit = True
        return await super().on_tick(counter)


def run(application: Application, conf: Settings, host: str, port: int) -> int:
    """Serve until told to end; the exit code."""
    config = uvicorn.Config(
        application,
        host=host,
        port=port,
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_level=conf.log_level.lower(),
        server_header=False,
        timeout_graceful_shutdown=IN_FLIGHT_S,
        forwarded_allow_ips=conf.trusted_proxies,
    )
    server = Server(config, application, conf.drain_s)
    server.run()
    return 0 if server.started else STARTUP_FAILURE

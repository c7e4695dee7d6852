"""`liveshelf worker`: the stream agents, supervised."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import time
from typing import Annotated

import typer

from serving.commands.running import connected, fail, opened, run, stop_signal
from stream.cluster import Cluster
from stream.lag import progress_of
from stream.logs import configure
from stream.roster import AGENTS
from stream.settings import Settings
from stream.supervisor import HALTED, Part, Supervisor


def worker(
    agents: Annotated[str, typer.Option(help=f"comma-separated: {', '.join(AGENTS)}")] = ",".join(AGENTS),
) -> None:
    """Run the stream agents, restarted when they end or stop moving."""
    conf = connected()
    configure(conf.log_level)
    unknown = set(agents.split(",")) - AGENTS.keys()
    if unknown:
        fail(f"no agent is called {', '.join(sorted(unknown))}; there are {', '.join(AGENTS)}")
    raise typer.Exit(run(_worker(conf, agents)))


async def _worker(conf: Settings, agents: str) -> int:
    stopped = stop_signal()
    async with opened(conf) as store:
        progress = progress_of(Cluster(conf), store, lambda: time.time() * 1000)
        supervisor = Supervisor()
        argv = [sys.executable, "-m", "stream.app"]
        member = f"{socket.gethostname()}-{os.getpid()}"
        supervisor.run(Part("worker", argv, {"LIVESHELF_AGENTS": agents, "LIVESHELF_MEMBER": member}, progress))
        await asyncio.wait((asyncio.ensure_future(stopped.wait()), supervisor.halted), return_when="FIRST_COMPLETED")
        await supervisor.stop()
    return HALTED if supervisor.halted.done() else 0

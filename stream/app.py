"""The worker: ``faust -A stream.app -L uvloop worker``, or ``python -m stream.app`` as `liveshelf worker` starts it."""

from __future__ import annotations

import os
import sys
from typing import Any

from stream.agents import Owner, leave
from stream.faust_app import App, faust_app, run
from stream.logs import configure
from stream.roster import AGENTS
from stream.settings import Settings, settings
from stream.topics import TOPICS
from stream.transport import Seams


def build(conf: Settings) -> tuple[App, Owner]:
    """The Faust app of the agents that the settings name, and what it owns; nothing is connected yet."""
    owner = Owner(conf)
    seams = Seams(owner.positions, owner.out_of_range, owner.assigned, owner.revoked)
    made = faust_app(group_of(conf), conf.broker_url, seams, member=conf.member)
    for name in conf.agents.split(","):
        _add_agent(made, name, owner)
    return made, owner


def group_of(conf: Settings) -> str:
    """The consumer group: one for all agents together, another for each selection of them.

    The embedded broker lets a group that was left wait for seconds, so there each start has its own; positions are in
    the store anyway.
    """
    chosen = set(conf.agents.split(","))
    unknown = chosen - AGENTS.keys()
    if unknown:
        raise SystemExit(f"LIVESHELF_AGENTS names {', '.join(sorted(unknown))}; there are {', '.join(AGENTS)}")
    group = conf.group if chosen == AGENTS.keys() else f"{conf.group}.{'-'.join(sorted(chosen))}"
    return f"{group}.{os.getpid()}" if conf.embedded_broker else group


def _add_agent(made: App, name: str, owner: Owner) -> None:
    async def consume(stream: Any) -> None:
        async for event in stream.noack().events():
            owner.put(event, event.message.tp)

    made.agent(made.raw_topic(TOPICS[AGENTS[name].topic].name), name=name)(consume)


def __getattr__(name: str) -> App:
    """`app` is made when it is first asked for, so that importing this module needs no settings."""
    if name != "app":
        raise AttributeError(name)
    configure(settings().log_level)
    made, _ = build(settings())
    globals()["app"] = made
    return made


def main() -> int:
    """Run the worker; the exit code tells the supervisor what to do."""
    configure(settings().log_level)
    made, _ = build(settings())
    try:
        return run(made)
    except Exception as error:  # noqa: BLE001  # whatever it is, the exit code tells the supervisor
        leave(error)
        return 1


if __name__ == "__main__":
    sys.exit(main())

"""All checks, in the order in which they are told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from serving.doctor import broker, data, flow, keys, machine, redis
from serving.doctor.facts import Facts
from serving.doctor.finding import Finding

Check = Callable[[Facts], Finding | None]


class Checked(NamedTuple):
    """A check's name, as ``file.function``, and what it found."""

    name: str
    finding: Finding


CHECKS: tuple[Check, ...] = (
    broker.reachable,
    broker.topics,
    broker.partitions,
    broker.kept,
    broker.positions,
    broker.partitioner,
    broker.clock,
    redis.reachable,
    redis.eviction,
    redis.append_only,
    redis.version,
    redis.memory,
    redis.clock,
    keys.present,
    keys.strong,
    keys.api_keys,
    keys.files,
    machine.folder,
    machine.disk,
    machine.api,
    flow.workers,
    flow.lag,
    flow.dead_letters,
    flow.catalogue,
    flow.consent,
    flow.decisions,
    *data.CHECKS,
)


def checked(facts: Facts) -> Iterator[Checked]:
    """What every check found, leaving out those that have nothing to look at."""
    for check in CHECKS:
        finding = check(facts)
        if finding is not None:
            yield Checked(f"{check.__module__.rpartition('.')[2]}.{check.__name__}", finding)

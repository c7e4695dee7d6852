"""What a stream of events makes of all agents' state, written so that people can read it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from zlib import crc32

import msgspec

from stream.decisions import DecisionFold
from stream.fold import Fold, Outbound, Record
from stream.item import ItemFold
from stream.learner import LearnerFold
from stream.ledger import LedgerFold
from stream.profile import ProfileFold
from stream.progressive import Tally
from stream.published import Sealed, unseal
from stream.query import QueryFold
from stream.rebuild import Report, rebuild
from stream.shard import Shard
from stream.state.keys import Tag
from stream.state.memory import MemoryStore
from stream.topics import TOPICS
from stream.visitor import VisitorFold
from tests.golden.make import catalogue, decisions

PARTITIONS = dict.fromkeys(TOPICS, 1)
DIGITS = 9
"""Numbers are compared to so many significant digits: the last ones belong to the machine's `exp`."""

SHORT_BYTES = 16


class Log:
    """The derived topics of a run."""

    def __init__(self) -> None:
        self.records: dict[str, list[Record]] = {noun: [] for noun in TOPICS}

    def append(self, topic: str, key: bytes | None, value: bytes | None, timestamp: int) -> None:
        log = self.records[topic]
        log.append(Record(topic, 0, len(log), timestamp, key, value))

    async def send_all(self, records: Sequence[Outbound]) -> None:
        for to in records:
            self.append(to.topic, to.key, to.value, 0)


async def states(lines: Sequence[str], *, cut: int) -> dict[str, Any]:
    """Each agent's state after the stream, folded in batches of `cut` records with a restart after each."""
    log, store = await folded(lines, cut=cut)
    return {agent.name: _readable(agent, store) for agent in _agents()} | {
        "dead_letters": len(log.records["dead_letters"])
    }


async def folded(lines: Sequence[str], *, cut: int) -> tuple[Log, MemoryStore]:
    """The logs and the store that the stream leaves behind."""
    log, store = Log(), MemoryStore()
    for line in lines:
        event = json.loads(line)
        log.append("events", event["visitor_id"].encode(), line.encode(), event["received_at"])
    for decided in decisions():
        log.append("decisions", b"eve", json.dumps(decided).encode(), 0)
    for at, item_id, item in catalogue():
        log.append("catalog", item_id.encode(), None if item is None else json.dumps(item).encode(), at)
    for agent in _agents():
        await _work_off(agent, log, store, cut)
    return log, store


async def rebuilt(log: Log, store: MemoryStore) -> list[Report]:
    """Every agent's state compared with a fold over its log."""
    return [
        await rebuild(
            lambda agent=agent: _fresh(agent),  # type: ignore[misc]
            0,
            store,
            lambda start, end, noun=agent.topic: [log.records[noun][start:end]],  # type: ignore[misc]
            PARTITIONS,
            truth=[log.records["prices"]] if isinstance(agent, LedgerFold) else (),
        )
        for agent in _agents()
    ]


def _agents() -> tuple[Fold, ...]:
    """Offers first: they are there before anybody has seen the shelf."""
    visitor = VisitorFold(str, 1, cid_of=str)
    return DecisionFold(), visitor, ItemFold(), ProfileFold(), LearnerFold(), QueryFold(), LedgerFold()


async def _work_off(agent: Fold, log: Log, store: MemoryStore, cut: int) -> None:
    records = log.records[agent.topic]
    for start in range(0, len(records), cut):
        shard = Shard(_fresh(agent), 0, "golden", PARTITIONS, store, log)
        await shard.start()
        await shard.apply(records[start : start + cut])
        await shard.flush()


def _fresh(agent: Fold) -> Fold:
    return VisitorFold(str, 1, cid_of=str) if isinstance(agent, VisitorFold) else type(agent)()


def _readable(agent: Fold, store: MemoryStore) -> dict[str, Any]:
    types = {family.name: family.type for family in agent.families if not family.view}
    tag = Tag(agent.topic, 0)
    made = {
        key: _value(msgspec.msgpack.decode(packed, type=types[key.partition(":")[0]]))
        for key, packed in sorted(store.values[tag].items())
        if key.partition(":")[0] in types
    }
    if agent.ranking is not None:
        made["ranking"] = dict(sorted(store.rankings[tag].items()))
    return made


def _value(value: Any) -> Any:
    """Structs as objects with their fields' names, numbers rounded.

    Of a sealed model only what it says of itself, of histograms the bins that are not empty.
    """
    if isinstance(value, Sealed):
        version = unseal(value)
        return _value({"version": version.version, "learnt": version.learnt, "metrics": version.metrics})
    if isinstance(value, Tally):
        return {"bins": {str(n): count for n, count in enumerate(value.bins) if count}, "squares": value.squares}
    if isinstance(value, msgspec.Struct):
        return {name: _value(getattr(value, name)) for name in value.__struct_fields__}
    if isinstance(value, bytes):
        return value.hex() if len(value) <= SHORT_BYTES else f"{len(value)} bytes, {crc32(value):08x}"
    if isinstance(value, dict):
        return {str(key): _value(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_value(one) for one in value]
    return float(f"{value:.{DIGITS}g}") if isinstance(value, float) else value


def shown(value: Any, lines_down_to: int = 3) -> str:
    """JSON with a line for each field of each key of each agent, so that a difference can be read."""
    if not isinstance(value, dict) or not lines_down_to or not value:
        return json.dumps(value, ensure_ascii=False)
    fields = [f"{json.dumps(name)}: {shown(one, lines_down_to - 1)}" for name, one in value.items()]
    indent = " " * (4 - lines_down_to)
    return "{\n" + ",\n".join(indent + field for field in fields) + "\n" + indent[1:] + "}"

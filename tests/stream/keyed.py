"""All agents over golden streams, with real pseudonyms, several partitions, and the logs that they leave."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

from stream.decisions import DecisionFold
from stream.fold import Fold, Outbound, Record
from stream.item import ItemFold
from stream.learner import LearnerFold
from stream.ledger import LedgerFold
from stream.privacy_copy import apply
from stream.profile import ProfileFold
from stream.pseudonyms import Pseudonyms
from stream.query import QueryFold
from stream.rebuild import Report, rebuild
from stream.shard import Shard
from stream.state.keys import Tag
from stream.state.memory import MemoryStore
from stream.state.store import Store
from stream.tokens import DecisionToken, decision_id
from stream.topics import TOPICS, partition_of
from stream.truth import pieces
from stream.visitor import VisitorFold
from tests.golden.make import banners, catalogue, decisions
from tests.simulator.world import steps_as_vector
from tests.stream.worlds import GRANTED, event

PARTITIONS = dict.fromkeys(TOPICS, 3)
TOPIC_IDS = dict.fromkeys(TOPICS, "golden")
GOLDEN = Path(__file__).parents[1] / "golden"
AT = 1_777_200_000_000
FIRST_KEY = b"the key that leaked"
CLICKED = decision_id(
    FIRST_KEY,
    DecisionToken("home_top", "", AT, Pseudonyms((FIRST_KEY,)).of_visitor("stays"), 1, 86_400, 3_600, b"clicked"),
)
LAST = [
    event("view_item", "gone", "item-01", at=AT, customer_id="household"),
    event("erase", "gone", at=AT + 1),
    event("view_item", "quiet", "item-02", at=AT + 2, customer_id="household"),
    event("consent_update", "quiet", at=AT + 3, consent=dict.fromkeys(GRANTED, False)),
    event("view_item", "stays", "item-03", at=AT + 4, customer_id="household"),
    event("select_promotion", "stays", at=AT + 5, decision_id=CLICKED, promotion={"promotion_id": "spring/pans"}),
]
"""One who is erased, one who withdraws, and one who does neither, but clicks a banner; all of the same customer."""
EVENTS = [
    json.loads(line)
    for name in ("every_event", "crowd")
    for line in GOLDEN.joinpath(f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
] + LAST
VISITORS = sorted({event["visitor_id"] for event in EVENTS})
CUSTOMERS = sorted({event["customer_id"] for event in EVENTS if event.get("customer_id")})


class Town:
    """The logs, and what works them off with some chain of keys; a topic may be worked off up to a record only."""

    def __init__(self) -> None:
        self.logs: defaultdict[Tag, list[Record]] = defaultdict(list)
        for one in (*decisions(), banners()[0] | {"decision_id": CLICKED, "decided_at": AT}):
            self._append("decisions", 0, None, json.dumps(one).encode())
        for at, item_id, item in catalogue():
            key, value = item_id.encode(), None if item is None else json.dumps(item).encode()
            self._append("catalog", partition_of(key, PARTITIONS["catalog"]), key, value, at)

    def tell(self, events: Sequence[dict[str, object]]) -> None:
        for one in events:
            key = str(one["visitor_id"]).encode()
            partition = partition_of(key, PARTITIONS["events"])
            self._append("events", partition, key, json.dumps(one).encode(), int(str(one["received_at"])))

    def _append(self, topic: str, partition: int, key: bytes | None, value: bytes | None, at: int = 0) -> None:
        log = self.logs[Tag(topic, partition)]
        log.append(Record(topic, partition, len(log), at, key, value))

    async def send_all(self, records: Sequence[Outbound]) -> None:
        for to in records:
            self._append(to.topic, to.partition, to.key, to.value)

    async def work(self, store: Store, chain: Pseudonyms, *, waiting: Sequence[str] = ()) -> None:
        """Every agent reads on to its logs' ends, but for topics that are left `waiting`."""
        for made in folds(chain):
            if made().topic not in waiting:
                for partition in range(PARTITIONS[made().topic]):
                    await self._work_off(made(), partition, store)
        for partition in range(PARTITIONS["catalog"]):
            await self._work_off(LedgerFold(), partition, store)
        for partition in range(PARTITIONS["privacy"]):
            log = self.logs[Tag("privacy", partition)]
            await apply(store, partition, log, len(log), chain)

    async def _work_off(self, fold: Fold, partition: int, store: Store) -> None:
        shard = Shard(fold, partition, TOPIC_IDS[fold.topic], PARTITIONS, store, self)
        records = self.logs[Tag(fold.topic, partition)][await shard.start() or 0 :]
        for truth in pieces(self.logs[Tag("prices", partition)] if isinstance(fold, LedgerFold) else ()):
            await shard.restore(truth, 0)
        for cut in range(0, len(records), 40):
            await shard.apply(records[cut : cut + 40])
            await shard.flush()

    async def rebuilt(self, store: Store, chain: Pseudonyms) -> list[Report]:
        places = [(made, Tag(made().topic, p)) for made in folds(chain) for p in range(PARTITIONS[made().topic])]
        return [
            await rebuild(
                made,
                tag.partition,
                store,
                lambda start, end, tag=tag: [self.logs[tag][start:end]],  # type: ignore[misc]
                PARTITIONS,
            )
            for made, tag in places
        ]

    @property
    def ends(self) -> dict[tuple[str, int], int]:
        return {Tag(noun, p): len(self.logs[Tag(noun, p)]) for noun in TOPICS for p in range(PARTITIONS[noun])}


def folds(chain: Pseudonyms) -> tuple[Callable[[], Fold], ...]:
    return (
        lambda: VisitorFold(
            chain.of_visitor, PARTITIONS["events"], steps_as_vector, cid_of=chain.of_customer, pseudonyms=chain
        ),
        ItemFold,
        lambda: ProfileFold(chain),
        DecisionFold,
        LearnerFold,
        QueryFold,
        LedgerFold,
    )


def different(reports: Sequence[Report]) -> list[str]:
    return [f"{report.agent}[{report.partition}] {one.key}" for report in reports for one in report.different]


def dump(store: MemoryStore) -> bytes:
    """Everything in a store, one after the other."""
    found = b""
    for tag in sorted(store.values.keys() | store.rankings.keys()):
        for key, packed in sorted(store.values[tag].items()):
            found += key.encode() + b"\n" + packed + b"\n"
        found += b"".join(member.encode() + b"\n" for member in sorted(store.rankings[tag]))
    return found

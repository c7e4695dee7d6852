"""Which agents there are: the fold, the topic and the commit rhythm of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import NamedTuple

from stream.decisions import DecisionFold
from stream.fold import Fold
from stream.item import ItemFold
from stream.keyring import pseudonyms as pseudonyms_of
from stream.learner import LearnerFold
from stream.ledger import TRUTH, LedgerFold
from stream.profile import ProfileFold
from stream.query import QueryFold
from stream.runner import Flush
from stream.settings import Settings
from stream.visitor import Vectorize, VisitorFold

PSEUDONYMS = 65_536
_OWN = Flush(fold=256, records=256, rows=1_024, size_bytes=512 * 1024, after_s=0.0)
_OFFERS = Flush(fold=64, records=1_024, rows=64, size_bytes=128 * 1024, after_s=0.1)
_CUSTOMERS = Flush(fold=16, records=256, rows=64, size_bytes=128 * 1024, after_s=0.1)
_LEARNT = Flush(fold=1, records=4_096, rows=256, size_bytes=128 * 1024, after_s=0.3)
_SHARED = Flush(fold=1, records=4_096, rows=256, size_bytes=128 * 1024, after_s=1.0)


class Agent(NamedTuple):
    """One agent: its topic (noun), when its partitions commit, and the topic of its truth if its own is compacted."""

    topic: str
    flush: Flush
    truth: str = ""


AGENTS = {
    "visitor": Agent("events", _OWN),
    "item": Agent("pairs", _SHARED),
    "profile": Agent("profile", _CUSTOMERS),
    "decision": Agent("decisions", _OFFERS),
    "learner": Agent("feedback", _LEARNT),
    "query": Agent("queries", _SHARED),
    "ledger": Agent("catalog", _SHARED, TRUTH),
}
"""A visitor's own session is committed at once, what all share at most once a second.

Customers are at most every 0.1 s, and offers, which have to be there before what shoppers do with them. What is learnt
is every 0.3 s, so that what came of a banner is known within a second where the next is chosen.
"""


def fold_of(
    agent: str, settings: Settings, partitions: Mapping[str, int], vectorize: Vectorize | None = None
) -> Callable[[], Fold]:
    """Makes the fold of an agent for one partition."""
    if agent == "item":
        return ItemFold
    if agent == "decision":
        return DecisionFold
    if agent == "learner":
        return LearnerFold
    if agent == "query":
        return QueryFold
    if agent == "ledger":
        return LedgerFold
    pseudonyms = pseudonyms_of(settings)
    if agent == "profile":
        return lambda: ProfileFold(pseudonyms)
    pid_of = lru_cache(maxsize=PSEUDONYMS)(pseudonyms.of_visitor)  # 8 µs; visitors come again within minutes
    return lambda: VisitorFold(
        pid_of,
        partitions["events"],
        vectorize,
        cid_of=pseudonyms.of_customer,
        pseudonyms=pseudonyms,
    )

"""What is kept, where, for what and for how long: every store of the system, from its own definition.

The families of Redis values and the topics say what they hold and how long; what they are for stands in one table here,
and `tests/serving/test_retention.py` holds it against the code: a new store that is not in it fails that test.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal, NamedTuple

from msgspec import Struct

from stream.fold import Family
from stream.privacy import FAMILY, MARK
from stream.pseudonyms import STORED
from stream.state.table import FOLDS
from stream.topics import TOPICS, Topic

DAY_S = 86_400

Purpose = Literal["analytics", "personalization", "marketing", "proof", "operation"]


class Use(NamedTuple):
    """What a store is for.

    `personal`: it holds something of one visitor. `for_ever`: why nothing in it ends by its age. `holds`: what it holds
    in a shopper's words, where the definition's own are an engineer's.
    """

    purposes: tuple[Purpose, ...]
    personal: bool = False
    for_ever: str = ""
    holds: str = ""


class Store(Struct, frozen=True):
    """One store as the privacy notice names it; `deleted_after_s` null: not by its age, and `reason` says why."""

    name: str
    holds: str
    personal: bool
    purposes: tuple[str, ...]
    deleted_after_s: int | None
    reason: str


_REFUSAL = "A refusal with nothing beside it stays, so that no late event can undo it."
_SHARED = "It is about items or models, summed over all visitors; it names nobody."
_COUNTS = "Positions and counts of the log; they name nobody."
_ALL_USES: Final = ("analytics", "personalization")

REDIS: Final[dict[str, Use]] = {
    "visitor": Use(
        _ALL_USES,
        personal=True,
        for_ever=_REFUSAL,
        holds="Your running visit, what you were shown, viewed, put in the cart, bought or dismissed, on "
        "what class of device and in which language; your coupons and consents.",
    ),
    "vector": Use(
        ("personalization",), personal=True, holds="64 numbers that say which items' titles your visit is near to."
    ),
    "ranking": Use(
        ("personalization",),
        personal=True,
        for_ever="An entry goes when its session is over.",
        holds="That a visit of yours is running, and when its last event was.",
    ),
    FAMILY: Use(
        ("proof",),
        personal=True,
        for_ever="It is the proof of what was agreed to, refused and erased.",
        holds="Your consents with their history, under a pseudonym.",
    ),
    MARK: Use(("operation",), for_ever=_COUNTS),
    STORED: Use(("operation",), for_ever="It says by which keys the pseudonyms were made; it names nobody."),
    "item": Use(("personalization",), for_ever=_SHARED),
    "recent": Use(("operation",)),
    "learner": Use(("personalization",), for_ever=_SHARED),
    "model": Use(("personalization",), for_ever=_SHARED),
    "version": Use(("personalization",), for_ever=_SHARED),
    "waiting": Use(
        ("personalization",), for_ever="", holds="What a ranking was told of a shelf's items; nobody's name."
    ),
    "joined": Use(("operation",), for_ever=_COUNTS),
    "budget": Use(("personalization",), for_ever="It counts what an offer has given; it names nobody."),
    "bandit": Use(("personalization",), for_ever=_SHARED),
    "policy": Use(("personalization",), for_ever=_SHARED),
    "banner": Use(
        ("personalization",), holds="What a slot's banner was chosen by, and what came of it; nobody's name."
    ),
    "clicked": Use(("personalization",), holds="The same of banners that were clicked, until an order may come."),
    "shown": Use(("operation",), for_ever=_COUNTS),
    "found": Use(("personalization",), holds="Which items visitors took of what a search found; nobody's name."),
    "query": Use(("analytics",), holds="How often a search was made, and its words once five visitors made it."),
    "searches": Use(("analytics",), for_ever="It holds the numbers of the last 30 days, and names nobody."),
    "popular": Use(("personalization",), for_ever="A search goes when others are made more often; it names nobody."),
    "customer": Use(
        ("personalization",),
        personal=True,
        holds="For your account: what each of your devices viewed, bought and dismissed lately.",
    ),
    "prices": Use(("operation",)),
    "taken": Use(("operation",), for_ever=_COUNTS),
    "clock": Use(("operation",), for_ever=_COUNTS),
    "marks": Use(("operation",), for_ever=_COUNTS),
}
"""What each family of Redis values is for."""

LOGS: Final[dict[str, Use]] = {
    "events": Use(_ALL_USES, personal=True),
    "decisions": Use(_ALL_USES, personal=True),
    "dead_letters": Use(("operation",), personal=True),
    "privacy": Use(("proof",), personal=True, for_ever="It is the proof of what was agreed to, refused and erased."),
    "pairs": Use(("personalization",)),
    "profile": Use(("personalization",), personal=True),
    "feedback": Use(("personalization",)),
    "queries": Use(("personalization", "analytics")),
    "catalog": Use(("operation",), for_ever="It is the shop's catalogue."),
    "prices": Use(("operation",), for_ever="It is what the shop's items cost, and names nobody."),
    "audit": Use(("operation",)),
    "config": Use(("operation",), for_ever="It is how the shop has set the system up."),
}
"""What each topic is for."""

_TOPICS_HOLD: Final = {
    "events": "Each event as the page sent it: what was looked at, put in the cart, bought, and the consent with it.",
    "decisions": "Each answer that was made for a visitor: which items were shown, and why.",
    "dead_letters": "Events that could not be read, with their bytes and the reason.",
    "privacy": "Consents with their history, and erasures, under a pseudonym.",
    "pairs": "Which items were seen or bought after which, without saying by whom.",
    "profile": "The summary of a visitor, under a pseudonym, on its way to the customer's other devices.",
    "feedback": "Numbers that describe visits, shelves and banners, and what came of them, but not whose they were.",
    "queries": "What was searched for and what was taken of what was found, without saying by whom.",
    "catalog": "The items of the shop.",
    "prices": "What each item of the shop cost, and when.",
    "audit": "What the shop's own staff did in the console and to dead letters.",
    "config": "How the shop's staff set up its placements: nothing of shoppers.",
}


def stores() -> Iterator[Store]:
    """Every store, Redis first."""
    seen: set[str] = set()
    for fold in FOLDS:
        ranking = () if fold.ranking is None else (fold.ranking,)
        for family in (*fold.families, *ranking):
            if family.name not in seen:
                seen.add(family.name)
                yield _of_redis(family)
    yield _of_redis(Family(FAMILY, bytes, "one visitor: consents with their history, erasures"))
    yield _of_redis(Family(MARK, bytes, "how far the copy of the privacy topic is"))
    yield _of_redis(Family(STORED, bytes, "a fingerprint of the keys that made the pseudonyms"))
    for topic in TOPICS.values():
        yield _of_log(topic)


def _of_redis(family: Family) -> Store:
    use = REDIS[family.name]
    return Store(
        f"redis:{family.name}",
        use.holds or family.explain,
        use.personal,
        use.purposes,
        family.ttl_s or None,
        use.for_ever,
    )


def _of_log(topic: Topic) -> Store:
    use = LOGS[topic.noun]
    kept = topic.retention_days * DAY_S or None
    return Store(f"kafka:{topic.name}", _TOPICS_HOLD[topic.noun], use.personal, use.purposes, kept, use.for_ever)

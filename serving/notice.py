"""The privacy notice: what is kept of a shopper, for what, for how long, and how to change it, in plain English.

Everything that the code knows comes from the code (families, topics, recommenders, placements, the ranking's numbers,
models), so that the notice cannot say something else than what happens. Only the sentences stand here. The part on
recommender systems is what art. 27 of the Digital Services Act asks platforms to tell: the main parameters, why they
matter, and how to change them; `serving/web` shows all of it as a page.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from msgspec import Struct

from serving.held import Store, stores
from serving.placement import Placement
from serving.placements import placements
from serving.ranking import row, table
from serving.recommenders import recommenders
from stream.learners import names
from stream.signals import relations, session
from stream.topics import TOPICS
from stream.visitor import RETENTION_MS, SIGNALS

DAY_MS = 86_400_000


class Reason(Struct, frozen=True):
    """A purpose, what it does, and what allows it."""

    purpose: str
    why: str
    basis: str


class Right(Struct, frozen=True):
    """What a shopper may ask for, and the route that does it."""

    right: str
    route: str
    says: str


class Generator(Struct, frozen=True):
    """One way to find items; `personal`: it uses what is known of the visitor."""

    name: str
    personal: bool
    explain: str


class Shelf(Struct, frozen=True):
    """One placement: what fills it first and next, and what it does without evidence."""

    name: str
    explain: str
    recommenders: tuple[str, ...]
    without_evidence: str
    bought_hidden_days: int


class Parameter(Struct, frozen=True):
    """A number of the ranking, and what it means."""

    name: str
    value: float
    means: str


class Recommending(Struct, frozen=True):
    """The recommender systems: their main parameters, what they learn from, how to switch personalization off."""

    recommenders: list[Generator]
    placements: list[Shelf]
    never_shown: str
    ranking: list[Parameter]
    models: list[str]
    learns_from: list[str]
    switch_off: str


class PrivacyNotice(Struct, frozen=True):
    """The whole notice; times are in seconds, `consent_default` is what holds of visitors who said nothing."""

    says: str
    consent_default: str
    purposes: list[Reason]
    signals: dict[str, str]
    stores: list[Store]
    not_stored: list[str]
    used_for_days: int
    raw_records_days: int
    recipients: list[str]
    rights: list[Right]
    objection: dict[str, str]
    recommender_systems: Recommending


_PURPOSES: Final = [
    Reason("analytics", "Count visits and what was shown, to see what works.", "your consent"),
    Reason(
        "personalization",
        "Remember what you look at, put in the cart, buy and dismiss, so that shelves follow your visit; and learn "
        "from many visits which items belong together.",
        "your consent",
    ),
    Reason("marketing", "Know whether the shop may write to you.", "your consent"),
    Reason("proof", "Show later what you agreed to, refused and had erased.", "a legal duty of the shop"),
    Reason(
        "operation",
        "Keep the system correct: positions in the log, and events that could not be read, with their bytes, until "
        "they are repaired or end by age.",
        "the shop's legitimate interest in a working system",
    ),
]
_RIGHTS: Final = [
    Right("consent", "PUT /v1/visitors/{visitor_id}/consent", "Allow or withdraw each purpose. It holds at once."),
    Right(
        "access and portability",
        "GET /v1/visitors/{visitor_id}/export",
        "One JSON file with all that is stored of you, conclusions included.",
    ),
    Right(
        "a new beginning",
        "POST /v1/visitors/{visitor_id}/reset",
        "Forget what you looked at, put in the cart, bought and dismissed. Your consents stay as they are.",
    ),
    Right(
        "erasure",
        "DELETE /v1/visitors/{visitor_id}",
        "Delete everything but a tombstone (a pseudonym, its epoch and the time), with a signed receipt. The raw "
        "records of the log end by their age; the receipt names the date.",
    ),
    Right("objection", "profiling=off in any request for a shelf", "A shelf that uses nothing of you."),
    Right("explanation", "explain=true in any request for a shelf", "Why each item is there, what was considered."),
]
_OBJECTION: Final = {
    "Sec-GPC": "A browser that sends Sec-GPC: 1 objects to profiling: its shelves use nothing of you, and its events "
    "and consents withdraw personalization, whatever else they say.",
    "profiling=off": "A request with it is answered as for somebody never seen. The objection itself is kept in your "
    "browser alone, and sent along each time.",
}
_NOT_STORED: Final = [
    "Your address on the Internet: it is compared in memory, to stop floods, and never written.",
    "Your visitor id outside the raw records: keys and values carry a pseudonym, log lines and measurements neither.",
    "Who has just agreed, for a minute in the memory of an API process.",
]
_RECIPIENTS: Final = [
    "The shop that runs this system, and who keeps its servers for it.",
    "Nobody else: the system sends nothing of you to third parties, and sells nothing.",
]


def notice(consent_default: str, shown: Iterable[Placement] | None = None) -> PrivacyNotice:
    """The notice of a deployment with this `consent_default`, where these placements (None: the built-in) are shown."""
    return PrivacyNotice(
        says="What this shop's recommendation system keeps of you, why, for how long, and how you change it.",
        consent_default=consent_default,
        purposes=_PURPOSES,
        signals={one.name: one.explain for one in SIGNALS},
        stores=list(stores()),
        not_stored=_NOT_STORED,
        used_for_days=RETENTION_MS // DAY_MS,
        raw_records_days=max(TOPICS[noun].retention_days for noun in ("events", "decisions", "dead_letters")),
        recipients=_RECIPIENTS,
        rights=_RIGHTS,
        objection=_OBJECTION,
        recommender_systems=_recommending(placements().values() if shown is None else shown),
    )


def _recommending(shown: Iterable[Placement]) -> Recommending:
    return Recommending(
        recommenders=[Generator(one.name, one.personal, one.explain) for one in recommenders().values()],
        placements=[
            Shelf(one.name, one.explain, one.recommenders, _EVIDENCE[one.evidence], one.bought_days)
            for one in shown
            if one.enabled
        ],
        never_shown="What is sold out or hidden, lies in your cart, was bought lately or dismissed by you.",
        ranking=_ranking(),
        models=[f"{name}: {_MODELS[name]}" for name in names()],
        learns_from=[
            "Which items were looked at, put in the cart or bought after or together with which, with consent.",
            f"A visit counts once for a pair of items, and for at most {session.PAIRS} pairs.",
            f"Whether such visits ended in a purchase; at most {session.SESSIONS_A_DAY} visits of one visitor a day.",
            f"Not from floods: more than {session.FLOOD_A_MINUTE} events a minute, {session.FLOOD_A_SESSION} a visit.",
        ],
        switch_off="Withdraw personalization, or send profiling=off, or let your browser send Sec-GPC: 1. Shelves "
        "then show what fits the page you are on, or what is popular with everyone, and use nothing of you.",
    )


_EVIDENCE: Final = {
    "popular": "It shows what is popular with everyone, and says so.",
    "hide": "It stays empty.",
}
_MODELS: Final = {
    "intent": "how likely a running visit ends in a purchase, from counts and times of that visit. It is shown in "
    "explanations, and a coupon that depends on it says so. It changes no price and no order of items.",
    "clicks": "which item of a shelf you go on to, from what shoppers saw and what they took. It orders shelves.",
    "conversions": "the same of what is put into the cart or bought.",
}


def _ranking() -> list[Parameter]:
    """The numbers that matter most for the order of items (`serving/ranking/table.py`)."""
    return [
        Parameter("items of the visit", table.SESSION_ITEMS, "So many of your last items have a say."),
        Parameter("fading", table.PLACE, "The larger, the more slowly an item's say fades with each newer one."),
        Parameter("damping", table.DAMPING, "The larger, the less items say that everybody looks at."),
        Parameter(
            "came before",
            row.BEFORE,
            "What others looked at before an item counts so much of what they looked at after it.",
        ),
        Parameter(
            "itself", table.ITSELF, "How much an item of this visit speaks for itself, times how often others return."
        ),
        Parameter("earlier visits", table.EARLIER_WEIGHT, "So much an item of an earlier visit counts."),
        Parameter(
            "memory of pairs (days)",
            relations.TAU_MS / DAY_MS,
            "After so long, what followed what counts 37 % of a new observation.",
        ),
    ]

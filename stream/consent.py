"""Consent as a visitor's owner folds it: what is known of each purpose, and what one event may do.

A word counts the same in whatever order words arrive, so what is known of a purpose is a join (a semilattice) of all
that was said: the newest withdrawal, the newest explicit grant (`consent_update`, which the API sends too), and the
first event whose own `consent` said yes. A grant counts if it is newer than every withdrawal; an event's own yes only
where nothing was ever withdrawn; a withdrawal wins ties. The shop's stamped `consent_default` never lowers or grants
anything; without any of these the answer is no (`GUARANTEES.md` §4).
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from msgspec import Struct

from stream.events import Event
from stream.ingest import Accepted

PURPOSES = ("analytics", "personalization", "marketing")
HISTORY = 8

Kind = Literal["withdrawn", "granted", "assumed"]


class Said(Struct, array_like=True, frozen=True, gc=False, order=True):
    """One thing said of a purpose at `at` (ms): by an event of that name, of which text; the proof of a consent."""

    at: int
    kind: Kind
    source: str
    text_version: str = ""


class Word(Struct, array_like=True, frozen=True, gc=False):
    """What is known of one purpose (ms; 0 = never), with what was assumed first and the last `HISTORY` things said."""

    withdrawn_at: int = 0
    granted_at: int = 0
    assumed_at: int = 0
    said: tuple[Said, ...] = ()

    @property
    def granted(self) -> bool:
        return self.granted_at > self.withdrawn_at or bool(self.assumed_at and not self.withdrawn_at)

    @property
    def at(self) -> int:
        """Since when it holds."""
        if not self.granted:
            return self.withdrawn_at
        return self.granted_at if self.granted_at > self.withdrawn_at else self.assumed_at


Known = dict[str, Word]
"""Purpose → the visitor's word."""


class Purposes(NamedTuple):
    """What may be done with one event."""

    analytics: bool
    personalization: bool


def joined(one: Word, other: Word) -> Word:
    """What both know together; commutative, associative, idempotent."""
    assumed_at = min(one.assumed_at or other.assumed_at, other.assumed_at or one.assumed_at)
    said = sorted({*one.said, *other.said})
    assumed = [one for one in said if one.kind == "assumed" and one.at == assumed_at]
    spoken = [one for one in said if one.kind != "assumed"]
    return Word(
        max(one.withdrawn_at, other.withdrawn_at),
        max(one.granted_at, other.granted_at),
        assumed_at,
        (*assumed[:1], *spoken[-HISTORY:]),
    )


def all_joined(one: Known, other: Known) -> Known:
    """Both for every purpose."""
    return {p: joined(one.get(p, Word()), other.get(p, Word())) for p in PURPOSES if p in one or p in other}


def newest(known: Known) -> int:
    """When the last word was said (ms): an erasure lies at or after it, or a word would outlive it."""
    return max((at for word in known.values() for at in _times(word)), default=0)


def withdrawn(at: int) -> Known:
    """Every purpose withdrawn at `at` (ms), with nothing said of it: what an erasure leaves."""
    return dict.fromkeys(PURPOSES, Word(withdrawn_at=at))


def learn(known: Known, accepted: Accepted) -> Known:
    """Fold an event's explicit consent into what is known; the words that changed."""
    changed: Known = {}
    said = accepted.event.consent
    if said is None:
        return changed
    for purpose in PURPOSES:
        granted, before = said.word(purpose), known.get(purpose)
        if granted is None or (granted and before is not None and _told(before, accepted)):
            continue
        after = _word(granted, accepted, said.text_version)
        if before is not None:
            after = joined(before, after)
        if before is None or _times(after) != _times(before):
            known[purpose] = changed[purpose] = after
    return changed


def _times(word: Word) -> tuple[int, int, int]:
    return word.withdrawn_at, word.granted_at, word.assumed_at


def _told(before: Word, accepted: Accepted) -> bool:
    """Whether an event's yes says nothing new (nearly every event of a shop that sends its consent along)."""
    return accepted.name != "consent_update" and bool(before.withdrawn_at or 0 < before.assumed_at <= accepted.at)


def _word(granted: bool, accepted: Accepted, text_version: str | None) -> Word:
    """What one event says of a purpose."""
    at = max(1, accepted.at)
    kind: Kind = "withdrawn" if not granted else "granted" if accepted.name == "consent_update" else "assumed"
    return Word(**{f"{kind}_at": at}, said=(Said(at, kind, accepted.name, text_version or ""),))


def purposes(known: Known, accepted: Accepted) -> Purposes:
    """What holds for this event: its own refusal, what is known, the shop's default, else no."""
    return Purposes(_holds("analytics", known, accepted), _holds("personalization", known, accepted))


def refused(known: Known, purpose: str) -> bool:
    """Whether the visitor's word is a no; not knowing is another thing, and forgets nothing."""
    return purpose in known and not known[purpose].granted


def _holds(purpose: str, known: Known, accepted: Accepted) -> bool:
    event = accepted.event
    if event.consent is not None and event.consent.word(purpose) is False:
        return False
    if purpose in known:
        return known[purpose].granted
    return assumed(purpose, event)


def assumed(purpose: str, event: Event) -> bool:
    """Whether the shop assumes a yes of a visitor of whom nothing is known."""
    return event.consent_default is not None and event.consent_default.word(purpose) is True

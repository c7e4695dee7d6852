"""Consent as a visitor's owner folds it: what is known, and what one event may do.

Per purpose the newest explicit word is kept. An event's own consent may lower what is known, and grants only where
nothing is; only `consent_update` grants after a withdrawal, with a later time; a withdrawal wins ties. The shop's
stamped `consent_default` never lowers or grants anything; without any of these the answer is no (`GUARANTEES.md` §4).
"""

from __future__ import annotations

from typing import NamedTuple

from stream.ingest import Accepted

PURPOSES = ("analytics", "personalization", "marketing")

Known = dict[str, tuple[bool, int]]
"""Purpose → (granted, when in ms)."""


class Purposes(NamedTuple):
    """What may be done with one event."""

    analytics: bool
    personalization: bool


def learn(known: Known, accepted: Accepted) -> bool:
    """Fold an event's explicit consent into what is known; whether anything changed."""
    said = accepted.event.consent
    if said is None:
        return False
    changed = False
    for purpose in PURPOSES:
        granted = getattr(said, purpose)
        if granted is not None and _counts(known.get(purpose), granted, accepted):
            known[purpose] = (granted, accepted.at)
            changed = True
    return changed


def _counts(before: tuple[bool, int] | None, granted: bool, accepted: Accepted) -> bool:
    if before is None:
        return True
    was, since = before
    if not granted:
        return accepted.at > since or (was and accepted.at == since)
    return accepted.name == "consent_update" and accepted.at > since


def purposes(known: Known, accepted: Accepted) -> Purposes:
    """What holds for this event: its own refusal, what is known, the shop's default, else no."""
    return Purposes(_holds("analytics", known, accepted), _holds("personalization", known, accepted))


def refused(known: Known, purpose: str) -> bool:
    """Whether the visitor's newest word is a no; not knowing is another thing, and forgets nothing."""
    return purpose in known and not known[purpose][0]


def _holds(purpose: str, known: Known, accepted: Accepted) -> bool:
    event = accepted.event
    if event.consent is not None and getattr(event.consent, purpose) is False:
        return False
    if purpose in known:
        return known[purpose][0]
    return event.consent_default is not None and getattr(event.consent_default, purpose) is True

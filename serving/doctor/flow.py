"""What flows: workers, their lag, what they refuse, and whether events, catalogue and decisions fit together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from serving.doctor.facts import Facts
from serving.doctor.finding import Finding, bad, ok, warn
from stream.ingest import Accepted, validate
from stream.state.redis import Condition
from stream.survey import Survey

LATELY_MS = 24 * 3_600_000
HOUR_MS = 3_600_000


def workers(facts: Facts) -> Finding | None:
    """Whether a worker lives, and what it owns."""
    if not isinstance(facts.redis, Condition):
        return None
    owned = sum(len(beat.shards) for beat in facts.beats)
    if not facts.beats:
        return bad("no worker told of itself in the last 10 s: events wait.", "Start `liveshelf worker`.")
    lost = sum(beat.lost for beat in facts.beats)
    if lost:
        fix = "Keep events longer than an outage may last; LIVESHELF_ON_LOSS says what workers do."
        return bad(f"{lost} records were deleted from the log before a worker read them.", fix)
    if not owned:
        return warn(f"{len(facts.beats)} workers live, but own nothing yet.", "Look again in some seconds.")
    return ok(f"{len(facts.beats)} workers own {owned} partitions.")


def lag(facts: Facts) -> Finding | None:
    """Whether the workers keep up."""
    if not isinstance(facts.lag, list):
        return None
    waiting = sum(row.records for row in facts.lag)
    late = [f"{row.topic}:{row.partition}" for row in facts.lag if row.verdict == "late"]
    if late:
        fix = "`liveshelf lag` tells more; a worker that stands still says why in its log, a slow one wants company."
        return bad(f"{waiting} records wait, for more than a minute in {', '.join(late[:5])}.", fix)
    if any(row.verdict == "behind" for row in facts.lag):
        return warn(f"{waiting} records wait.", "`liveshelf lag --watch` tells whether it gets better.")
    return ok("the workers keep up.")


def dead_letters(facts: Facts) -> Finding | None:
    """Whether events were refused lately."""
    if not isinstance(facts.survey, Survey):
        return None
    lately = [letter for letter in facts.dead if letter.at > facts.now_ms - LATELY_MS]
    if lately:
        reasons = ", ".join(
            f"{reason} {count}" for reason, count in Counter(one.reason for one in lately).most_common()
        )
        fix = "`liveshelf dead-letters list` says what is wrong with them."
        return warn(f"at least {len(lately)} records were refused in the last 24 h: {reasons}.", fix)
    return ok("nothing was refused in the last 24 h.")


def catalogue(facts: Facts) -> Finding | None:
    """Whether there is a catalogue."""
    if not isinstance(facts.survey, Survey):
        return None
    if facts.items:
        return ok(f"the catalogue has {'' if facts.items_whole else 'more than '}{len(facts.items)} items.")
    if not facts.items_whole:
        return None
    fix = "`liveshelf import FEED` or `PUT /v1/catalog/items` fills it."
    return warn("the catalogue is empty: shelves show ids without titles, prices and stock.", fix)


def consent(facts: Facts) -> Finding | None:
    """Whether events say what their visitors agreed to."""
    default, found = facts.settings.consent_default, list(_accepted(facts))
    if not found:
        return None
    agreed = sum(_agrees(one) for one in found)
    says = f"{agreed} of the {len(found)} newest events carry a yes to personalization (the default is {default})"
    if not agreed:
        fix = "Let pages send `consent` (the SDK does), or see LIVESHELF_CONSENT_DEFAULT and what your law says of it."
        return warn(f"{says}: without it shelves are contextual.", fix)
    return ok(f"{says}.")


def decisions(facts: Facts) -> Finding | None:
    """Whether answers are recorded while events come."""
    if not facts.events:
        return None
    newest_event = max(record.timestamp for record in facts.events)
    newest = max((record.timestamp for record in facts.decisions), default=0)
    if newest < newest_event - HOUR_MS:
        return warn(
            "events come, but no decision was recorded for an hour before the newest: nobody asks for shelves, or no "
            "visitor who asks agreed to personalization.",
            "Let pages ask GET /v1/recommendations/{placement} with the visitor_id of their events.",
        )
    return ok("decisions are recorded.")


def _accepted(facts: Facts) -> Iterator[Accepted]:
    for record in facts.events:
        found = validate(record.value or b"", timestamp=record.timestamp)
        if isinstance(found, Accepted):
            yield found


def _agrees(accepted: Accepted) -> bool:
    event = accepted.event
    said = None if event.consent is None else event.consent.word("personalization")
    return said is True or (
        said is None and event.consent_default is not None and event.consent_default.personalization is True
    )

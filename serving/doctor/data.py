"""The data that arrives, by those measures of `GET /v1/ops/health-of-data` that show how things are joined."""

from __future__ import annotations

from collections.abc import Callable

from serving.doctor.facts import Facts
from serving.doctor.finding import Finding


def _of(name: str) -> Callable[[Facts], Finding | None]:
    """The check of one measure; it says nothing of what nothing was measured of."""

    def check(facts: Facts) -> Finding | None:
        measure = facts.measures.get(name)
        if measure is None or not measure.of:
            return None
        return Finding(measure.verdict, measure.sentence, measure.fix)

    check.__name__ = name
    return check


CHECKS = tuple(_of(name) for name in ("events_valid", "event_names", "items_known", "clocks_right", "times_kept"))

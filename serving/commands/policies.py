"""`liveshelf evaluate --policy`: what other policies would have earned, as a table."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.console import Group
from rich.markup import escape
from rich.table import Table

from serving.commands.running import fail, loaded, sentences
from stream.replay import lines, span
from stream.span import within

HOUR_MS = 3_600_000


def policies_(events: Path, decisions: Path | None, placement: str) -> dict[str, Any]:
    """The estimates; what a user can mend becomes one sentence."""
    from serving.off_policy.report import policies  # noqa: PLC0415  # the other commands need none of it

    with sentences():
        records = lines(decisions) if decisions is not None else _of_the_broker(events)
        return policies(records, lines(events), placement=placement)


def _of_the_broker(events: Path) -> Iterator[bytes]:
    """The decision records of the time in which the events happened."""
    conf = loaded()
    if not conf.broker_url:
        fail(
            "the decisions are read from Kafka: set LIVESHELF_BROKER_URL, or name a file of records as they lie in "
            "liveshelf.decisions.v1 with --decisions"
        )
    first, last = span(events)
    for batch in within(conf, "decisions", first - HOUR_MS, last + HOUR_MS):
        yield from (record.value for record in batch if record.value is not None)


def shown(found: dict[str, Any]) -> Group:
    """The estimates for people."""
    log = found["protocol"]
    head = (
        f"{log['decisions']} shelves of {log['visitors']} visitors, {log['clicks']} clicks, {log['conversions']} "
        f"purchases; {log['places_random']} of {log['places']} places were random. 95 % intervals."
    )
    table = Table("policy", "goal", "a shelf (SNIPS)", "doubly robust", "above what was logged", "effective places", "")
    for name, policy in found["policies"].items():
        for goal in ("clicks", "conversions"):
            one = policy[goal]
            best = one["dr"] or one["snips"] or {}
            table.add_row(
                name, goal, _interval(one["snips"]), _interval(one["dr"]), _interval(best.get("above_logged")),
                f"{one.get('effective_places', 0):.0f}", escape(one["reason"] or ""),
            )  # fmt: skip
    return Group(head, table)


def _interval(one: dict[str, Any] | None) -> str:
    return "–" if one is None else f"{one['value']:.4g} ({one['interval'][0]:.4g} … {one['interval'][1]:.4g})"

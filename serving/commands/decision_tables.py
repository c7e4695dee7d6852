"""An explanation as tables for a terminal: the decision, its items, what would be otherwise, what was refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from rich.console import RenderableType
from rich.markup import escape
from rich.table import Table

_ELSEWHERE = "Only the API decides again, and tells what would be otherwise: ask it with --api."


def told(found: dict[str, Any]) -> Iterator[RenderableType]:
    """What there is to show of an explanation (`schemas/explanation.json`), in order."""
    yield _facts(found)
    if found["record"] is None:
        return
    again = found.get("recomputed")
    yield _items(found["record"], found.get("sentences") or {}, again)
    yield f"\n{escape(again['says'])}" if again else f"\n{_ELSEWHERE}"
    for one in (again or {}).get("without", ()):
        yield f"  {escape(one['says'])}"
    if again and again["refused"]:
        yield _refused(again["refused"])


def _facts(found: dict[str, Any]) -> Table:
    """What the token says, and what was recorded of the whole decision."""
    table = Table(show_header=False, box=None, padding=(0, 2))
    record = found["record"] or {}
    at = datetime.fromtimestamp(found["decided_at"] / 1000, UTC).isoformat(timespec="milliseconds")
    windows = f"{found['click_window_s'] / 3600:g} h after a click, {found['view_window_s'] / 3600:g} h after a view"
    told = {
        "placement": f"{found['placement']}, version {found['policy_version']}",
        "decided at": at,
        "variation": found["variation"] or "none: no experiment",
        "credit": windows,
        "status": record.get("status"),
        "asked": record.get("request"),
        "considered": record.get("candidates") and f"{record['candidates']} items (which were refused is not recorded)",
        "newest event known": _fresh(record.get("fresh_to") or {}),
        "models": ", ".join(f"{name} {version}" for name, version in record.get("models", {}).items()),
        "took": record.get("took_ms") and f"{record['took_ms']:.1f} ms",
    }
    for name, value in told.items():
        if value:
            table.add_row(f"[bold]{name}[/]", escape(str(value)))
    return table


def _fresh(fresh: dict[str, Any]) -> str:
    if fresh.get("occurred_at") is None:
        return ""
    return f"{fresh['lag_ms'] / 1000:.1f} s old" if fresh.get("lag_ms") is not None else "known"


def _items(record: dict[str, Any], sentences: dict[str, str], again: dict[str, Any] | None) -> Table:
    """The items as shown; a column only where it says something."""
    columns: dict[str, Callable[[dict[str, Any]], str]] = {
        "#": lambda item: str(item["position"]),
        "item": lambda item: item["item_id"],
        "score": lambda item: f"{item['score']:.4g}",
        "recommender": lambda item: item["recommender"],
        "for the shopper": lambda item: sentences.get(item["item_id"], ""),
        "because of the shopper's own": _because,
        "rules": lambda item: ", ".join(str(rule) for rule in item.get("rules", ())),
        "adds most now": lambda item: _contributions(item["item_id"], again),
        "now": lambda item: _now(item["item_id"], again),
        "without": lambda item: _without(item["item_id"], again),
    }
    cells = {name: [escape(said(item)) for item in record["items"]] for name, said in columns.items()}
    cells = {name: of for name, of in cells.items() if any(of)}
    table = Table(*cells)
    for row in zip(*cells.values(), strict=True):
        table.add_row(*row)
    return table


def _because(item: dict[str, Any]) -> str:
    return "\n".join(
        f"{one['event']} {one.get('item_id') or ''} {one['seconds_ago']:.0f} s before ({one['event_id']})"
        f"{': ' + one['relation'] if one.get('relation') else ''}"
        for one in item.get("because", ())
    )


def _contributions(item_id: str, again: dict[str, Any] | None) -> str:
    """What a model of choices counts most for the item, weight times feature."""
    found: dict[str, Any] = next((one for one in (again or {}).get("items", ()) if one["item_id"] == item_id), {})
    return "\n".join(f"{name} {value:+.3g}" for name, value in found.get("contributions", {}).items())


def _now(item_id: str, again: dict[str, Any] | None) -> str:
    """Where the item would stand now."""
    places = {one["item_id"]: str(one["position"]) for one in (again or {}).get("items", ())}
    return places.get(item_id, "gone") if places else ""


def _without(item_id: str, again: dict[str, Any] | None) -> str:
    """Where the item would stand now without each of the visitor's items that it needs."""
    return "\n".join(
        f"{one['item_id']}: {fall['position']} → {'gone' if fall['without'] is None else fall['without']}"
        for one in (again or {}).get("without", ())
        for fall in one["falls"]
        if fall["item_id"] == item_id
    )


def _refused(refused: dict[str, str]) -> Table:
    table = Table("refused now", "because")
    for item_id, why in refused.items():
        table.add_row(escape(item_id), escape(why))
    return table

"""The report for people: what serves by groups of targets, and beside the baselines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.table import Table

from serving.evaluation.ledger import OURS
from serving.evaluation.new_items import POPULAR, SERVED

_MEASURES: Final = ("hr@1", "hr@5", "hr@10", "hr@20", "mrr@20", "ndcg@20")
_GROUPS: Final = {
    "next": "next event",
    "new_in_session": "  item new in the session",
    "no_repeats": "  lists without repeats",
    "cold_items": "  item new in the shop",
    "unseen_items": "  item never seen",
    "first": "first event",
    "cold_first": "  of a new visitor",
    "cold_next": "  and the second event",
}
_EVENTS: Final = {"view_item": "views", "add_to_cart": "carts", "purchase": "purchases"}
_BOUNDED: Final = ("hr@20", "mrr@20")
_NEW: Final = {
    "all": "{n:,} targets among the {items:,} items that came up in the tested part; lists without repeats",
    "unseen_items": "{n:,} of them nobody had seen",
    "cold_items": "{n:,} of them few sessions had had",
}
_NEW_AHEAD: Final = ("ahead of popularity: HR@20", "ahead of recent: HR@20")
_LISTED: Final = {
    "items": "items",
    "titles": "with a title",
    "categories": "a category",
    "brands": "a brand",
    "prices": "a price",
    "unreadable_prices": "unreadable prices",
}
_TAUGHT_NOTHING: Final = {
    "steps_passed_over": "became part of no session: twice the same event_id, late, or without consent",
    "steps_guarded": "taught nothing: an item's third time in a session, one visitor's many sessions, or a flood",
}
_SAID: Final = {"evidence": "evidence of what was shown", "probability": "its score, a probability"}
_BANDS: Final = {"0": "0 (nothing claimed)", "fill": "fills up"}
_NONE: Final = "–"
WIDTH: Final = 108


def screen(found: dict[str, Any]) -> RenderableType:
    """Tables of what `evaluate` found."""
    told = found["protocol"]
    head = (
        f"{told['events']:,} events, {told['events_tested']:,} tested, {told['events_rejected']:,} rejected; "
        f"learnt: {told['learning']}. {found['unseen_share']:.1%} of the targets had never been seen."
    )
    parts: list[RenderableType] = [head, *_remarks(found), _groups(found)]
    for name, words in _SAID.items():
        parts += _held(found.get(name, {"bands": []}), name, words)
    if found.get("new_items", {}).get("items"):
        parts += _new(found["new_items"])
    if found["baselines"]:
        parts += [_next(found), _lists(found)]
    parts.append(f"\nin brackets: {told['intervals']}")
    return Group(*parts)


def _remarks(found: dict[str, Any]) -> Iterator[str]:
    """What a reader must know of this history before the numbers."""
    told = found["protocol"]
    if told["catalogue"]["items"]:
        listed = ", ".join(f"{told['catalogue'][name]:,} {words}" for name, words in _LISTED.items())
        yield f"Catalogue: {listed}."
    for name, words in _TAUGHT_NOTHING.items():
        if told[name]:
            yield f"{told[name]:,} views and carts {words}."
    if not found["next"]["n"] + found["first"]["n"]:
        yield "Nothing was tested: the tested part has no view or cart of one item (--last tests more)."
    elif not found["next"]["n"]:
        yield (
            "No session goes on in the tested part, so nothing is said of a next event. Sessions are told apart by "
            "visitor_id and session_id, without the latter by 30 minutes without an event."
        )


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", pad_edge=False, box=None, padding=(0, 2, 0, 0))
    table.add_column("", no_wrap=True)
    for column in columns:
        table.add_column(column, justify="right", no_wrap=True)
    return table


def _groups(found: dict[str, Any]) -> Table:
    table = _table("\nliveshelf", "n", *(name.upper() for name in _MEASURES), "HR@20, 95 %")
    for name, title, group in _every_group(found):
        if group["n"]:
            bounds = found["intervals"].get(name, {}).get("hr@20")
            table.add_row(title, f"{group['n']:,}", *(_share(group[one]) for one in _MEASURES), _between(bounds))
    return table


def _every_group(found: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for name, title in _GROUPS.items():
        yield name, title, found[name]
    for length, group in found["by_length"].items():
        yield "", f"after {length} step{'' if length == '1' else 's'}", group
    if found["by_event"]["view_item"]["n"] != found["next"]["n"]:
        for name, title in _EVENTS.items():
            yield "", title, found["by_event"][name]


def _held(told: dict[str, Any], name: str, words: str) -> Iterator[RenderableType]:
    bands = [band for band in told["bands"] if band["n"]]
    if not bands:
        return
    table = _table(f"\n{words}, and what came next", "items", name.upper(), "CAME NEXT", "95 %")
    for one in bands:
        shares = (one["mean"], one["came_next"])
        table.add_row(
            _BANDS.get(one["said"], one["said"]),
            f"{one['n']:,}",
            *(f"{share:.4f}" for share in shares),
            _finely(one["interval"]),
        )
    yield table
    if told["error"]["mean"] is not None:
        apart, over = (f"{told[one]['mean']:.4f} {_finely(told[one]['interval'])}" for one in ("error", "overstated"))
        yield f"{name} above 0 and what came next are {apart} apart; it promises too much by {over}"


def _new(told: dict[str, Any]) -> Iterator[Table]:
    for name, title in _NEW.items():
        group = told[name]
        if group["n"]:
            found = _table("\n" + title.format(n=group["n"], items=told["items"]), "HR@20", "MRR@20", *_NEW_AHEAD)
            for listed in (*SERVED, *POPULAR):
                found.add_row(listed, *_new_row(group[listed]))
            yield found


def _new_row(one: dict[str, Any]) -> Iterator[str]:
    for measure in _BOUNDED:
        yield f"{_share(one[measure])} {_between(one['intervals'][measure])}"
    for other in POPULAR:
        yield _ahead(one["ahead"][other]["hr@20"]) if "ahead" in one else _NONE


def _next(found: dict[str, Any]) -> Table:
    columns = ("HR@20", "MRR@20", "liveshelf ahead: HR@20", "MRR@20")
    table = _table("\nnext events, beside the literature", *columns)
    for name, one in _everybody(found):
        own, ahead = one["intervals"]["next"], one.get("difference", {}).get("next", {})
        quality = (f"{_share(one[measure])} {_between(own[measure])}" for measure in _BOUNDED)
        table.add_row(name, *quality, *(_ahead(ahead.get(measure)) for measure in _BOUNDED))
    return table


def _lists(found: dict[str, Any]) -> Table:
    columns = ("HR@20: first", "no repeats", "new items", "coverage", "popularity", "Gini", "seconds")
    table = _table("\nother targets, and what the lists show", *columns)
    for name, one in _everybody(found):
        hits = (_share(one[group]["hr@20"]) for group in ("first", "no_repeats", "cold_items"))
        shown = (_share(one[measure]) for measure in ("coverage@20", "popularity@20", "gini@20"))
        table.add_row(name, *hits, *shown, f"{one['seconds']:.1f}")
    return table


def _everybody(found: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    yield OURS, found | {measure: found["next"][measure] for measure in _BOUNDED}
    yield from found["baselines"].items()


def _share(value: float) -> str:
    return f"{value:.3f}".removeprefix("0") if value < 1 else f"{value:.2f}"


def _between(bounds: list[float] | None) -> str:
    return f"[{_share(bounds[0])}, {_share(bounds[1])}]".replace("[", "\\[") if bounds else _NONE


def _finely(bounds: list[float] | None) -> str:
    return f"\\[{bounds[0]:.4f}, {bounds[1]:.4f}]" if bounds else _NONE


def _ahead(difference: dict[str, Any] | None) -> str:
    if difference is None or difference["mean"] is None:
        return _NONE
    low, high = (f"{bound:+.3f}" for bound in difference["interval"])
    return f"{difference['mean']:+.3f} \\[{low}, {high}]"

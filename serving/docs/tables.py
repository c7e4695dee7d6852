"""What guides say that the code knows: ``python -m serving.docs.tables`` writes it into them, a test keeps it fresh.

A guide names a table between two comments, ``<!-- table: settings -->`` and ``<!-- end -->``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from prometheus_client import REGISTRY

import schemas
import serving.http.operations  # noqa: F401  # registers all metrics
from serving.docs.guides import NAMES, text_of
from serving.http import openapi
from serving.http.access import NEEDS, Need
from serving.placements import placements
from stream import settings_table
from stream.events import EVENT_NAMES
from stream.ingest import EDGE_FORBIDDEN
from stream.state import table as state_table
from stream.topics import TOPICS
from stream.visitor import SIGNALS

FOLDER: Final = Path(__file__).parent
EXAMPLES: Final = MappingProxyType({"view_item_list": "of_a_shelf", "search": "with_results", "refund": "of_one_item"})
ENVELOPE: Final = ("event_id", "event", "occurred_at", "visitor_id")
ORDER: Final = (
    "page_view", "view_item_list", "select_item", "view_item", "search", "add_to_cart", "remove_from_cart", "view_cart",
    "begin_checkout", "purchase", "refund", "add_to_wishlist", "view_promotion", "select_promotion", "dismiss",
    "identify", "consent_update",
)  # fmt: skip
"""Events that a shop sends, as a visit goes."""

_BLOCK = re.compile(r"(<!-- table: ([a-z_]+) -->\n).*?(<!-- end -->\n)", re.DOTALL)


def filled(text: str) -> str:
    """A guide's Markdown with its tables as they are now; KeyError for a table that there is none of."""
    return _BLOCK.sub(lambda found: f"{found[1]}{TABLES[found[2]]()}{found[3]}", text)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return (
        "\n" + "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines) + "\n"
    )


def settings() -> str:
    """Every setting, its default and what it is."""
    return _table(("setting", "without it", "is"), settings_table.rows())


def state() -> str:
    """Every Redis key, and the signals inside a visitor's value."""
    head = ("key", "holds", "type", "kept", "written by", "compared by `rebuild`")
    signals = "".join(f"- `{one.name}`: {one.explain}\n" for one in SIGNALS)
    keys = _table(head, ((f"`{key}`", *cells) for key, *cells in state_table.rows()))
    return f"{keys}Signals inside a visitor's value:\n\n{signals}\n"


def metrics() -> str:
    """Every metric of our own, as Prometheus names it."""
    ours = sorted((one for one in REGISTRY.collect() if one.name.startswith("liveshelf_")), key=lambda one: one.name)
    rows = (
        (f"`{one.name}{_SUFFIX.get(one.type, '')}`", one.type, _labels(one.name), one.documentation) for one in ours
    )
    return _table(("metric", "kind", "labels", "is"), rows)


_SUFFIX: Final = {"counter": "_total"}


def _labels(name: str) -> str:
    """The labels of a metric, which the client tells nobody before the first sample."""
    names = getattr(REGISTRY._names_to_collectors[name], "_labelnames", ())  # noqa: SLF001  # there is no other way
    return ", ".join(f"`{label}`" for label in names) or "–"


def topics() -> str:
    """Every Kafka topic, what it is keyed by and how long it is kept."""
    rows = (
        (f"`{one.name}`", one.key, "compacted" if one.compacted else f"{one.retention_days} days", _WHO[one.internal])
        for one in TOPICS.values()
    )
    return _table(("topic", "key", "kept", "for"), rows)


_WHO: Final = {False: "everybody", True: "liveshelf itself"}


def shelves() -> str:
    """The built-in placements."""
    rows = ((f"`{one.name}`", one.explain, _WITHOUT[one.evidence]) for one in placements().values())
    return _table(("placement", "shows", "without anything to go by"), rows)


_WITHOUT: Final = {"popular": "what is popular, status `fallback`", "hide": "nothing, status `insufficient_data`"}


def routes() -> str:
    """Every route of the API, what it does and which key it needs."""
    paths = openapi.document()["paths"]
    rows = (
        (f"`{method} {path}`", paths[path][method.lower()]["summary"], _key(need))
        for (method, path), need in NEEDS.items()
    )
    return _table(("route", "does", "needs"), rows)


def _key(need: Need) -> str:
    if need.scope is None:
        return "no key"
    visitor = ", or `pk_…` with the visitor's token" if need.own else ""
    url = ", also as `?key=`" if need.beacon else ""
    return f"scope `{need.scope}`{visitor}{url}"


def events() -> str:
    """Each event that a shop sends: when, what it needs, an example."""
    return "".join(map(_section, ORDER)) + "\n"


def server_events() -> str:
    """The events that only the server writes."""
    rows = ((f"`{name}`", _sentence(schemas.load(f"events/{name}"))) for name in sorted(EDGE_FORBIDDEN))
    return _table(("event", "is"), rows)


def _section(name: str) -> str:
    schema = schemas.load(f"events/{name}")
    example = schemas.examples(f"events/{name}", valid=True)[EXAMPLES.get(name, "minimal")]
    needs = ", ".join(f"`{field}`" for field in schema["required"] if field not in ENVELOPE)
    required = f" Required: {needs}." if needs else ""
    return f"\n## {name}\n\n{_sentence(schema)}{required}\n\n```json event\n{_shown(example)}\n```\n"


def _sentence(schema: dict[str, Any]) -> str:
    return f"{schema['title'].removesuffix('.')}. {schema.get('description', '')}".strip()


def _shown(example: Any) -> str:
    """JSON with a line for each field of the event, and each item on one line."""
    lines = [f"  {json.dumps(name)}: {json.dumps(value, ensure_ascii=False)}" for name, value in example.items()]
    return "{\n" + ",\n".join(lines) + "\n}"


TABLES: Final[dict[str, Callable[[], str]]] = {
    one.__name__: one for one in (settings, state, metrics, topics, shelves, routes, events, server_events)
}


def write() -> None:
    """Bring every guide up to date."""
    assert set(ORDER) == EVENT_NAMES - EDGE_FORBIDDEN
    for name in NAMES:
        FOLDER.joinpath(f"{name}.md").write_text(filled(text_of(name)), encoding="utf-8")


if __name__ == "__main__":
    write()

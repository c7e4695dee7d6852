"""Rules read word for word: what a shelf must be, from the shelf without rules and the documents."""

from __future__ import annotations

from collections import Counter
from typing import Any

from tests.filters.naive import passes

Document = dict[str, Any]


def shelf(
    plain: list[tuple[str, float]], items: dict[str, dict[str, Any]], documents: list[Document], n: int
) -> list[tuple[str, list[str]]]:
    """Items with the rules that touched them. `plain` is all that may be shown, best first, with scores."""
    rules = sorted(documents, key=lambda one: (-one.get("priority", 0), one["name"]))

    def about(rule: Document, item_id: str) -> bool:
        return "if" not in rule or passes(rule["if"], items[item_id])

    filters = [rule for rule in rules if "filter" in rule["then"]]
    may = [
        pair for pair in plain if all(about(rule, pair[0]) == (rule["then"]["filter"] == "only") for rule in filters)
    ]
    pinned = {
        item_id: (place, rule["name"])
        for item_id, (place, rule) in _places(rules).items()
        if place < n and item_id in dict(may) and about(rule, item_id)
    }
    ranked = sorted(((item_id, *_boosted(score, item_id, rules, about)) for item_id, score in may), key=_by_score)
    counts: Counter[Any] = Counter(key for item_id in pinned for key in _keys(item_id, items, rules, about))
    most = {rule["name"]: rule["then"]["cap"]["most"] for rule in rules if "cap" in rule["then"]}
    shown: list[tuple[str, list[str]]] = []
    for item_id, _, _, names in ranked:
        keys = _keys(item_id, items, rules, about)
        if item_id not in pinned and all(counts[key] < most[key[0]] for key in keys):
            counts.update(keys)
            shown.append((item_id, names))
    del shown[n:]
    for item_id, (place, name) in sorted(pinned.items(), key=lambda pair: pair[1][0]):
        shown.insert(place, (item_id, [name]))
    return shown[:n]


def _by_score(one: tuple[str, float, float, list[str]]) -> tuple[float, float]:
    return -one[1], -one[2]


def _boosted(score: float, item_id: str, rules: list[Document], about: Any) -> tuple[float, float, list[str]]:
    factor, names = 1.0, []
    for rule in rules:
        if rule["then"].keys() & {"boost", "bury"} and about(rule, item_id):
            factor *= rule["then"].get("boost", 1 / rule["then"].get("bury", 1))
            names.append(rule["name"])
    factor = max(0.01, min(100.0, factor))
    return score * factor, factor, names


def _places(rules: list[Document]) -> dict[str, tuple[int, Document]]:
    found: dict[str, tuple[int, Document]] = {}
    for rule in rules:
        for pin in rule["then"].get("pin", ()):
            if pin["item_id"] not in found:
                taken = {place for place, _ in found.values()}
                place = next(place for place in range(pin["position"], 1_000) if place not in taken)
                found[pin["item_id"]] = place, rule
    return found


def _keys(item_id: str, items: dict[str, dict[str, Any]], rules: list[Document], about: Any) -> list[tuple[str, str]]:
    keys = []
    for rule in rules:
        if "cap" in rule["then"] and about(rule, item_id):
            value = items[item_id].get(rule["then"]["cap"]["by"])
            values = value if isinstance(value, list) else [value]
            keys += [(rule["name"], one) for one in dict.fromkeys(values) if one is not None]
    return keys

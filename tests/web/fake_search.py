"""A search that follows the public contract just far enough for the page: all words of a title, or what is popular."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import Any

Json = dict[str, Any]


def found(catalogue: list[Json], events: list[Json], wanted: dict[str, str], decision_id: str) -> Json:
    """The answer to a query; "kettle" is a typo of "teapot", and what is in the cart is told apart."""
    query, n = wanted["q"], int(wanted["n"])
    words = ["teapot" if word == "kettel" else word for word in re.findall(r"\w+", query.lower())]
    narrowed = json.loads(wanted.get("filter", "{}"))
    own = [event for event in events if event["visitor_id"] == wanted.get("visitor_id")]
    in_cart = {line["item_id"] for event in own if event["event"] == "add_to_cart" for line in event["items"]}
    matching = [item for item in catalogue if all(word in item["title"].lower() for word in words)]
    free = [item for item in matching if item["item_id"] not in in_cart]
    let = [item for item in free if all(item.get(name) == value for name, value in narrowed.items())]
    if wanted.get("sort") == "price_asc":
        let.sort(key=lambda item: float(item["price"]))
    before = int(wanted.get("after", 0))
    page = let[before : before + n]
    corrected = "kettel" in query
    step = "corrected" if corrected else "all_words"
    steps = [{"step": step, "found": len(let), "says": f"Results for “{' '.join(words)}”."}]
    if not let:
        steps = [
            {"step": "all_words", "found": 0, "says": f"“{query}” is not sold here."},
            {"step": "for_you", "found": 2, "says": "These are popular in the shop."},
        ]
    shown = [_shown(item, place, step, words) for place, item in enumerate(page)] or [
        _shown(item, place, "for_you", []) for place, item in enumerate(catalogue[:2])
    ]
    return {
        "decision_id": decision_id,
        "placement": "search",
        "status": "ok" if let else "fallback",
        "rung": "live",
        "experiment": None,
        "fresh_to": {"occurred_at": None, "lag_ms": None, "met": None},
        "took_ms": 1.2,
        "next": str(before + n) if before + n < len(let) else None,
        "sort": wanted.get("sort", "relevance"),
        "understood": {
            "query": query, "words": words, "kind": None, "exact": None, "synonyms": [], "filters": [], "unknown": [],
            "corrections": [{"from": "kettel", "to": "teapot"}] if corrected else [],
        },
        "steps": steps,
        "total": len(let),
        "price": None,
        "facets": _facets(free, narrowed),
        "yours": [
            {**_kept(item), "why": "in_cart"} for item in matching if item["item_id"] in in_cart
        ],
        "items": shown,
    }  # fmt: skip


def suggested(catalogue: list[Json], q: str) -> Json:
    """The words of titles that begin as the last one that was typed."""
    words = Counter(word for item in catalogue for word in re.findall(r"\w+", item["title"].lower()))
    texts = [word for word, _ in words.most_common() if word.startswith(q.lower())][:3]
    return {"query": q, "suggestions": [{"text": text, "kind": "phrase"} for text in texts], "took_ms": 0.4}


def _facets(items: list[Json], narrowed: Json) -> list[Json]:
    told = []
    for field in ("category", "brand"):
        others = {name: value for name, value in narrowed.items() if name != field}
        let = [item for item in items if all(item.get(name) == value for name, value in others.items())]
        counts = Counter(item[field] for item in let if item.get(field))
        told.append({"field": field, "values": [{"value": value, "count": n} for value, n in counts.most_common()]})
    return [one for one in told if len(one["values"]) > 1]


def _kept(item: Json) -> Json:
    return {name: item.get(name) for name in ("item_id", "title", "url", "image_url", "price", "currency")}


def _shown(item: Json, place: int, step: str, words: list[str]) -> Json:
    parts = re.split(f"({'|'.join(words)})", item["title"], flags=re.IGNORECASE) if words else [item["title"]]
    marks = {"highlights": {"title": parts}} if len(parts) > 1 else {}
    told = {"position": place, "score": 1.0, "recommender": "search", "evidence": 0.0, "because": [], "rules": []}
    return {**_kept(item), **told, "step": step, **marks}

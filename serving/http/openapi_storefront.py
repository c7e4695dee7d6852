"""The OpenAPI description of what pages call: events, shelves, and why they were made."""

from __future__ import annotations

from typing import get_args

from serving.http.events import MOST_BYTES
from serving.http.formats import MOST_EVENTS, OWN
from serving.http.openapi_placements import NAME
from serving.http.operation import Json, answers, in_path, operation, visitor_token
from serving.placement import MOST_ITEMS
from serving.slate.cursor import MOST_CHARACTERS
from stream.adapter import ItemKey
from stream.adapters import adapters


def paths() -> Json:
    """The paths with their operations."""
    return {
        "/v1/events": {"post": _events()},
        "/v1/recommendations/{placement}": {"get": _shelf_by_query(), "post": _shelf_by_body()},
        "/v1/decisions/{decision_id}": {"get": _explain()},
    }


def _events() -> Json:
    event = {"$ref": "#/components/schemas/event"}
    many = {
        "type": "object",
        "required": ["events"],
        "properties": {
            "events": {"type": "array", "items": event, "minItems": 1, "maxItems": MOST_EVENTS},
            "visitor_token": {"type": "string", "description": "As the header, for beacons, which cannot set one."},
        },
    }
    verdicts = {
        "type": "object",
        "required": ["verdicts"],
        "properties": {"verdicts": {"type": "array", "items": {"$ref": "#/components/schemas/Verdict"}}},
    }
    described = operation(
        "post_events",
        "storefront",
        "Send one event or many.",
        f"At most {MOST_EVENTS} events and {MOST_BYTES} bytes, also compressed (gzip, deflate). The answer comes once "
        "the broker has acknowledged what is accepted; one verdict for each event, in the order sent. With `format` "
        "the body is another system's document (stream/adapters/DESIGN.md); what is no event of ours in it is answered "
        "`not_stored`, reason `ignored`, and a verdict's `source` says where in the document its event stands.",
        {"202": answers("Verdicts.", verdicts)},
        400, 401, 403, 408, 413, 415, 429, 503,
    )  # fmt: skip
    body = {"required": True, "content": {"application/json": {"schema": {"anyOf": [event, many]}}}}
    security: Json = {"security": [{"key": []}, {"beacon": []}]}
    return {**described, "parameters": [*_formats(), visitor_token()], "requestBody": body, **security}


def _formats() -> list[Json]:
    """What the body may be instead of our own events."""
    texts = {OWN: "Events in our own words.", **{name: one.explain for name, one in adapters().items()}}
    described = " ".join(f"`{name}`: {text}" for name, text in texts.items())
    name = {"type": "string", "enum": [*texts], "default": OWN}
    key = {"type": "string", "enum": list(get_args(ItemKey)), "default": "sku"}
    text = "Which of another format's ids is the `item_id`: the SKU where there is one, or always the id."
    return [
        {"name": "format", "in": "query", "description": described, "schema": name},
        {"name": "item_id", "in": "query", "description": text, "schema": key},
    ]


def _shelf(name: str, summary: str) -> Json:
    return operation(
        name,
        "storefront",
        summary,
        "Items for this visitor and place, with what led to them. Never shown: out of stock, hidden, in the cart, "
        "bought lately, dismissed, excluded, or what the filter does not let through; of the variants of one "
        "`item_group_id` one. A dependency that is away degrades the answer, it makes no error; a placement that is "
        "switched off is an empty shelf (`insufficient_data`).",
        {"200": answers("A shelf.", {"$ref": "#/components/schemas/shelf"})},
        400, 401, 403, 404, 429, 503,
    )  # fmt: skip


def _placement() -> Json:
    return {"name": "placement", "in": "path", "required": True, "schema": NAME}


def _shelf_by_query() -> Json:
    text = {"type": "string", "maxLength": 128}
    several = {"type": "array", "items": text, "maxItems": 1_000, "description": "Ids, separated by commas."}
    of_query: dict[str, Json] = {
        "visitor_id": text,
        "customer_id": text,
        "session_id": text,
        "item_id": {**text, "description": "The item of the page."},
        "n": {
            "type": "integer",
            "minimum": 1,
            "maximum": MOST_ITEMS,
            "description": "How many; left out: the placement's own number.",
        },
        "exclude": several,
        "min_fresh": {
            "type": "string",
            "description": "A verdict's `fresh_token`: wait, at most 250 ms, until it is known.",
        },
        "diversity": {
            "type": "number",
            "minimum": 0,
            "maximum": 1,
            "description": "How much variety counts against the order; left out: the placement's own.",
        },
        "after": {
            "type": "string",
            "maxLength": MOST_CHARACTERS,
            "description": "The `next` of the page before: nothing of it, and of those before it, comes again.",
        },
        "explain": {"type": "boolean", "default": False},
        "profiling": {"enum": ["on", "off"], "default": "on"},
    }
    lists = {"style": "form", "explode": False}
    parameters = [
        {"name": name, "in": "query", "schema": schema, **(lists if schema.get("type") == "array" else {})}
        for name, schema in of_query.items()
    ]
    may_be_shown: Json = {
        "name": "filter",
        "in": "query",
        "description": "What may be shown: the filter of a body, as JSON.",
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/filter"}}},
    }
    parameters = [_placement(), *parameters, may_be_shown, visitor_token()]
    return {**_shelf("get_shelf", "A shelf."), "parameters": parameters}


def _shelf_by_body() -> Json:
    body = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Ask"}}}}
    return {
        **_shelf("post_shelf", "A shelf, asked for with a body."),
        "parameters": [_placement(), visitor_token()],
        "requestBody": body,
    }


def _explain() -> Json:
    text = (
        "For a secret key with the scope `decisions`, or for the visitor whose it was: with a publishable key and the "
        "visitor's token. What is another's is not found, as is what never was."
    )
    shown = {"200": answers("Why.", {"$ref": "#/components/schemas/explanation"})}
    described = operation("get_decision", "storefront", "Why a decision was made.", text, shown, 401, 403, 404, 429)
    return {**described, "parameters": [in_path("decision_id"), visitor_token()]}

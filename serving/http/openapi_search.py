"""The OpenAPI description of searches, suggestions and what marketers say of them."""

from __future__ import annotations

from typing import get_args

from serving.http.openapi_placements import IF_MATCH
from serving.http.operation import Json, answers, in_path, operation, visitor_token
from serving.http.search import LONGEST
from serving.http.suggest import MOST_SUGGESTIONS, SUGGESTIONS
from serving.placement import ITEMS, MOST_ITEMS
from serving.search.question import Sort
from serving.slate.cursor import MOST_CHARACTERS

_QUERY: Json = {
    "name": "q",
    "in": "query",
    "required": True,
    "description": "What the shopper typed.",
    "schema": {"type": "string", "minLength": 1, "maxLength": LONGEST, "pattern": r"\S"},
}
_TOLD: Json = {
    "type": "object",
    "required": ["name", "origin", "revision", "changed_at", "changed_by", "document", "warnings"],
    "properties": {
        "name": {"type": "string"},
        "origin": {"enum": ["made"], "description": "Made here: none is built in."},
        "revision": {"type": "integer", "description": "It only grows."},
        "changed_at": {"type": "integer", "description": "When, epoch ms."},
        "changed_by": {"type": "string", "description": "An account, or `key:` and an API key's name."},
        "document": {"$ref": "#/components/schemas/search"},
        "warnings": {
            "type": "array",
            "items": {"type": "string"},
            "description": "What is odd about it in the shop as it is now, such as a pinned item that there is not.",
        },
    },
}
_EXAMPLE: Json = {
    "q": "pan",
    "search": {"explain": "Not this one.", "queries": ["pan"], "hide": ["pan-3"]},
}


def paths() -> Json:
    """The paths with their operations."""
    return {
        "/v1/search": {"get": _search()},
        "/v1/suggest": {"get": _suggest()},
        "/v1/admin/searches/preview": {"post": _preview()},
        "/v1/admin/searches": {"get": _list()},
        "/v1/admin/searches/{name}": {"get": _show(), "put": _put(), "delete": _remove()},
    }


def _search() -> Json:
    text = {"type": "string", "minLength": 1, "maxLength": 128}
    of_query: dict[str, Json] = {
        "visitor_id": text,
        "customer_id": text,
        "session_id": text,
        "n": {"type": "integer", "minimum": 1, "maximum": MOST_ITEMS, "default": ITEMS},
        "sort": {"enum": [*get_args(Sort)], "default": "relevance"},
        "exclude": {"type": "array", "items": text, "maxItems": 1_000, "description": "Ids, separated by commas."},
        "personalize": {
            "type": "boolean",
            "default": True,
            "description": "false: nothing that is known of the visitor orders the results.",
        },
        "explain": {
            "type": "boolean",
            "default": False,
            "description": "Say why each result stands where it does; for secret keys.",
        },
        "min_fresh": {
            "type": "string",
            "description": "A verdict's `fresh_token`: wait, at most 250 ms, until it is known.",
        },
        "after": {
            "type": "string",
            "maxLength": MOST_CHARACTERS,
            "description": "The `next` of the page before: nothing of it, and of those before it, comes again.",
        },
    }
    lists = {"style": "form", "explode": False}
    parameters: list[Json] = [
        {"name": name, "in": "query", "schema": schema, **(lists if schema.get("type") == "array" else {})}
        for name, schema in of_query.items()
    ]
    narrowed: Json = {
        "name": "filter",
        "in": "query",
        "description": "What may be among the results, as JSON.",
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/filter"}}},
    }
    described = operation(
        "search", "storefront", "What answers a shopper's words.",
        "Corrects unknown words, reads price, colour, size and brand from the query, and ranks by the words, by what "
        "they mean, by the kind of item that is meant, and by the visit. Where nothing answers, `steps` say "
        "what is shown instead. Never among the results: out of stock, hidden, in the cart, bought lately, dismissed, "
        "excluded, or what the filter does not let through; of the variants of one `item_group_id` one. What matches "
        "and the visitor has is told in `yours`.",
        {"200": answers("The results.", {"$ref": "#/components/schemas/search_results"})},
        400, 401, 403, 429, 503,
    )  # fmt: skip
    return {**described, "parameters": [_QUERY, *parameters, narrowed, visitor_token()]}


def _suggest() -> Json:
    described = operation(
        "suggest", "storefront", "What a shopper may be about to type.",
        "The catalogue's own words, with typos put right; the best one also within its categories. None finds nothing.",
        {"200": answers("The suggestions, the likeliest first.", {"$ref": "#/components/schemas/suggestions"})},
        400, 401, 403, 429, 503,
    )  # fmt: skip
    count: Json = {"type": "integer", "minimum": 1, "maximum": MOST_SUGGESTIONS, "default": SUGGESTIONS}
    return {**described, "parameters": [_QUERY, {"name": "n", "in": "query", "schema": count}]}


def _list() -> Json:
    all_of_them: Json = {
        "type": "object",
        "required": ["searches"],
        "properties": {"searches": {"type": "array", "items": _TOLD}},
    }
    return operation(
        "list_searches", "marketing", "All pins, hides and synonyms of searches.", "",
        {"200": answers("By name.", all_of_them)}, 401, 403, 429,
    )  # fmt: skip


def _show() -> Json:
    described = operation(
        "get_search", "marketing", "One document of searches.", "", {"200": _tagged()}, 401, 403, 404, 429
    )
    return {**described, "parameters": [in_path("name")]}


def _put() -> Json:
    described = operation(
        "put_search", "marketing", "Edit a document of searches, or make one.",
        "The document replaces the whole one before; `name` may be left out. It acts from the next answer of this "
        "process on, and of others within a moment. Items that it pins and that there are not yet are `warnings`.",
        {"200": _tagged()}, 400, 401, 403, 408, 412, 413, 415, 422, 429, 503,
    )  # fmt: skip
    document: Json = {
        "description": "As `schemas/search.json` says.",
        "type": "object",
        "properties": {"explain": {"type": "string"}},
        "required": ["explain"],
    }
    body = {"required": True, "content": {"application/json": {"schema": document}}}
    return {**described, "parameters": [in_path("name"), IF_MATCH], "requestBody": body}


def _remove() -> Json:
    gone: Json = {"description": "There is no such document any more."}
    described = operation(
        "delete_search", "marketing", "Remove a document of searches.", "", {"204": gone}, 400, 401, 403, 412, 429, 503
    )
    return {**described, "parameters": [in_path("name"), IF_MATCH]}


def _preview() -> Json:
    described = operation(
        "preview_search", "marketing", "The answer to a query without a document and with it.",
        "The document is one of searches, or a rule. For a visitor (as far as they agreed) or for nobody, now or `at` "
        "another time. All other documents act on both. Nothing is written: no decision is recorded, and nothing is "
        "learnt.",
        {"200": answers("Both answers, and what lies between them.", {"$ref": "#/components/schemas/SearchPreview"})},
        400, 401, 403, 408, 413, 415, 422, 429,
    )  # fmt: skip
    schema = {"$ref": "#/components/schemas/SearchPreviewAsk"}
    content = {"application/json": {"schema": schema, "examples": {"a draft": {"value": _EXAMPLE}}}}
    return {**described, "requestBody": {"required": True, "content": content}}


def _tagged() -> Json:
    tag: Json = {"description": "The revision, for `If-Match`.", "schema": {"type": "string"}}
    return {**answers("The document as it holds now.", _TOLD), "headers": {"ETag": tag}}

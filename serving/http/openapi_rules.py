"""The OpenAPI description of marketers' rules and their preview."""

from __future__ import annotations

from serving.http.openapi_placements import IF_MATCH
from serving.http.operation import Json, answers, in_path, operation

_TOLD: Json = {
    "type": "object",
    "required": ["name", "origin", "revision", "changed_at", "changed_by", "document", "warnings"],
    "properties": {
        "name": {"type": "string"},
        "origin": {"enum": ["made"], "description": "Made here: no rule is built in."},
        "revision": {"type": "integer", "description": "It only grows."},
        "changed_at": {"type": "integer", "description": "When, epoch ms."},
        "changed_by": {"type": "string", "description": "An account, or `key:` and an API key's name."},
        "document": {"$ref": "#/components/schemas/rule"},
        "warnings": {
            "type": "array",
            "items": {"type": "string"},
            "description": "What is odd about it in the shop as it is now, such as a pinned item that there is not.",
        },
    },
}
_EXAMPLE: Json = {
    "placement": "trending",
    "rule": {"explain": "No more than two of a brand.", "then": {"cap": {"by": "brand", "most": 2}}},
}


def paths() -> Json:
    """The paths with their operations."""
    return {
        "/v1/admin/rules": {"get": _list()},
        "/v1/admin/rules/{name}": {"get": _show(), "put": _put(), "delete": _remove()},
        "/v1/admin/rules/preview": {"post": _preview()},
    }


def _list() -> Json:
    all_of_them: Json = {
        "type": "object",
        "required": ["rules"],
        "properties": {"rules": {"type": "array", "items": _TOLD}},
    }
    return operation(
        "list_rules", "marketing", "All rules.", "", {"200": answers("By name.", all_of_them)}, 401, 403, 429
    )


def _show() -> Json:
    described = operation("get_rule", "marketing", "One rule.", "", {"200": _tagged()}, 401, 403, 404, 429)
    return {**described, "parameters": [in_path("name")]}


def _put() -> Json:
    described = operation(
        "put_rule", "marketing", "Edit a rule, or make one.",
        "The document replaces the whole one before; `name` may be left out. It acts from the next answer of this "
        "process on, and of others within a moment. Items that it pins and that there are not yet are `warnings`.",
        {"200": _tagged()}, 400, 401, 403, 408, 412, 413, 415, 422, 429, 503,
    )  # fmt: skip
    document: Json = {
        "description": "As `schemas/rule.json` says.",
        "type": "object",
        "properties": {"explain": {"type": "string"}, "then": {"type": "object"}},
        "required": ["explain", "then"],
    }
    body = {"required": True, "content": {"application/json": {"schema": document}}}
    return {**described, "parameters": [in_path("name"), IF_MATCH], "requestBody": body}


def _remove() -> Json:
    gone: Json = {"description": "There is no such rule any more."}
    described = operation("delete_rule", "marketing", "Remove a rule.", "", {"204": gone}, 400, 401, 403, 412, 429, 503)
    return {**described, "parameters": [in_path("name"), IF_MATCH]}


def _preview() -> Json:
    described = operation(
        "preview_rule", "marketing", "A shelf without a rule and with it.",
        "For a visitor (as far as they agreed), for nobody, on an item's page, now or `at` another time. All other "
        "rules act on both. Nothing is written: no decision is recorded, and nothing is learnt.",
        {"200": answers("Both shelves, and what lies between them.", {"$ref": "#/components/schemas/Preview"})},
        400, 401, 403, 408, 413, 415, 422, 429,
    )  # fmt: skip
    schema = {"$ref": "#/components/schemas/PreviewAsk"}
    content = {"application/json": {"schema": schema, "examples": {"a draft": {"value": _EXAMPLE}}}}
    return {**described, "requestBody": {"required": True, "content": content}}


def _tagged() -> Json:
    tag: Json = {"description": "The revision, for `If-Match`.", "schema": {"type": "string"}}
    return {**answers("The rule as it holds now.", _TOLD), "headers": {"ETag": tag}}

"""The OpenAPI description of the page, and of the placements that marketers edit."""

from __future__ import annotations

from serving.http.operation import Json, answers, operation
from serving.http.page import PLACES
from serving.placements import placements

NAME: Json = {
    "type": "string",
    "minLength": 1,
    "maxLength": 64,
    "examples": sorted(placements()),
    "description": "A placement: a built-in one, or one that the shop has made.",
}
IF_MATCH: Json = {
    "name": "If-Match",
    "in": "header",
    "description": "The revision that must hold still, as the `ETag` has it; 0: there must be none yet. Left out: "
    "whichever holds. If another holds, 412, and nothing is changed.",
    "schema": {"type": "string", "pattern": '^("[0-9]{1,16}"|[0-9]{1,16}|\\*)$'},
}
_TOLD: Json = {
    "type": "object",
    "required": ["name", "origin", "revision", "changed_at", "changed_by", "document", "readiness"],
    "properties": {
        "name": {"type": "string"},
        "origin": {
            "enum": ["built_in", "edited", "made"],
            "description": "As it came, edited (DELETE brings the built-in one back), or made here.",
        },
        "revision": {"type": "integer", "description": "Decisions carry it as `policy_version`; it only grows."},
        "changed_at": {"type": ["integer", "null"], "description": "When, epoch ms."},
        "changed_by": {"type": ["string", "null"], "description": "An account, or `key:` and an API key's name."},
        "document": {"$ref": "#/components/schemas/placement"},
        "readiness": {"$ref": "#/components/schemas/Readiness"},
    },
}


def paths() -> Json:
    """The paths with their operations."""
    return {
        "/v1/page": {"post": _page()},
        "/v1/admin/placements": {"get": _list()},
        "/v1/admin/placements/{name}": {"get": _show(), "put": _put(), "delete": _remove()},
    }


def _page() -> Json:
    described = operation(
        "post_page", "storefront", "The shelves of a page in one call.",
        f"At most {PLACES} placements of one visitor, decided in the order in which they stand: what one shows, none "
        "after it shows again, nor a variant of it (`item_group_id`). The visitor is read once. Each shelf is a "
        "decision of its own, with its own `decision_id`; the answer has them in the order asked.",
        {"200": answers("The shelves.", {"$ref": "#/components/schemas/shelves"})},
        400, 401, 403, 404, 408, 413, 415, 422, 429, 503,
    )  # fmt: skip
    example = {
        "visitor_id": "visitor-1",
        "placements": [{"placement": "home_for_you"}, {"placement": "trending", "n": 6}],
    }
    schema = {"$ref": "#/components/schemas/PageAsk"}
    content = {"application/json": {"schema": schema, "examples": {"a home page": {"value": example}}}}
    text = "From `POST /v1/visitors/{visitor_id}/token`. It proves the visitor, and the customer if it names one."
    header = {"type": "string", "maxLength": 256}
    token = {"name": "Liveshelf-Visitor-Token", "in": "header", "description": text, "schema": header}
    return {**described, "parameters": [token], "requestBody": {"required": True, "content": content}}


def _list() -> Json:
    all_of_them: Json = {
        "type": "object",
        "required": ["placements"],
        "properties": {"placements": {"type": "array", "items": _TOLD}},
    }
    return operation(
        "list_placements", "marketing", "All placements, and what they still need.",
        "`readiness.needs` says in sentences what is missing before a placement's generators can speak.",
        {"200": answers("By name.", all_of_them)}, 401, 403, 429,
    )  # fmt: skip


def _name() -> Json:
    return {"name": "name", "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}


def _show() -> Json:
    described = operation("get_placement", "marketing", "One placement.", "", {"200": _tagged()}, 401, 403, 404, 429)
    return {**described, "parameters": [_name()]}


def _put() -> Json:
    described = operation(
        "put_placement", "marketing", "Edit a placement, or make one.",
        "The document replaces the whole one before; `name` may be left out. The answer comes once the broker has the "
        "change, it is on record in the audit log, and this process shows it (other processes do within a moment).",
        {"200": _tagged()}, 400, 401, 403, 408, 412, 413, 415, 422, 429, 503,
    )  # fmt: skip
    document: Json = {
        "description": "As `schemas/placement.json` says.",
        "type": "object",
        "properties": {"explain": {"type": "string"}, "recommenders": {"type": "array", "items": {"type": "string"}}},
        "required": ["explain", "recommenders"],
    }
    body = {"required": True, "content": {"application/json": {"schema": document}}}
    return {**described, "parameters": [_name(), IF_MATCH], "requestBody": body}


def _remove() -> Json:
    gone: Json = {"description": "The built-in placement holds again, or there is none any more."}
    described = operation(
        "delete_placement", "marketing", "Bring the built-in placement back, or remove one that was made.", "",
        {"204": gone}, 400, 401, 403, 412, 429, 503,
    )  # fmt: skip
    return {**described, "parameters": [_name(), IF_MATCH]}


def _tagged() -> Json:
    tag: Json = {"description": "The revision, for `If-Match`.", "schema": {"type": "string"}}
    return {**answers("The placement as it holds now.", _TOLD), "headers": {"ETag": tag}}

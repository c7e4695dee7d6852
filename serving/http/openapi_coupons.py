"""The OpenAPI description of declared offers."""

from __future__ import annotations

from serving.http.openapi_placements import IF_MATCH
from serving.http.operation import Json, answers, in_path, operation

_TOLD: Json = {
    "type": "object",
    "required": ["name", "origin", "revision", "changed_at", "changed_by", "document", "given", "refused"],
    "properties": {
        "name": {"type": "string"},
        "origin": {"enum": ["made"], "description": "Made here: no offer is built in."},
        "revision": {"type": "integer", "description": "It only grows."},
        "changed_at": {"type": "integer", "description": "When, epoch ms."},
        "changed_by": {"type": "string", "description": "An account, or `key:` and an API key's name."},
        "document": {"$ref": "#/components/schemas/offer"},
        "given": {"type": "integer", "description": "How many coupons were given in all, as of a second ago."},
        "refused": {"type": "integer", "description": "How many were asked for when none was left."},
    },
}


def paths() -> Json:
    """The paths with their operations."""
    return {
        "/v1/admin/offers": {"get": _list()},
        "/v1/admin/offers/{name}": {"get": _show(), "put": _put(), "delete": _remove()},
    }


def _list() -> Json:
    all_of_them: Json = {
        "type": "object",
        "required": ["offers"],
        "properties": {"offers": {"type": "array", "items": _TOLD}},
    }
    return operation(
        "list_offers", "marketing", "All declared offers.", "", {"200": answers("By name.", all_of_them)}, 401, 403, 429
    )


def _show() -> Json:
    described = operation("get_offer", "marketing", "One declared offer.", "", {"200": _tagged()}, 401, 403, 404, 429)
    return {**described, "parameters": [in_path("name")]}


def _put() -> Json:
    described = operation(
        "put_offer", "marketing", "Edit a declared offer, or make one.",
        "The document replaces the whole one before; `name` may be left out. Coupons that were given hold on as they "
        "were. What is given counts against `budget` by the offer's name.",
        {"200": _tagged()}, 400, 401, 403, 408, 412, 413, 415, 422, 429, 503,
    )  # fmt: skip
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/offer"}}}
    return {
        **described,
        "parameters": [in_path("name"), IF_MATCH],
        "requestBody": {"required": True, "content": content},
    }


def _remove() -> Json:
    gone = {"description": "There is no such offer any more; its coupons are not shown any more either."}
    described = operation(
        "delete_offer", "marketing", "Remove a declared offer.", "", {"204": gone}, 400, 401, 403, 412, 429, 503
    )
    return {**described, "parameters": [in_path("name"), IF_MATCH]}


def _tagged() -> Json:
    tag: Json = {"description": "The revision, for `If-Match`.", "schema": {"type": "string"}}
    return {**answers("The offer as it holds now.", _TOLD), "headers": {"ETag": tag}}

"""The OpenAPI description of the catalogue."""

from __future__ import annotations

from serving.http.catalog import MOST_BYTES as MOST_ITEM_BYTES
from serving.http.catalog import MOST_ITEMS as MOST_PUT_ITEMS
from serving.http.operation import Json, answers, operation


def paths() -> Json:
    """The paths with their operations."""
    return {
        "/v1/catalog/items": {"put": _put_items()},
        "/v1/catalog/items/{item_id}": {"get": _show_item(), "delete": _delete_item()},
    }


def _put_items() -> Json:
    items = {"type": "array", "items": {"$ref": "#/components/schemas/catalog_update"}, "maxItems": MOST_PUT_ITEMS}
    stored = {
        "type": "object",
        "required": ["stored", "rejected", "errors"],
        "properties": {
            "stored": {"type": "integer"},
            "rejected": {"type": "integer"},
            "errors": {"type": "array", "items": {"$ref": "#/components/schemas/Refusal"}},
        },
    }
    described = operation(
        "put_items",
        "catalogue",
        "Store items, or change what is known of them.",
        f"At most {MOST_PUT_ITEMS} items and {MOST_ITEM_BYTES} bytes, also compressed (gzip, deflate). "
        "What an item carries replaces what was known, field by field; `null` takes a field away. Items that are not "
        "valid are named in `errors` and leave the others alone. The answer comes once the broker has them all.",
        {"200": answers("What was stored.", stored)},
        400, 401, 403, 408, 413, 415, 422, 503,
    )  # fmt: skip
    schema = {"type": "object", "required": ["items"], "properties": {"items": items}}
    return {**described, "requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def _item_id() -> Json:
    return {"name": "item_id", "in": "path", "required": True, "schema": {"type": "string"}}


def _show_item() -> Json:
    known = answers("The item.", {"$ref": "#/components/schemas/catalog_item"})
    described = operation("get_item", "catalogue", "One item as it is known now.", "", {"200": known}, 401, 403, 404)
    return {**described, "parameters": [_item_id()]}


def _delete_item() -> Json:
    gone: Json = {"description": "It is gone, or was not there."}
    described = operation("delete_item", "catalogue", "Delete one item.", "", {"204": gone}, 401, 403, 503)
    return {**described, "parameters": [_item_id()]}

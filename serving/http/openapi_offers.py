"""The OpenAPI description of what is said of items."""

from __future__ import annotations

from serving.http.offers import MOST_OFFERS
from serving.http.operation import Json, answers, operation, visitor_token

_TEXT: Json = {"type": "string", "minLength": 1, "maxLength": 128}


def paths() -> Json:
    """The paths with their operations."""
    return {"/v1/offers": {"get": _offers()}}


def _offers() -> Json:
    described = operation(
        "get_offers", "storefront", "What is said of items now, and the coupon of who asks.",
        "The demand flags of items, each with the numbers that show it. A flag is true or it is not there. With a "
        "secret key also what is for the shop only: `cooling`, `overstocked`, how an item sells, and what is expected "
        "of its next days. An item that the shop does not have is said to be unknown, and the others are answered. "
        "`offers` has the coupon of a declared offer that the visitor was given, or nothing; without `item_id` the "
        "answer is that alone.",
        {"200": answers("The items, in the order asked.", {"$ref": "#/components/schemas/offers"})},
        400, 401, 403, 429, 503,
    )  # fmt: skip
    items: Json = {
        "name": "item_id",
        "in": "query",
        "description": "Ids, separated by commas; may be left out where `visitor_id` is said.",
        "style": "form",
        "explode": False,
        "schema": {"type": "array", "items": _TEXT, "minItems": 1, "maxItems": MOST_OFFERS},
    }
    visitor: Json = {"name": "visitor_id", "in": "query", "description": "Who asks.", "schema": _TEXT}
    profiling: Json = {
        "name": "profiling",
        "in": "query",
        "description": "`off`: the visitor objects to it now, and gets no coupon.",
        "schema": {"enum": ["on", "off"], "default": "on"},
    }
    fresh: Json = {
        "name": "min_fresh",
        "in": "query",
        "description": "A verdict's `fresh_token`: wait, at most 250 ms, until it is known.",
        "schema": {"type": "string", "maxLength": 256},
    }
    return {**described, "parameters": [items, visitor, profiling, fresh, visitor_token()]}

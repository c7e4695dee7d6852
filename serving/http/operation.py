"""How the OpenAPI document writes down one operation."""

from __future__ import annotations

from typing import Any, TypeAlias

Json: TypeAlias = dict[str, Any]


def operation(name: str, tag: str, summary: str, text: str, shown: Json, *problems: int) -> Json:
    """One operation: what it answers, and which problems."""
    problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/problem"}}}
    refused = {str(status): {"description": _PROBLEMS[status], "content": problem} for status in problems}
    described = {"description": text} if text else {}
    return {"operationId": name, "tags": [tag], "summary": summary, **described, "responses": {**shown, **refused}}


_PROBLEMS = {
    400: "It could not be read, or asks for something impossible.",
    401: "No key, or not one of this deployment's; or a visitor token that is forged, changed or has ended.",
    403: "The key may not do this, not from this origin, or the visitor token is another's.",
    404: "There is nothing here.",
    408: "The body took too long.",
    412: "Somebody else has changed it: another revision holds than `If-Match` says.",
    413: "Too large, or too many.",
    415: "The body's encoding is not known.",
    422: "It could be read, but is not valid; nothing was stored, and `errors` says why.",
    429: "The key or the address sends more than it may; `Retry-After` says when to come back.",
    503: "Not now; `Retry-After` says when to come back.",
}


def answers(text: str, schema: Json) -> Json:
    """An answer in JSON."""
    return {"description": text, "content": {"application/json": {"schema": schema}}}


def visitor_token() -> Json:
    """The header with which a page shows who its visitor is."""
    text = "From `POST /v1/visitors/{visitor_id}/token`. It proves the visitor, and the customer if it names one."
    schema = {"type": "string", "maxLength": 256}
    return {"name": "Liveshelf-Visitor-Token", "in": "header", "description": text, "schema": schema}


def in_path(name: str) -> Json:
    """A parameter of the path."""
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}

"""The OpenAPI description of shoppers' rights, and of their tokens."""

from __future__ import annotations

from serving.http.operation import Json, answers, in_path, operation, visitor_token
from serving.http.visitor_tokens import USUAL_S
from stream.consent import PURPOSES
from stream.events import CONSENT_MODE


def paths() -> Json:
    """The paths with their operations."""
    return {
        "/v1/visitors/{visitor_id}/token": {"post": _mint()},
        "/v1/visitors/{visitor_id}/consent": {"put": _consent()},
        "/v1/visitors/{visitor_id}/export": {"get": _export()},
        "/v1/visitors/{visitor_id}/reset": {"post": _reset()},
        "/v1/visitors/{visitor_id}": {"delete": _erase()},
        "/v1/erasures/{erasure}": {"get": _erasure()},
        "/v1/privacy/notice": {"get": _notice()},
    }


def _consent() -> Json:
    word: Json = {
        "type": "object",
        "properties": {
            "granted": {"type": "boolean"},
            "at": {"type": ["integer", "null"], "description": "Since when, epoch ms; null: nothing was ever said."},
            "history": {"type": "array", "items": {"type": "object"}, "description": "What was said, newest first."},
        },
    }
    known: Json = {
        "type": "object",
        "properties": {
            "consent": {"type": "object", "properties": dict.fromkeys(PURPOSES, word)},
            "fresh_token": {"type": "string", "description": "`min_fresh` with it waits for the visitor's owner."},
        },
    }
    described = operation(
        "put_consent", "visitors", "Grant or withdraw consent, per purpose.",
        "Holds for the next answer. Consent Mode's names (v2) are read, too. A withdrawal wins ties; with `Sec-GPC: 1` "
        "personalization stays withdrawn.",
        {"200": answers("What is known now.", known)}, 400, 401, 403, 404, 408, 413, 415, 503,
    )  # fmt: skip
    said = [*PURPOSES, *(name for names in CONSENT_MODE.values() for name in names)]
    schema = {
        "$ref": "#/components/schemas/consent",
        "anyOf": [{"required": [name], "properties": {name: {"not": {"type": "null"}}}} for name in said],
    }
    body = {"required": True, "content": {"application/json": {"schema": schema}}}
    return {**described, "parameters": [in_path("visitor_id")], "requestBody": body}


def _export() -> Json:
    described = operation(
        "get_export", "visitors", "Everything that is held of a visitor.",
        "Streamed; one export at a time in each process. `incomplete` at its end is null if everything is there. A "
        "publishable key needs the visitor's token.",
        {"200": answers("The document.", {"$ref": "#/components/schemas/export"})}, 400, 401, 403, 429, 503,
    )  # fmt: skip
    return {**described, "parameters": [in_path("visitor_id"), visitor_token()]}


def _reset() -> Json:
    told: Json = {
        "type": "object",
        "properties": {
            "status": {"const": "accepted"},
            "fresh_token": {"type": "string", "description": "`min_fresh` with it waits until it is done."},
        },
    }
    described = operation(
        "reset_visitor", "visitors", "Forget a visitor's profile and begin anew.",
        "Consents stay as they are. A publishable key needs the visitor's token.",
        {"202": answers("It is on record.", told)}, 400, 401, 403, 429, 503,
    )  # fmt: skip
    return {**described, "parameters": [in_path("visitor_id"), visitor_token()]}


def _notice() -> Json:
    shown = {"200": answers("The notice.", {"$ref": "#/components/schemas/PrivacyNotice"})}
    text = "Purposes, stores and how long they keep, recipients, rights, and the recommender systems' main parameters."
    return {**operation("get_notice", "visitors", "What is kept of shoppers, and why.", text, shown), "security": []}


_ERASED: Json = {
    "type": "object",
    "properties": {
        "status": {"const": "erased"},
        "raw_records_until": {
            "type": "string",
            "format": "date-time",
            "description": "Until then the raw topics may keep bytes: their retention.",
        },
        "receipt": {"type": "string", "description": "Signed: pseudonym, epoch, both times, and that date."},
    },
}


_ERASING: Json = {
    "type": "object",
    "properties": {"status": {"const": "erasing"}, "at": {"type": "string", "description": "Where to ask again."}},
}


def _erased(name: str, summary: str, parameter: str) -> Json:
    shown = {"200": answers("It is over.", _ERASED), "202": answers("It is under way.", _ERASING)}
    text = "Nothing of the visitor is read from the first answer on; the receipt comes once every agent has passed it."
    described = operation(name, "visitors", summary, text, shown, 400, 401, 403, 404, 503)
    return {**described, "parameters": [in_path(parameter)]}


def _erase() -> Json:
    return _erased("erase_visitor", "Erase a visitor.", "visitor_id")


def _erasure() -> Json:
    return _erased("get_erasure", "Whether an erasure is over.", "erasure")


def _mint() -> Json:
    described = operation(
        "post_visitor_token",
        "visitors",
        "A token that proves who a visitor is.",
        "For the shop's server, which knows who is logged in; its page sends the token along. With `customer_id` it "
        f"also proves the customer. It holds for {USUAL_S // 3_600} hours unless `ttl_s` says otherwise.",
        {"200": answers("The token.", {"$ref": "#/components/schemas/Minted"})},
        400, 401, 403, 408, 413, 415, 429, 503,
    )  # fmt: skip
    text = {"type": "string", "minLength": 1, "maxLength": 128}
    visitor = {"name": "visitor_id", "in": "path", "required": True, "schema": text}
    body = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/TokenAsk"}}}}
    return {**described, "parameters": [visitor], "requestBody": body}

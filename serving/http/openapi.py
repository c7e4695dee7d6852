"""The OpenAPI document, from the schemas in `schemas/` and the Structs that the routes decode and encode.

``python -m serving.http.openapi > schemas/openapi.json`` writes it; a test keeps the file fresh.
"""

from __future__ import annotations

import json
import posixpath
import sys
from functools import cache
from typing import Any, get_args

import msgspec

import schemas
from serving.http import openapi_placements
from serving.http.access import Served
from serving.http.answer import Answer
from serving.http.catalog import MOST_BYTES as MOST_ITEM_BYTES
from serving.http.catalog import MOST_ITEMS as MOST_PUT_ITEMS
from serving.http.catalog import Refusal
from serving.http.data_health import DataHealth
from serving.http.events import MOST_BYTES, Verdict
from serving.http.exchange import Exchange
from serving.http.formats import MOST_EVENTS, OWN
from serving.http.operation import Json
from serving.http.operation import answers as _answers
from serving.http.operation import operation as _operation
from serving.http.page import PageAsk
from serving.http.recommendations import Ask
from serving.http.visitor_tokens import USUAL_S, Minted, TokenAsk
from serving.notice import PrivacyNotice
from serving.placement import MOST_ITEMS
from serving.readiness import Readiness
from stream.adapter import ItemKey
from stream.adapters import adapters
from stream.consent import PURPOSES
from stream.events import CONSENT_MODE
from stream.lag import Row

TITLE = "liveshelf"
VERSION = "1"
STRUCTS = (Ask, PageAsk, Readiness, Verdict, Refusal, TokenAsk, Minted, Row, PrivacyNotice, DataHealth)
_USED = (
    "event",
    "consent",
    "explanation",
    "export",
    "catalog_update",
    "catalog_item",
    "shelf",
    "shelves",
    "filter",
    "placement",
    "problem",
)


@cache
def document() -> Json:
    """The whole document."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": TITLE,
            "version": VERSION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
            "description": "Events in, a live shelf out. Errors are problem details, RFC 9457.",
        },
        "security": [{"key": []}],
        "tags": [
            {"name": "storefront", "description": "With the publishable key (pk_…) or the secret one."},
            {"name": "catalogue", "description": "With a secret key (sk_…), scope `catalog`."},
            {"name": "visitors", "description": "A visitor's own rights, and the tokens that prove who a visitor is."},
            {"name": "marketing", "description": "With a secret key (sk_…), scope `admin`."},
            {"name": "operations", "description": "Health without a key, the rest with a secret key, scope `ops`."},
        ],
        "paths": _paths(),
        "components": {
            "securitySchemes": {
                "key": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "pk_… (at most the scopes `events`, `decisions`) or sk_… (with its scopes)",
                },
                "beacon": {"type": "apiKey", "in": "query", "name": "key", "description": "pk_… of a beacon"},
            },
            "schemas": _schemas(),
        },
    }


def _paths() -> Json:
    shelf, item = "/v1/recommendations/{placement}", "/v1/catalog/items/{item_id}"
    return {
        "/v1/events": {"post": _events()},
        shelf: {"get": _shelf_by_query(), "post": _shelf_by_body()},
        **openapi_placements.paths(),
        "/v1/decisions/{decision_id}": {"get": _explain()},
        "/v1/catalog/items": {"put": _put_items()},
        item: {"get": _show_item(), "delete": _delete_item()},
        "/v1/visitors/{visitor_id}/token": {"post": _mint()},
        "/v1/visitors/{visitor_id}/consent": {"put": _consent()},
        "/v1/visitors/{visitor_id}/export": {"get": _export()},
        "/v1/visitors/{visitor_id}/reset": {"post": _reset()},
        "/v1/visitors/{visitor_id}": {"delete": _erase()},
        "/v1/erasures/{erasure}": {"get": _erasure()},
        "/v1/privacy/notice": {"get": _notice()},
        "/v1/ops/lag": {"get": _lag()},
        "/v1/ops/health-of-data": {"get": _health_of_data()},
        "/healthz": {"get": _health("health", "Whether the process runs.")},
        "/readyz": {"get": _health("ready", "Whether it can answer, if need be from its local copy.", 503)},
        "/metrics": {"get": _metrics()},
        "/openapi.json": {"get": _self()},
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
    operation = _operation(
        "post_events",
        "storefront",
        "Send one event or many.",
        f"At most {MOST_EVENTS} events and {MOST_BYTES} bytes, also compressed (gzip, deflate). The answer comes once "
        "the broker has acknowledged what is accepted; one verdict for each event, in the order sent. With `format` "
        "the body is another system's document (stream/adapters/DESIGN.md); what is no event of ours in it is answered "
        "`not_stored`, reason `ignored`, and a verdict's `source` says where in the document its event stands.",
        {"202": _answers("Verdicts.", verdicts)},
        400, 401, 403, 408, 413, 415, 429, 503,
    )  # fmt: skip
    body = {"required": True, "content": {"application/json": {"schema": {"anyOf": [event, many]}}}}
    security: Json = {"security": [{"key": []}, {"beacon": []}]}
    return {**operation, "parameters": [*_formats(), _visitor_token()], "requestBody": body, **security}


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


def _visitor_token() -> Json:
    """The header with which a page shows who its visitor is."""
    text = "From `POST /v1/visitors/{visitor_id}/token`. It proves the visitor, and the customer if it names one."
    schema = {"type": "string", "maxLength": 256}
    return {"name": "Liveshelf-Visitor-Token", "in": "header", "description": text, "schema": schema}


def _shelf(name: str, summary: str) -> Json:
    return _operation(
        name,
        "storefront",
        summary,
        "Items for this visitor and place, with what led to them. Never shown: out of stock, hidden, in the cart, "
        "bought lately, dismissed, excluded, or what the filter does not let through; of the variants of one "
        "`item_group_id` one. A dependency that is away degrades the answer, it makes no error; a placement that is "
        "switched off is an empty shelf (`insufficient_data`).",
        {"200": _answers("A shelf.", {"$ref": "#/components/schemas/shelf"})},
        400, 401, 403, 404, 429, 503,
    )  # fmt: skip


def _placement() -> Json:
    return {"name": "placement", "in": "path", "required": True, "schema": openapi_placements.NAME}


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
    parameters = [_placement(), *parameters, may_be_shown, _visitor_token()]
    return {**_shelf("get_shelf", "A shelf."), "parameters": parameters}


def _shelf_by_body() -> Json:
    body = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Ask"}}}}
    return {
        **_shelf("post_shelf", "A shelf, asked for with a body."),
        "parameters": [_placement(), _visitor_token()],
        "requestBody": body,
    }


def _explain() -> Json:
    text = (
        "For a secret key with the scope `decisions`, or for the visitor whose it was: with a publishable key and the "
        "visitor's token. What is another's is not found, as is what never was."
    )
    shown = {"200": _answers("Why.", {"$ref": "#/components/schemas/explanation"})}
    operation = _operation("get_decision", "storefront", "Why a decision was made.", text, shown, 401, 403, 404, 429)
    return {**operation, "parameters": [_in_path("decision_id"), _visitor_token()]}


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
    operation = _operation(
        "put_items",
        "catalogue",
        "Store items, or change what is known of them.",
        f"At most {MOST_PUT_ITEMS} items and {MOST_ITEM_BYTES} bytes, also compressed (gzip, deflate). "
        "What an item carries replaces what was known, field by field; `null` takes a field away. Items that are not "
        "valid are named in `errors` and leave the others alone. The answer comes once the broker has them all.",
        {"200": _answers("What was stored.", stored)},
        400, 401, 403, 408, 413, 415, 422, 503,
    )  # fmt: skip
    schema = {"type": "object", "required": ["items"], "properties": {"items": items}}
    return {**operation, "requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def _item_id() -> Json:
    return {"name": "item_id", "in": "path", "required": True, "schema": {"type": "string"}}


def _show_item() -> Json:
    known = _answers("The item.", {"$ref": "#/components/schemas/catalog_item"})
    operation = _operation("get_item", "catalogue", "One item as it is known now.", "", {"200": known}, 401, 403, 404)
    return {**operation, "parameters": [_item_id()]}


def _delete_item() -> Json:
    gone: Json = {"description": "It is gone, or was not there."}
    operation = _operation("delete_item", "catalogue", "Delete one item.", "", {"204": gone}, 401, 403, 503)
    return {**operation, "parameters": [_item_id()]}


def _in_path(name: str) -> Json:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}


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
    operation = _operation(
        "put_consent", "visitors", "Grant or withdraw consent, per purpose.",
        "Holds for the next answer. Consent Mode's names (v2) are read, too. A withdrawal wins ties; with `Sec-GPC: 1` "
        "personalization stays withdrawn.",
        {"200": _answers("What is known now.", known)}, 400, 401, 403, 404, 408, 413, 415, 503,
    )  # fmt: skip
    said = [*PURPOSES, *(name for names in CONSENT_MODE.values() for name in names)]
    schema = {
        "$ref": "#/components/schemas/consent",
        "anyOf": [{"required": [name], "properties": {name: {"not": {"type": "null"}}}} for name in said],
    }
    body = {"required": True, "content": {"application/json": {"schema": schema}}}
    return {**operation, "parameters": [_in_path("visitor_id")], "requestBody": body}


def _export() -> Json:
    operation = _operation(
        "get_export", "visitors", "Everything that is held of a visitor.",
        "Streamed; one export at a time in each process. `incomplete` at its end is null if everything is there. A "
        "publishable key needs the visitor's token.",
        {"200": _answers("The document.", {"$ref": "#/components/schemas/export"})}, 400, 401, 403, 429, 503,
    )  # fmt: skip
    return {**operation, "parameters": [_in_path("visitor_id"), _visitor_token()]}


def _reset() -> Json:
    told: Json = {
        "type": "object",
        "properties": {
            "status": {"const": "accepted"},
            "fresh_token": {"type": "string", "description": "`min_fresh` with it waits until it is done."},
        },
    }
    operation = _operation(
        "reset_visitor", "visitors", "Forget a visitor's profile and begin anew.",
        "Consents stay as they are. A publishable key needs the visitor's token.",
        {"202": _answers("It is on record.", told)}, 400, 401, 403, 429, 503,
    )  # fmt: skip
    return {**operation, "parameters": [_in_path("visitor_id"), _visitor_token()]}


def _notice() -> Json:
    shown = {"200": _answers("The notice.", {"$ref": "#/components/schemas/PrivacyNotice"})}
    text = "Purposes, stores and how long they keep, recipients, rights, and the recommender systems' main parameters."
    return {**_operation("get_notice", "visitors", "What is kept of shoppers, and why.", text, shown), "security": []}


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
    answers = {"200": _answers("It is over.", _ERASED), "202": _answers("It is under way.", _ERASING)}
    text = "Nothing of the visitor is read from the first answer on; the receipt comes once every agent has passed it."
    operation = _operation(name, "visitors", summary, text, answers, 400, 401, 403, 404, 503)
    return {**operation, "parameters": [_in_path(parameter)]}


def _erase() -> Json:
    return _erased("erase_visitor", "Erase a visitor.", "visitor_id")


def _erasure() -> Json:
    return _erased("get_erasure", "Whether an erasure is over.", "erasure")


def _mint() -> Json:
    operation = _operation(
        "post_visitor_token",
        "visitors",
        "A token that proves who a visitor is.",
        "For the shop's server, which knows who is logged in; its page sends the token along. With `customer_id` it "
        f"also proves the customer. It holds for {USUAL_S // 3_600} hours unless `ttl_s` says otherwise.",
        {"200": _answers("The token.", {"$ref": "#/components/schemas/Minted"})},
        400, 401, 403, 408, 413, 415, 429, 503,
    )  # fmt: skip
    text = {"type": "string", "minLength": 1, "maxLength": 128}
    visitor = {"name": "visitor_id", "in": "path", "required": True, "schema": text}
    body = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/TokenAsk"}}}}
    return {**operation, "parameters": [visitor], "requestBody": body}


def _lag() -> Json:
    known = {
        "type": "object",
        "properties": {
            "verdict": {"enum": ["ok", "behind", "late"]},
            "records": {"type": "integer", "description": "All that wait."},
            "partitions": {"type": "array", "items": {"$ref": "#/components/schemas/Row"}},
            "freshness": {
                "type": "object",
                "description": "Events by how many ms they took until their effect could be read.",
                "properties": {
                    "upto_ms": {"type": "object", "additionalProperties": {"type": "integer"}},
                    "sum_ms": {"type": "number"},
                },
            },
            "lost": {"type": "integer", "description": "Records that the log lost before they were read."},
        },
    }
    return _operation(
        "get_lag", "operations", "How far every agent is.", "", {"200": _answers("Per agent and partition.", known)},
        401, 403, 503,
    )  # fmt: skip


def _health_of_data() -> Json:
    known = _answers("All measures.", {"$ref": "#/components/schemas/DataHealth"})
    text = "From the newest events in the log (at most 24 hours old) and the catalogue; looked at every 10 s at most."
    return _operation(
        "get_health_of_data", "operations", "Whether the data that arrives is good, and what to mend.", text,
        {"200": known}, 401, 403, 503,
    )  # fmt: skip


def _health(name: str, summary: str, *problems: int) -> Json:
    fine = _answers("It is.", {"type": "object", "properties": {"status": {"type": "string"}}})
    return {**_operation(name, "operations", summary, "", {"200": fine}, *problems), "security": []}


def _metrics() -> Json:
    shown: Json = {
        "description": "Prometheus's text format.",
        "content": {"text/plain": {"schema": {"type": "string"}}},
    }
    return _operation("metrics", "operations", "What this process counts and times.", "", {"200": shown}, 401, 403)


def _self() -> Json:
    shown = {"200": _answers("OpenAPI 3.1.", {"type": "object"})}
    return {**_operation("openapi", "operations", "This document.", "", shown), "security": []}


def _schemas() -> Json:
    """The checked-in schemas that the routes use, and those of our own Structs."""
    _, of_structs = msgspec.json.schema_components(STRUCTS, ref_template="#/components/schemas/{name}")
    found: Json = {}
    waiting = list(_USED)
    while waiting:
        name = waiting.pop()
        if _component(name) not in found:
            found[_component(name)] = _rewritten(schemas.load(name), name, waiting)
    return {**dict(sorted(found.items())), **of_structs}


def _component(name: str) -> str:
    return name.replace("/", ".")


def _rewritten(value: Any, within: str, waiting: list[str]) -> Any:
    """A schema with its references between files as references within the document."""
    if isinstance(value, list):
        return [_rewritten(one, within, waiting) for one in value]
    if not isinstance(value, dict):
        return value
    out = {key: _rewritten(one, within, waiting) for key, one in value.items() if key not in {"$schema", "$id"}}
    reference = out.get("$ref")
    if isinstance(reference, str):
        file, _, inside = reference.partition("#")
        target = within if not file else posixpath.normpath(posixpath.join(posixpath.dirname(within), file))
        name = target.removesuffix(".json")
        waiting.append(name)
        out["$ref"] = f"#/components/schemas/{_component(name)}{inside}"
    return out


class Reference:
    """The route."""

    @property
    def routes(self) -> Served:
        """What it answers."""
        return (("GET", "/openapi.json", self.answer),)

    async def answer(self, _: Exchange) -> Answer:
        """The document over HTTP."""
        return Answer(_encoded())


@cache
def _encoded() -> bytes:
    return msgspec.json.encode(document())


def text() -> str:
    """The document as it is checked in."""
    return json.dumps(document(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(text())

"""The OpenAPI description of banners, of the campaigns that marketers edit and of their preview."""

from __future__ import annotations

from serving.http.openapi_placements import IF_MATCH
from serving.http.operation import Json, answers, in_path, operation, visitor_token

_TOLD: Json = {
    "type": "object",
    "required": ["name", "origin", "revision", "changed_at", "changed_by", "document", "warnings"],
    "properties": {
        "name": {"type": "string"},
        "origin": {"enum": ["made"], "description": "Made here: no campaign is built in."},
        "revision": {"type": "integer", "description": "Decisions carry it as `policy_version`; it only grows."},
        "changed_at": {"type": "integer", "description": "When, epoch ms."},
        "changed_by": {"type": "string", "description": "An account, or `key:` and an API key's name."},
        "document": {"$ref": "#/components/schemas/campaign"},
        "warnings": {
            "type": "array",
            "items": {"type": "string"},
            "description": "What is odd about it, such as HTML of which not everything may be shown.",
        },
    },
}
_EXAMPLE: Json = {
    "slot": "home_hero",
    "campaign": {
        "explain": "Pans of cast iron, for the autumn.",
        "slots": ["home_hero"],
        "creatives": [{"name": "stew", "title": "Stews begin here", "url": "https://shop.example/pans"}],
    },
}
_SLOT: Json = {
    "name": "slot",
    "in": "path",
    "required": True,
    "description": "A place of a page, as campaigns name it.",
    "schema": {"type": "string", "pattern": "^[a-z][a-z0-9_]{0,63}$", "examples": ["home_hero"]},
}


def paths() -> Json:
    """The paths with their operations."""
    return {
        "/v1/banners/{slot}": {"get": _banner()},
        "/v1/admin/campaigns": {"get": _list()},
        "/v1/admin/campaigns/{name}": {"get": _show(), "put": _put(), "delete": _remove()},
        "/v1/admin/campaigns/preview": {"post": _preview()},
    }


def _banner() -> Json:
    described = operation(
        "get_banner", "storefront", "The banner of a slot for this visitor now, or none.",
        "One creative, or null and a `reason`. Those of whom nothing may be known get the slot's default creative or "
        "none, and nothing is recorded. A dependency that is away degrades the answer, it makes no error.",
        {"200": answers("A banner, or none.", {"$ref": "#/components/schemas/banner"})},
        400, 401, 403, 404, 429, 503,
    )  # fmt: skip
    text: Json = {"type": "string", "maxLength": 128}
    fresh = {"type": "string", "description": "A verdict's `fresh_token`: wait, at most 250 ms, until it is known."}
    of_query: dict[str, Json] = {
        "visitor_id": text,
        "customer_id": text,
        "session_id": text,
        "min_fresh": fresh,
        "profiling": {"enum": ["on", "off"], "default": "on"},
    }
    parameters = [{"name": name, "in": "query", "schema": schema} for name, schema in of_query.items()]
    return {**described, "parameters": [_SLOT, *parameters, visitor_token()]}


def _list() -> Json:
    all_of_them: Json = {
        "type": "object",
        "required": ["campaigns"],
        "properties": {"campaigns": {"type": "array", "items": _TOLD}},
    }
    listed = {"200": answers("By name.", all_of_them)}
    return operation("list_campaigns", "marketing", "All campaigns.", "", listed, 401, 403, 429)


def _show() -> Json:
    described = operation("get_campaign", "marketing", "One campaign.", "", {"200": _tagged()}, 401, 403, 404, 429)
    return {**described, "parameters": [in_path("name")]}


def _put() -> Json:
    described = operation(
        "put_campaign", "marketing", "Edit a campaign, or make one.",
        "The document replaces the whole one before; `name` may be left out. It acts from the next answer of this "
        "process on, and of others within a moment.",
        {"200": _tagged()}, 400, 401, 403, 408, 412, 413, 415, 422, 429, 503,
    )  # fmt: skip
    document: Json = {
        "description": "As `schemas/campaign.json` says.",
        "type": "object",
        "properties": {"explain": {"type": "string"}, "slots": {"type": "array"}, "creatives": {"type": "array"}},
        "required": ["explain", "slots", "creatives"],
    }
    body = {"required": True, "content": {"application/json": {"schema": document}}}
    return {**described, "parameters": [in_path("name"), IF_MATCH], "requestBody": body}


def _remove() -> Json:
    gone: Json = {"204": {"description": "There is no such campaign any more."}}
    described = operation("delete_campaign", "marketing", "Remove a campaign.", "", gone, 400, 401, 403, 412, 429, 503)
    return {**described, "parameters": [in_path("name"), IF_MATCH]}


def _preview() -> Json:
    described = operation(
        "preview_campaign", "marketing", "What a slot shows without a draft and with it.",
        "For a visitor (as far as they agreed) or for nobody, now or `at` another time, with a sentence for each "
        "campaign that takes no part. Nothing is written: no decision is recorded, and nothing is learnt.",
        {"200": answers("Both sides.", {"$ref": "#/components/schemas/BannerPreview"})},
        400, 401, 403, 408, 413, 415, 422, 429,
    )  # fmt: skip
    schema = {"$ref": "#/components/schemas/CampaignPreviewAsk"}
    content = {"application/json": {"schema": schema, "examples": {"a draft": {"value": _EXAMPLE}}}}
    return {**described, "requestBody": {"required": True, "content": content}}


def _tagged() -> Json:
    tag: Json = {"description": "The revision, for `If-Match`.", "schema": {"type": "string"}}
    return {**answers("The campaign as it holds now.", _TOLD), "headers": {"ETag": tag}}

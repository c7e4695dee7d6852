"""The OpenAPI document, from the schemas in `schemas/` and the Structs that the routes decode and encode.

``python -m serving.http.openapi > schemas/openapi.json`` writes it; a test keeps the file fresh.
"""

from __future__ import annotations

import json
import posixpath
import sys
from functools import cache
from typing import Any

import msgspec

import schemas
from serving.banners.preview import BannerPreview
from serving.http import (
    openapi_banners,
    openapi_catalog,
    openapi_coupons,
    openapi_offers,
    openapi_operations,
    openapi_placements,
    openapi_rules,
    openapi_search,
    openapi_storefront,
    openapi_visitors,
)
from serving.http.access import Served
from serving.http.answer import Answer
from serving.http.campaigns import CampaignPreviewAsk
from serving.http.catalog import Refusal
from serving.http.data_health import DataHealth
from serving.http.events import Verdict
from serving.http.exchange import Exchange
from serving.http.operation import Json
from serving.http.page import PageAsk
from serving.http.recommendations import Ask
from serving.http.rules import PreviewAsk
from serving.http.search_preview import SearchPreviewAsk
from serving.http.visitor_tokens import Minted, TokenAsk
from serving.notice import PrivacyNotice
from serving.readiness import Readiness
from serving.rules.preview import Preview
from serving.search.preview import SearchPreview
from serving.search.report import SearchReport
from stream.lag import Row

TITLE = "liveshelf"


VERSION = "1"


STRUCTS = (
    Ask,
    PageAsk,
    PreviewAsk,
    Preview,
    SearchPreviewAsk,
    SearchPreview,
    CampaignPreviewAsk,
    BannerPreview,
    Readiness,
    Verdict,
    Refusal,
    TokenAsk,
    Minted,
    Row,
    PrivacyNotice,
    DataHealth,
    SearchReport,
)


_USED = (
    "event",
    "consent",
    "explanation",
    "export",
    "catalog_update",
    "catalog_item",
    "shelf",
    "shelves",
    "search_results",
    "suggestions",
    "offers",
    "search",
    "filter",
    "placement",
    "rule",
    "campaign",
    "banner",
    "offer",
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
    parts = (
        openapi_storefront,
        openapi_placements,
        openapi_rules,
        openapi_banners,
        openapi_coupons,
        openapi_search,
        openapi_offers,
        openapi_catalog,
        openapi_visitors,
        openapi_operations,
    )
    return {path: operations for part in parts for path, operations in part.paths().items()}


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

"""The API's routes: method, path, and who answers; `serving/http/openapi.py` describes each of them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from starlette.convertors import Convertor, register_url_convertor

from serving.http import openapi
from serving.http.access import NEEDS, Access, Answers
from serving.http.catalog import Catalog
from serving.http.data_health import HealthOfData
from serving.http.decisions import Decisions
from serving.http.events import Events
from serving.http.export import Export
from serving.http.notice import Notice
from serving.http.operations import Operations
from serving.http.page import Page
from serving.http.placements import Placements
from serving.http.recommendations import Recommendations
from serving.http.visitor_tokens import VisitorTokens
from serving.http.visitors import Rights


@dataclass(frozen=True, slots=True)
class Route:
    """One route."""

    method: str
    path: str
    answer: Answers


class _Whole(Convertor[str]):
    """A visitor id, which may have slashes of its own, but not a route of its own behind it."""

    regex = r"(?!.*/(?:consent|export|reset|token)/?$).+"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


register_url_convertor("whole", _Whole())


def described(path: str) -> str:
    """A route's path as the API describes it: without what its parameters may hold."""
    return re.sub(r":\w+}", "}", path)


def routes(
    access: Access,
    events: Events,
    recommendations: Recommendations,
    page: Page,
    placements: Placements,
    catalog: Catalog,
    visitor_tokens: VisitorTokens,
    rights: Rights,
    export: Export,
    decisions: Decisions,
    notice: Notice,
    operations: Operations,
    health_of_data: HealthOfData,
) -> tuple[Route, ...]:
    """All of the API's routes, each behind the gate: one that is not in its table cannot be made."""
    shelf = "/v1/recommendations/{placement}"
    placement = "/v1/admin/placements/{name}"
    item = "/v1/catalog/items/{item_id:path}"
    answers: tuple[tuple[str, str, Answers], ...] = (
        ("POST", "/v1/events", events.answer),
        ("GET", shelf, recommendations.answer),
        ("POST", shelf, recommendations.answer),
        ("POST", "/v1/page", page.answer),
        ("GET", "/v1/admin/placements", placements.list),
        ("GET", placement, placements.show),
        ("PUT", placement, placements.put),
        ("DELETE", placement, placements.remove),
        ("PUT", "/v1/catalog/items", catalog.put),
        ("GET", item, catalog.show),
        ("DELETE", item, catalog.delete),
        ("POST", "/v1/visitors/{visitor_id:path}/token", visitor_tokens.mint),
        ("PUT", "/v1/visitors/{visitor_id:path}/consent", rights.consent),
        ("GET", "/v1/visitors/{visitor_id:path}/export", export.answer),
        ("GET", "/v1/decisions/{decision_id}", decisions.answer),
        ("POST", "/v1/visitors/{visitor_id:path}/reset", rights.reset),
        ("DELETE", "/v1/visitors/{visitor_id:whole}", rights.erase),
        ("GET", "/v1/erasures/{erasure}", rights.erasure),
        ("GET", "/v1/privacy/notice", notice.answer),
        ("GET", "/v1/ops/lag", operations.lag),
        ("GET", "/v1/ops/health-of-data", health_of_data.answer),
        ("GET", "/healthz", operations.health),
        ("GET", "/readyz", operations.ready),
        ("GET", "/metrics", operations.metrics),
        ("GET", "/openapi.json", openapi.answer),
    )
    return tuple(
        Route(method, path, access.guards(NEEDS[method, described(path)], answer)) for method, path, answer in answers
    )

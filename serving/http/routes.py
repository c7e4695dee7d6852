"""The API's routes: method, path, and who answers; `serving/http/openapi.py` describes each of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from serving.http import openapi
from serving.http.answer import Answer
from serving.http.catalog import Catalog
from serving.http.events import Events
from serving.http.exchange import Exchange
from serving.http.operations import Operations
from serving.http.recommendations import Recommendations
from serving.http.visitors import Rights


@dataclass(frozen=True, slots=True)
class Route:
    """One route."""

    method: str
    path: str
    answer: Callable[[Exchange], Awaitable[Answer]]


def routes(
    events: Events, recommendations: Recommendations, catalog: Catalog, operations: Operations, rights: Rights
) -> tuple[Route, ...]:
    """All of the API's routes."""
    shelf = "/v1/recommendations/{placement}"
    item = "/v1/catalog/items/{item_id:path}"
    return (
        Route("POST", "/v1/events", events.answer),
        Route("GET", shelf, recommendations.answer),
        Route("POST", shelf, recommendations.answer),
        Route("PUT", "/v1/catalog/items", catalog.put),
        Route("GET", item, catalog.show),
        Route("DELETE", item, catalog.delete),
        Route("PUT", "/v1/visitors/{visitor_id:path}/consent", rights.consent),
        Route("DELETE", "/v1/visitors/{visitor_id:path}", rights.erase),
        Route("GET", "/v1/erasures/{erasure}", rights.erasure),
        Route("GET", "/v1/ops/lag", operations.lag),
        Route("GET", "/healthz", operations.health),
        Route("GET", "/readyz", operations.ready),
        Route("GET", "/metrics", operations.metrics),
        Route("GET", "/openapi.json", openapi.answer),
    )

"""The FastAPI application: the API's routes, the hot ones reached without its routing, and every error as a problem.

```
uvicorn ─▶ Application ─┬─ /v1/events, /v1/page, /v1/recommendations/…, /v1/banners/…, /v1/search ─▶ Endpoint ─▶ bytes
                        └─ FastAPI's router ─▶ other routes, /openapi.json, the first page, 404, 405
```
Routing through FastAPI costs as much as a decision, so the few paths that make nearly all requests are told apart
first.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, MutableMapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

import structlog
from fastapi import FastAPI
from fastapi.responses import Response as StarletteResponse
from starlette.exceptions import HTTPException
from starlette.requests import Request as StarletteRequest
from starlette.routing import BaseRoute
from starlette.routing import Route as StarletteRoute

from serving.http import metrics, openapi, problem
from serving.http.access_log import guard
from serving.http.admission import Admission
from serving.http.answer import CORS, SECURITY, Answer, Response, Send, respond
from serving.http.body import ClientGone, Receive
from serving.http.exchange import Exchange, Scope
from serving.http.origins import Origins
from serving.http.proofs import HEADER
from serving.http.routes import Route, described

EVENTS = "/v1/events"
PAGE = "/v1/page"
READS = frozenset({"/v1/search", "/v1/suggest", "/v1/offers"})
SHELF = "/v1/recommendations/{placement}"
BANNER = "/v1/banners/{slot}"
_SHELVES, _BANNERS = SHELF.removesuffix("{placement}"), BANNER.removesuffix("{slot}")
Lifespan = Callable[[Any], AbstractAsyncContextManager[None]]

log = structlog.get_logger()


class Endpoint:
    """All methods of one path as an ASGI application."""

    def __init__(self, path: str, routes: Sequence[Route], origins: Origins, admission: Admission) -> None:
        self.path = described(path)
        self._origins = origins
        self._lane = admission.lane_of((route.method, self.path) for route in routes)
        self._answers = {route.method: route.answer for route in routes}
        self._seconds = metrics.REQUEST_SECONDS.labels(self.path)
        self._refused = metrics.REQUESTS.labels(self.path, 503)

    @property
    def methods(self) -> list[str]:
        return [*self._answers, "OPTIONS"]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        lane = self._lane if scope["method"] != "OPTIONS" else None
        if lane is None:
            await self._serve(scope, receive, send)
        elif lane.enter():
            try:
                await self._serve(scope, receive, send)
            finally:
                lane.leave()
        else:
            await respond(send, lane.refusal(), self._origins.of_any(scope))
            self._refused.inc()

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = time.perf_counter()
        exchange = Exchange(scope, receive, scope.get("path_params") or {}, self._origins.of_any(scope))
        try:
            answer = await self._answer(exchange)
        except ClientGone:
            return
        await respond(send, answer, exchange.cors, head=exchange.method == "HEAD")
        self._seconds.observe(time.perf_counter() - began)
        metrics.REQUESTS.labels(self.path, answer.status).inc()

    async def _answer(self, exchange: Exchange) -> Response:
        if exchange.method == "OPTIONS":
            return self._preflight()
        try:
            return await self._answers["GET" if exchange.method == "HEAD" else exchange.method](exchange)
        except problem.Problem as error:
            return error.answer()
        except ClientGone:
            raise
        except Exception:
            log.exception("request_broken", route=self.path)
            return problem.broken().answer()

    def _preflight(self) -> Answer:
        """A page of a shop may call with its key."""
        allowed = ", ".join(self._answers).encode()
        headers = (
            (b"access-control-allow-methods", allowed),
            (b"access-control-allow-headers", b"authorization, content-type, content-encoding, if-match, " + HEADER),
            (b"access-control-max-age", b"86400"),
            (b"allow", allowed),
        )
        return Answer(b"", 204, headers=headers)


class Application(FastAPI):
    """The API as one ASGI application; `lifespan` starts what the routes work with, and says `serve`.

    Attributes
    ----------
    draining: whether the process is about to end, so that each answer tells its client to connect anew.
    """

    def __init__(self, lifespan: Lifespan | None = None) -> None:
        super().__init__(title=openapi.TITLE, openapi_url=None, docs_url=None, redoc_url=None, lifespan=lifespan)
        self.admission = Admission()
        self.draining = False
        self._endpoints: dict[str, Endpoint] = {}
        self.add_exception_handler(HTTPException, _refuse)
        self.add_exception_handler(Exception, _break)
        guard()

    def serve(self, api: Iterable[Route], origins: Origins, pages: Sequence[BaseRoute] = ()) -> None:
        """Answer these routes of the API to the pages of these origins, and `pages` on the API's own."""
        paths: dict[str, list[Route]] = {}
        for route in api:
            paths.setdefault(route.path, []).append(route)
        for path, of_path in paths.items():
            endpoint = self._endpoints[path] = Endpoint(path, of_path, origins, self.admission)
            self.router.routes.append(StarletteRoute(path, endpoint, methods=endpoint.methods))
        self.router.routes.extend(pages)

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI document, as it is checked in."""
        return openapi.document()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and self.draining:
            send = _farewell(send)
        hot = self._hot_endpoint(scope) if scope["type"] == "http" else None
        await (super().__call__ if hot is None else hot)(scope, receive, send)

    def _hot_endpoint(self, scope: Scope) -> Endpoint | None:
        path, method = scope["path"], scope["method"]
        if path.startswith(_SHELVES) and method in {"GET", "POST"} and "/" not in path[len(_SHELVES) :]:
            scope["path_params"] = {"placement": path[len(_SHELVES) :]}
            return self._endpoints.get(SHELF)
        if path.startswith(_BANNERS) and method == "GET" and "/" not in path[len(_BANNERS) :]:
            scope["path_params"] = {"slot": path[len(_BANNERS) :]}
            return self._endpoints.get(BANNER)
        hot = (path in {EVENTS, PAGE} and method == "POST") or (path in READS and method == "GET")
        return self._endpoints.get(path) if hot else None


def _farewell(send: Send) -> Send:
    """Tell the client that its connection ends with this answer."""

    async def told(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", ()), (b"connection", b"close")]
        await send(message)

    return told


async def _refuse(request: StarletteRequest, error: Exception) -> StarletteResponse:
    """What the router itself refuses, as a problem."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    if status == 404:
        return _response(problem.not_found("No route has this path; /openapi.json lists them all."))
    if status == 405:
        allowed = (error.headers or {}).get("Allow", "") if isinstance(error, HTTPException) else ""
        return _response(problem.method_not_allowed(allowed))
    log.error("request_refused", method=request.method, status=status)
    return _response(problem.broken())


async def _break(_: StarletteRequest, __: Exception) -> StarletteResponse:
    return _response(problem.broken())


def _response(error: problem.Problem) -> StarletteResponse:
    body, status, media_type, headers = error.answer()
    named = {name.decode(): value.decode() for name, value in (*SECURITY, *CORS, *headers)}
    return StarletteResponse(body, status, media_type=media_type.decode(), headers=named)

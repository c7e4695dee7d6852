"""A shop whose API follows the public contract just far enough for the page: canned verdicts, shelves that follow."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from msgspec import convert
from msgspec.json import encode
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

import schemas
from serving.demo.catalogue import items
from serving.http.visitor_tokens import Minted, TokenAsk
from serving.notice import notice
from serving.web.routes import routes
from stream.catalog_item import CatalogItem
from stream.consent import PURPOSES
from tests.web.fake_search import found, suggested

KEY = "pk_test"
SAID_AT = 1_790_000_000_000
VERBS_THAT_LEAD = ("view_item", "add_to_cart")
KINDS = (
    *("pan", "knife", "teapot", "lamp", "pendant", "tent", "sleepingbag", "cookbook", "gardenbook", "walkbook"),
    *("headphones", "speaker", "turntable", "chair", "shelf", "desk", "planter", "trowel", "seed"),
    *("shoe", "mat", "sock", "notebook", "pen", "tidy", "jacket", "shirt", "boot"),
)


def few_items() -> list[dict[str, Any]]:
    """The first four items of some kinds of the demo, to be had; the fourth tent is sold out."""
    made = {item["item_id"]: item | {"availability": "in_stock", "quantity": 40} for item in items()}
    made["tent-4"] |= {"availability": "out_of_stock", "quantity": 0}
    return [made[f"{kind}-{number}"] for kind in KINDS for number in (1, 2, 3, 4)]


@dataclass
class FakeShop:
    """What the shop was told, what it was asked, and how it shall answer."""

    url: str = ""
    catalogue: list[dict[str, Any]] = field(default_factory=few_items)
    events: list[dict[str, Any]] = field(default_factory=list)
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    posts: int = 0
    status: str | None = None
    met: bool = True
    events_away: bool = False
    shelves_away: bool = False
    searches: list[dict[str, str]] = field(default_factory=list)
    search_away: bool = False
    rights_away: bool = False
    gives_tokens: bool = True
    rights: list[tuple[str, str, Any]] = field(default_factory=list)
    named_visitors: set[str] = field(default_factory=set)
    consent: dict[str, Any] = field(default_factory=dict)

    def reset(self) -> None:
        fresh = FakeShop(url=self.url)
        self.__dict__.update(fresh.__dict__)

    def named(self, name: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["event"] == name]

    def answers(self) -> Starlette:
        return Starlette(
            routes=[
                *routes(
                    publishable_key=KEY,
                    items=lambda: convert(self.catalogue, list[CatalogItem]),
                    demo=True,
                    token_of=self.token_of,
                ),
                Route("/v1/events", self.collect, methods=["POST"]),
                Route("/v1/recommendations/{placement}", self.recommend, methods=["POST"]),
                Route("/v1/search", self.search),
                Route("/v1/suggest", self.suggest),
                Route("/v1/privacy/notice", self.notice),
                Route("/v1/visitors/{visitor_id}/consent", self.right, methods=["PUT"]),
                Route("/v1/visitors/{visitor_id}/export", self.right),
                Route("/v1/visitors/{visitor_id}/reset", self.right, methods=["POST"]),
                Route("/v1/visitors/{visitor_id}", self.right, methods=["DELETE"]),
                Route("/v1/erasures/now", self.erased),
            ]
        )

    async def collect(self, request: Request) -> Response:
        self.posts += 1
        assert request.headers["authorization"] == f"Bearer {KEY}"
        if self.events_away:
            return JSONResponse({"title": "Away", "detail": "The broker can't be reached."}, 503, {"Retry-After": "1"})
        known = {event["event_id"] for event in self.events}
        told = (await request.json())["events"]
        self.events += [event for event in told if event["event_id"] not in known]
        return JSONResponse({"verdicts": [self.verdict(event, known) for event in told]}, 202)

    def verdict(self, event: dict[str, Any], known: set[str]) -> dict[str, Any]:
        status = "duplicate" if event["event_id"] in known else "accepted"
        return {"event_id": event["event_id"], "status": status, "fresh_token": f"token-{len(self.events)}"}

    async def recommend(self, request: Request) -> Response:
        wanted = await request.json()
        placement = request.path_params["placement"]
        self.asked.append((placement, wanted))
        if self.shelves_away:
            return JSONResponse({"title": "Away"}, 503)
        return JSONResponse(self.shelf(placement, wanted))

    def shelf(self, placement: str, wanted: dict[str, Any]) -> dict[str, Any]:
        own = [event for event in self.events if event["visitor_id"] == wanted["visitor_id"]]
        personal = wanted["profiling"] == "on" and bool(own) and own[-1]["consent"]["personalization"]
        led = [event for event in own if event["event"] in VERBS_THAT_LEAD] if personal else []
        status = self.status or ("ok" if led else "fallback" if personal else "no_consent")
        gone = self.gone(own, wanted)
        chosen = [item for item in self.ranked(led, wanted) if item["item_id"] not in gone][: wanted["n"]]
        return {
            "decision_id": f"d{len(self.asked)}",
            "placement": placement,
            "status": status,
            "experiment": None,
            "fresh_to": self.fresh_to(own) if personal else None,
            "took_ms": 1.2,
            "items": [self.shown(item, position, led) for position, item in enumerate(chosen)],
        }

    async def search(self, request: Request) -> Response:
        wanted = dict(request.query_params)
        self.searches.append(wanted)
        if self.search_away:
            return JSONResponse({"title": "Away"}, 503)
        return JSONResponse(found(self.catalogue, self.events, wanted, f"s{len(self.searches)}"))

    async def suggest(self, request: Request) -> Response:
        return JSONResponse(suggested(self.catalogue, request.query_params["q"]))

    def gone(self, own: list[dict[str, Any]], wanted: dict[str, Any]) -> set[str]:
        hiding = ("dismiss", "add_to_cart", "purchase")
        hidden = {line["item_id"] for event in own if event["event"] in hiding for line in event["items"]}
        sold_out = {item["item_id"] for item in self.catalogue if item["availability"] == "out_of_stock"}
        return hidden | sold_out | set(wanted["exclude"])

    def ranked(self, led: list[dict[str, Any]], wanted: dict[str, Any]) -> list[dict[str, Any]]:
        by_id = {item["item_id"]: item for item in self.catalogue}
        seeds = [led[-1]["items"][0]["item_id"]] if led else wanted.get("item_ids", [])
        department = by_id[seeds[0]]["category"].split(" > ")[0] if seeds and seeds[0] in by_id else ""
        spread = sorted(self.catalogue, key=lambda item: item["item_id"][-1])
        return sorted(spread, key=lambda item: not item["category"].startswith(department))

    def shown(self, item: dict[str, Any], position: int, led: list[dict[str, Any]]) -> dict[str, Any]:
        kept = {name: item.get(name) for name in ("item_id", "title", "url", "image_url", "price", "currency")}
        because = [
            {
                "event_id": event["event_id"],
                "event": event["event"],
                "item_id": event["items"][0]["item_id"],
                "seconds_ago": max(0.0, time.time() - event["occurred_at"] / 1000),
            }
            for event in reversed(led[-2:])
        ]
        recommender = "session_table" if led else "popular"
        score = 1 / (position + 1)
        return kept | {
            "position": position, "score": score, "recommender": recommender, "because": because, "rules": []
        }  # fmt: skip

    def token_of(self, visitor_id: str, ask: TokenAsk) -> Minted:
        if not self.gives_tokens:
            raise HTTPException(404)
        return Minted(f"token of {visitor_id}", ask.ttl_s)

    async def notice(self, _: Request) -> Response:
        if self.rights_away:
            return JSONResponse({"title": "Away"}, 503)
        return Response(encode(notice("denied")), media_type="application/json")

    async def right(self, request: Request) -> Response:
        """Consent, export, reset, erasure: for the visitor whose token came along."""
        visitor, route = request.path_params["visitor_id"], request.url.path.split("/")[-1]
        assert request.headers["authorization"] == f"Bearer {KEY}"
        assert request.headers["liveshelf-visitor-token"] == f"token of {visitor}"
        if self.rights_away:
            return JSONResponse({"title": "Away", "detail": "Not now."}, 503)
        body = await request.body()
        said: Any = json.loads(body) if body else None
        self.rights.append((request.method, route, said))
        self.named_visitors.add(visitor)
        if route == "export":
            return JSONResponse(self.export(visitor))
        if route == "consent":
            self.consent |= {purpose: word(granted) for purpose, granted in said.items()}
            return JSONResponse({"consent": self.words(), "fresh_token": "token"})
        if route == "reset":
            return JSONResponse({"status": "accepted", "fresh_token": "token"}, 202)
        return JSONResponse({"status": "erasing", "at": "/v1/erasures/now"}, 202)

    async def erased(self, _: Request) -> Response:
        return JSONResponse(
            {
                "status": "erased",
                "completed_at": "2026-11-24T12:00:00.000Z",
                "raw_records_until": "2026-12-24T12:00:00.000Z",
                "kept": "a tombstone",
                "receipt": "signed-receipt",
            }
        )

    def words(self) -> dict[str, Any]:
        return {purpose: word(granted=True) for purpose in PURPOSES} | self.consent

    def export(self, visitor: str) -> dict[str, Any]:
        """The example of the schema, of somebody who viewed a pan."""
        example = json.dumps(schemas.examples("export", valid=True)["one_view"])
        held: dict[str, Any] = json.loads(example.replace('"pan"', json.dumps(self.catalogue[0]["item_id"])))
        return held | {"visitor_id": visitor, "consent": self.words()}

    def fresh_to(self, own: list[dict[str, Any]]) -> dict[str, Any]:
        at = own[-1]["occurred_at"]
        return {"occurred_at": at, "lag_ms": max(1.0, time.time() * 1000 - at), "met": self.met}


def word(granted: bool) -> dict[str, Any]:
    kind = "granted" if granted else "withdrawn"
    said = {"at": SAID_AT, "kind": kind, "source": "consent_update", "text_version": None}
    return {"granted": granted, "at": SAID_AT, "history": [said]}


@contextmanager
def served(shop: FakeShop) -> Iterator[FakeShop]:
    """The shop on a free port of loopback."""
    with listening(shop.answers()) as shop.url:
        yield shop


@contextmanager
def listening(app: Any) -> Iterator[str]:
    """The address of an application on a free port of loopback, in a thread of its own."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        bound.listen()  # who comes before the server does, waits
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off", loop="asyncio"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{bound.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(10)

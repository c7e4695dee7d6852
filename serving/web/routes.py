"""The shopper's pages as Starlette routes: the shop, the privacy page, their files, and what they need to know.

Every file is read and hashed once and answered with an ETag; the folder is listed here and not at request time, so
that no path of a request ever reaches the file system. The page runs under a policy that allows our own scripts,
styles and API only; pictures may also come from a shop's own https host.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable
from importlib.resources import files
from itertools import islice
from types import MappingProxyType
from typing import Any, Final

from msgspec import MsgspecError, Struct, json
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from serving.demo.pictures import picture
from serving.http.body import read
from serving.http.crowd import address_of
from serving.http.exchange import header
from serving.http.problem import Problem
from serving.http.visitor_tokens import Id, Minted, TokenAsk
from stream.catalog_item import CatalogItem

MEDIA_TYPES: Final = MappingProxyType(
    {
        ".css": "text/css; charset=utf-8",
        ".html": "text/html; charset=utf-8",
        ".js": "text/javascript; charset=utf-8",
        ".svg": "image/svg+xml",
    }
)
PAGE_HEADERS: Final = MappingProxyType(
    {
        "Content-Security-Policy": (
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' https: data:; connect-src 'self'; "
            "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        ),
        "Cross-Origin-Opener-Policy": "same-origin",
        "Referrer-Policy": "same-origin",
        "X-Content-Type-Options": "nosniff",
    }
)
PICTURE_HEADERS: Final = MappingProxyType(
    {
        "Content-Security-Policy": "default-src 'none'",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "public, max-age=86400",
    }
)
REVALIDATE: Final = "no-cache"
ITEMS: Final = 240
LOOKED_AT: Final = 5_000


class Place(Struct, frozen=True):
    """A place of the page: the placement that fills it, and how many items it asks for."""

    placement: str
    n: int


PAGES: Final = MappingProxyType({"/": "index.html", "/privacy": "privacy.html"})
TOKEN_S: Final = 3_600
MOST_BYTES: Final = 1_000
TokenOf = Callable[[str, TokenAsk], Minted]
PLACES: Final = MappingProxyType({"home": Place("home_for_you", 8), "item": Place("pdp_also_bought", 6)})


class Tile(Struct, frozen=True, omit_defaults=True):
    """What the grid shows of an item; `price` is the sale price while there is one."""

    item_id: str
    title: str
    description: str | None
    image_url: str | None
    price: str | None
    currency: str | None
    brand: str | None
    category: str | None
    sold_out: bool = False


class Whose(Struct, frozen=True):
    """Whose token a page of the demo wants."""

    visitor_id: Id


class Asset(Struct, frozen=True):
    """A file of the page, ready to send."""

    body: bytes
    media_type: str
    etag: str


def routes(
    *,
    publishable_key: str,
    items: Callable[[], Iterable[CatalogItem]],
    demo: bool = False,
    token_of: TokenOf | None = None,
) -> list[BaseRoute]:
    """The routes of the first page, to be mounted beside the API on the same origin.

    Parameters
    ----------
    publishable_key
        The key (`pk_…`) with which the page sends events and asks for decisions; public by its nature.
    items
        The catalogue as it is now; called once a request, and `ITEMS` of its first `LOOKED_AT` items are shown.
    demo
        Whether simulated shoppers are at work; the page says so.
    token_of
        Makes visitor tokens as a shop's own server gets them; for the demo, and then only for pages of this very host.
    """
    assets = static_files()
    config = json.encode(
        {
            "publishable_key": publishable_key,
            "placements": dict(PLACES),
            "demo": demo,
            "visitor_tokens": token_of is not None,
        }
    )
    return [
        *(Route(path, file_endpoint(assets[name])) for path, name in PAGES.items()),
        *(Route(f"/web/{name}", file_endpoint(asset)) for name, asset in assets.items() if name not in PAGES.values()),
        Route("/demo/config.json", config_endpoint(config)),
        Route("/demo/items.json", items_endpoint(items)),
        Route("/demo/images/{item_id}.svg", image),
        *([] if token_of is None else [Route("/demo/visitor-token", token_endpoint(token_of), methods=["POST"])]),
    ]


def static_files() -> dict[str, Asset]:
    """The files of the folder `static`, by name."""
    folder = files(__package__).joinpath("static")
    named = {entry.name: entry.read_bytes() for entry in folder.iterdir() if entry.is_file()}
    return {
        name: Asset(body, MEDIA_TYPES["." + name.rpartition(".")[2]], f'"{hashlib.sha256(body).hexdigest()[:24]}"')
        for name, body in sorted(named.items())
    }


def file_endpoint(asset: Asset) -> Callable[[Request], Any]:
    """An endpoint that answers one file, or 304 to who has it already."""
    headers = {**PAGE_HEADERS, "Cache-Control": REVALIDATE, "ETag": asset.etag}

    async def file(request: Request) -> Response:
        if asset.etag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        return Response(asset.body, media_type=asset.media_type, headers=headers)

    return file


def config_endpoint(body: bytes) -> Callable[[Request], Any]:
    """An endpoint that tells the page its key, its placements and whether this is a demo."""

    async def config(_: Request) -> Response:
        return json_answer(body)

    return config


def token_endpoint(token_of: TokenOf) -> Callable[[Request], Any]:
    """An endpoint that gives the demo's page the token of its visitor, as a shop's own server does.

    That server asks `POST /v1/visitors/{visitor_id}/token` with its secret key, and answers with the token of whoever
    its own session says. The demo has no sessions: it believes the page, and therefore answers this host alone.
    """

    async def token(request: Request) -> Response:
        if not _of_this_host(request):
            return Response(status_code=404)
        try:
            asked = json.decode(await _body(request), type=Whose)
        except (MsgspecError, UnicodeDecodeError, Problem):
            return Response(status_code=400)
        return json_answer(json.encode(token_of(asked.visitor_id, TokenAsk(ttl_s=TOKEN_S))))

    return token


async def _body(request: Request) -> bytes:
    return await read(lambda name: header(request.scope, name), request.receive, MOST_BYTES)


def _of_this_host(request: Request) -> bool:
    """Whether a page of this host asks: neither from another machine, nor by a foreign name or page."""
    named = request.url.hostname in {"localhost", "127.0.0.1", "::1"}
    own = request.headers.get("sec-fetch-site", "same-origin") == "same-origin"
    return named and own and address_of(request.scope) is None


def items_endpoint(items: Callable[[], Iterable[CatalogItem]]) -> Callable[[Request], Any]:
    """An endpoint that lists what the page's grid may show: `{"items": […]}`, without hidden items."""

    async def listing(_: Request) -> Response:
        visible = (item for item in items() if not item.hidden)
        return json_answer(json.encode({"items": [tile(item) for item in varied(islice(visible, LOOKED_AT), ITEMS)]}))

    return listing


def varied(items: Iterable[CatalogItem], count: int) -> list[CatalogItem]:
    """So many items: all categories in turn, and one variant of every group before the second of any."""
    variants: Counter[str] = Counter()
    places: Counter[tuple[str | None, int]] = Counter()
    turns = []
    for item in sorted(items, key=lambda item: (len(item.item_id), item.item_id)):
        group = item.item_group_id or item.item_id
        turns.append((variants[group], places[item.category, variants[group]], item))
        places[item.category, variants[group]] += 1
        variants[group] += 1
    return [item for _, _, item in sorted(turns, key=lambda turn: turn[:2])[:count]]


def tile(item: CatalogItem) -> Tile:
    """An item as the grid shows it."""
    return Tile(
        item_id=item.item_id,
        title=item.title,
        description=item.description,
        image_url=item.image_url,
        price=item.sale_price or item.price,
        currency=item.currency,
        brand=item.brand,
        category=item.category,
        sold_out=not item.sellable,
    )


def json_answer(body: bytes) -> Response:
    """A JSON answer that nobody keeps."""
    headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return Response(body, media_type="application/json", headers=headers)


async def image(request: Request) -> Response:
    """The picture of an item of the made catalogue; 404 for any other."""
    drawn = picture(request.path_params["item_id"])
    if drawn is None:
        return Response(status_code=404)
    return Response(drawn, media_type="image/svg+xml", headers=dict(PICTURE_HEADERS))

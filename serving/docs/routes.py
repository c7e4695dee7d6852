"""The documentation as Starlette routes: `/docs` is the API reference, `/docs/guides/…` the guides.

The reference is Swagger UI, which comes with the package `fastapi_offline`, over our own `/openapi.json`. Everything is
made once and answered with an ETag under the policy of the first page: no inline script, nothing from elsewhere.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from importlib.resources import files
from typing import Final

from starlette.routing import BaseRoute, Route

from serving.console.markup import Markup, tag
from serving.docs.guides import PATH, guides
from serving.docs.layout import REFERENCE, page
from serving.web.routes import MEDIA_TYPES, Asset, file_endpoint

STATIC: Final = "/docs/static/"
OURS: Final = ("docs.css", "reference.js")
SWAGGER: Final = ("swagger-ui.css", "swagger-ui-bundle.js")
_FOLDERS: Final = {__package__: OURS, "fastapi_offline": SWAGGER}
_REFERENCE: Final = (
    "Every route of this very process, from its own ",
    tag("a", "/openapi.json", href="/openapi.json"),
    ". “Authorize” takes one of your keys, “Try it out” then calls this deployment. What each event needs is in ",
    tag("a", "Events", href=f"{PATH}events"),
    ", which key opens what in ",
    tag("a", "Keys and routes", href=f"{PATH}keys"),
    ".",
)


def routes() -> list[BaseRoute]:
    """The routes, to be mounted beside the first page's, whose style and icon the pages use."""
    return [Route(path, file_endpoint(asset)) for path, asset in assets().items()]


def assets() -> dict[str, Asset]:
    """Everything that is served, by its path."""
    return {"/docs": _html(_reference()), **dict(_pages()), **dict(_files())}


def _pages() -> Iterator[tuple[str, Asset]]:
    for guide in guides():
        content = tag("article", Markup(guide.html), class_="guide")
        yield PATH + guide.name, _html(page(guide.title, content, guides()))


def _reference() -> str:
    content = [
        tag("div", tag("h1", REFERENCE), tag("p", _REFERENCE), class_="guide"),
        tag("div", id="reference"),
        Markup("<noscript><p>The reference is drawn with JavaScript. /openapi.json says the same.</p></noscript>"),
    ]
    scripts = [f"{STATIC}swagger-ui-bundle.js", f"{STATIC}reference.js"]
    return page(REFERENCE, content, guides(), styles=[f"{STATIC}swagger-ui.css"], scripts=scripts)


def _files() -> Iterator[tuple[str, Asset]]:
    for package, names in _FOLDERS.items():
        for name in names:
            body = files(package).joinpath("static", name).read_bytes()
            yield STATIC + name, _asset(body, MEDIA_TYPES["." + name.rpartition(".")[2]])


def _html(text: str) -> Asset:
    return _asset(text.encode(), MEDIA_TYPES[".html"])


def _asset(body: bytes, media_type: str) -> Asset:
    return Asset(body, media_type, f'"{hashlib.sha256(body).hexdigest()[:24]}"')

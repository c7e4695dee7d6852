"""The documentation's routes: strict headers, ETags, nothing inline, nothing that is not listed."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest
from httpx import ASGITransport, AsyncClient
from starlette.applications import Starlette

from serving.docs.routes import assets, routes

PATHS = sorted(assets())
PAGES = [path for path in PATHS if "." not in path]


@pytest.fixture
async def shop() -> AsyncIterator[AsyncClient]:
    app = Starlette(routes=routes())
    async with AsyncClient(transport=ASGITransport(app), base_url="http://shop.example") as client:
        yield client


@pytest.mark.parametrize("path", PATHS)
async def test_everything_has_the_policy_and_a_tag(path: str, shop: AsyncClient) -> None:
    answer = await shop.get(path)
    assert answer.status_code == 200
    policy = answer.headers["content-security-policy"]
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    again = await shop.get(path, headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("path", PAGES)
async def test_no_page_has_inline_script_or_style_or_names_a_host(path: str, shop: AsyncClient) -> None:
    html = (await shop.get(path)).text
    code = r"<(?:code|pre)[ >].*?</(?:code|pre)>"
    told = re.sub(code, "", html, flags=re.DOTALL)
    assert re.findall(r"<script(?![^>]*\bsrc=)", told) == []
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:", told)
    assert re.findall(r'(?:src|href)="(?!/|#)', told) == []


@pytest.mark.parametrize(
    "path", ["/docs/static/redoc.standalone.js", "/docs/static/../routes.py", "/docs/guides/none", "/docs/guides/"]
)
async def test_nothing_else_is_served(path: str, shop: AsyncClient) -> None:
    assert (await shop.get(path)).status_code == 404

"""What all pages of the console have in common: the head, the bar, forms and sections."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from starlette.responses import HTMLResponse

from serving.console.markup import Child, Markup, tag
from serving.console.roles import allowed
from serving.console.sessions import Session

HEADERS: Final = MappingProxyType(
    {
        "Content-Security-Policy": (
            "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'self'; "
            "frame-ancestors 'none'"
        ),
        "Cache-Control": "no-store",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Referrer-Policy": "same-origin",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
    }
)


def page(
    title: str, *content: Child, session: Session | None = None, csrf: str = "", status: int = 200
) -> HTMLResponse:
    """A whole page."""
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("meta", name="robots", content="noindex"),
        tag("title", f"{title} · liveshelf console"),
        tag("link", rel="icon", href="/web/icon.svg", type="image/svg+xml"),
        tag("link", rel="stylesheet", href="/console/console.css"),
    )
    body = tag(
        "body",
        tag("a", "Skip to the content", class_="skip", href="#main"),
        _bar(title, session, csrf),
        tag("main", content, id="main", tabindex=-1),
    )
    return HTMLResponse(f"<!doctype html>\n{tag('html', head, body, lang='en')}\n", status, dict(HEADERS))


def _bar(title: str, session: Session | None, csrf: str) -> Markup:
    brand = tag("a", "liveshelf", tag("span", "console", class_="brand-note"), class_="brand", href="/console")
    if session is None:
        return tag("header", brand, class_="bar")
    places = [("Overview", "/console")]
    if allowed(session.role, "manage_accounts"):
        places.append(("Accounts", "/console/accounts"))
    links = [tag("a", name, href=path, aria_current="page" if name == title else None) for name, path in places]
    return tag(
        "header",
        brand,
        tag("nav", links, aria_label="Console"),
        tag("span", f"{session.name}, {session.role}", class_="who"),
        form("/console/logout", csrf, tag("button", "Sign out", class_="plain")),
        class_="bar",
    )


def form(action: str, csrf: str, *content: Child, **attributes: str | bool) -> Markup:
    """A form that carries its token."""
    token = tag("input", type="hidden", name="csrf", value=csrf)
    return tag("form", token, content, method="post", action=action, **attributes)


def field(
    label: str, name: str, *, kind: str = "text", hint: str = "", value: str | None = None, **more: str | bool | int
) -> Markup:
    """A labelled input; `hint` is read with it."""
    told = f"{name}-hint" if hint else None
    return tag(
        "p",
        tag("label", label, for_=name),
        tag("small", hint, id=told) if hint else None,
        tag("input", id=name, name=name, type=kind, required=True, value=value, aria_describedby=told, **more),
        class_="field",
    )


def section(title: str, *content: Child) -> Markup:
    """A part of a page under its own heading."""
    heading = title.lower().replace(" ", "-")
    return tag("section", tag("h2", title, id=heading), content, class_="card", aria_labelledby=heading)

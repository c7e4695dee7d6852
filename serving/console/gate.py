"""The way into every page of the console: session, permission, and for what changes something the form's token.

```
GET  ─▶ session ─▶ permission ─────────────────────▶ page
POST ─▶ session ─▶ same origin ─▶ token ─▶ permission ─▶ action
```
Without a session the answer is the sign-in page. A page that comes later is one line in `routes.py`.
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from serving.console import pages
from serving.console.audit import Audit, NotWritten
from serving.console.roles import Permission, allowed
from serving.console.sessions import ABSOLUTE_MS, Session, Sessions
from serving.http import body
from serving.http.problem import Problem

COOKIE = "liveshelf_console"
FORM_COOKIE = "liveshelf_console_form"
START = "/console"
LOGIN = "/console/login"
CSRF_HEADER = "x-csrf-token"
FORM_TYPE = "application/x-www-form-urlencoded"
MOST_BYTES = 16 * 1024
MOST_FIELDS = 32
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
Form = Mapping[str, str]
Endpoint = Callable[[Request], Awaitable[Response]]


class Visit(NamedTuple):
    """A request of somebody who is signed in; `form` is empty for a page."""

    request: Request
    session: Session
    csrf: str
    form: Form


Answer = Callable[[Visit], Awaitable[Response]]


class Refused(Exception):
    """The request is not done; the page says why, what it means and what to do."""

    def __init__(self, status: int, title: str, detail: str, retry_after_s: int | None = None) -> None:
        super().__init__(detail)
        self.status, self.title, self.detail, self.retry_after_s = status, title, detail, retry_after_s


class Gate:
    """Guards pages and actions."""

    def __init__(self, sessions: Sessions, audit: Audit) -> None:
        self._sessions, self._audit = sessions, audit

    def page(self, permission: Permission, answer: Answer) -> Endpoint:
        """An endpoint that shows something; it must change nothing."""

        async def endpoint(request: Request, session: Session) -> Response:
            await self._permit(session, permission, request)
            return await answer(Visit(request, session, self._sessions.csrf(session), {}))

        return self._signed_in(endpoint)

    def action(self, permission: Permission, answer: Answer) -> Endpoint:
        """An endpoint that changes something, asked by a form of this very session."""

        async def endpoint(request: Request, session: Session) -> Response:
            refuse_foreign(request)
            form, csrf = await read_form(request), self._sessions.csrf(session)
            refuse_unless_equal(request.headers.get(CSRF_HEADER) or form.get("csrf", ""), csrf)
            await self._permit(session, permission, request)
            return await answer(Visit(request, session, csrf, form))

        return self._signed_in(endpoint)

    def _signed_in(self, endpoint: Callable[[Request, Session], Awaitable[Response]]) -> Endpoint:
        async def guarded(request: Request) -> Response:
            session = self._sessions.read(request.cookies.get(COOKIE))
            if session is None:
                return to(LOGIN)
            response = await answered(lambda: endpoint(request, session), session, self._sessions.csrf(session))
            renewed = self._sessions.renewed(session)
            if renewed and COOKIE not in response.headers.get("set-cookie", ""):
                set_session(request, response, self._sessions.token(renewed))
            return response

        return guarded

    async def _permit(self, session: Session, permission: Permission, request: Request) -> None:
        if allowed(session.role, permission):
            return
        await self._audit.attempt(session.name, session.role, "page.open", "refused", request.scope["path"][:200])
        raise Refused(
            403, "Your role may not do that",
            f"You are signed in as {session.name}, whose role is {session.role}. Somebody with the role owner can give "
            "you another one.",
        )  # fmt: skip


async def answered(
    answer: Callable[[], Awaitable[Response]], session: Session | None = None, csrf: str = ""
) -> Response:
    """What `answer` gives; what it refuses, as a page."""
    try:
        return await answer()
    except Refused as no:
        return pages.refusal(no.status, no.title, no.detail, session, csrf, no.retry_after_s)
    except NotWritten:
        return pages.refusal(503, "Not now", NOT_WRITTEN, session, csrf, 5)
    except Problem as no:
        return pages.refusal(no.status, "The form could not be read", no.detail, session, csrf)
    except body.ClientGone:
        return Response(status_code=400)


NOT_WRITTEN = (
    "The audit log cannot be written at the moment, and nothing is changed that is not recorded: everything is as it "
    "was. Try again once Kafka answers."
)


def refuse_foreign(request: Request) -> None:
    """Refuse what another site's page sent, where the browser tells; a page can forge neither header."""
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    own = site in {"same-origin", "none"} if site else origin is None or _host(origin) == request.headers.get("host")
    if not own:
        raise Refused(
            403, "This form came from another site",
            "Nothing was done. Open the console by its own address and send the form from there. Behind a proxy, let "
            "it pass the Host header on.",
        )  # fmt: skip


def _host(origin: str) -> str:
    return origin.partition("://")[2]


def refuse_unless_equal(given: str, expected: str) -> None:
    """Refuse a form that does not carry its session's token."""
    if not hmac.compare_digest(given.encode(), expected.encode()):
        raise Refused(
            403, "This form is too old",
            "Nothing was done: the form belongs to another session than the one you are in now. Go back to the page, "
            "load it again, and send it once more.",
        )  # fmt: skip


async def read_form(request: Request) -> Form:
    """The fields of a form, the first of each name; bounded while reading."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM_TYPE:
        raise Refused(415, "This is not a form", f"Nothing was done. Send the fields as {FORM_TYPE}.")
    headers = dict(reversed(request.headers.raw))
    content = await body.read(headers.get, request.receive, MOST_BYTES)
    try:
        fields = parse_qsl(content.decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS, errors="strict")
    except ValueError:
        raise Refused(400, "The form could not be read", "Nothing was done. Load the page again.") from None
    return dict(reversed(fields))


def query_of(request: Request) -> str:
    """The query as it was sent; a few pages say one more sentence after another one's redirect."""
    sent: bytes = request.scope["query_string"]
    return sent.decode("latin-1")


def host_of(request: Request) -> str:
    """The name or address that the browser knows us by, without the port."""
    given = request.headers.get("host", "")
    return given[1:].partition("]")[0] if given.startswith("[") else given.partition(":")[0]


def set_session(request: Request, response: Response, token: str) -> None:
    """Give the browser its session."""
    set_cookie(request, response, COOKIE, token, ABSOLUTE_MS // 1000)


def set_cookie(request: Request, response: Response, name: str, value: str, seconds: int) -> None:
    """A cookie that no script reads, no other site sends, and that leaves this machine over https only."""
    secure = host_of(request) not in LOOPBACK
    response.set_cookie(name, value, seconds, path=START, secure=secure, httponly=True, samesite="strict")


def clear_session(response: Response) -> Response:
    """Take the session away from the browser."""
    response.delete_cookie(COOKIE, path=START, httponly=True, samesite="strict")
    return response


def to(path: str) -> Response:
    """Go on with GET."""
    return RedirectResponse(path, 303, {"Cache-Control": "no-store"})


def busy() -> Refused:
    """Too many passwords are being checked."""
    return Refused(503, "One moment", "Many people sign in right now. Nothing was changed; try again in a moment.", 2)

"""The console's routes: `/console` and what lies below it.

| route | does | needs |
| --- | --- | --- |
| `GET /console/login`, `POST` | sign in | – |
| `GET /console` | what runs, what was done last, who you are | `read` |
| `POST /console/logout`, `/console/password` | sign out; change one's own password | `read` |
| `GET /console/accounts`, `POST …/add`, `…/remove` | who may sign in | `manage_accounts` |
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from importlib.resources import files
from types import MappingProxyType
from typing import Final

from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from serving.console import pages
from serving.console.accounts import Accounts
from serving.console.audit import Audit, Entry
from serving.console.gate import LOGIN, START, Gate, Refused, Visit, clear_session, query_of, to
from serving.console.passwords import Passwords
from serving.console.people import People
from serving.console.recent import Recent
from serving.console.roles import allowed
from serving.console.sessions import Session, Sessions
from serving.console.sign_in import SignIn
from serving.console.throttle import Throttle
from serving.http.operations import Operations
from serving.web.routes import Asset, file_endpoint

SHOWN = 20
NOTES: Final = MappingProxyType(
    {"password-changed": "Your password is changed. Wherever else you were signed in, you no longer are."}
)


class Console:
    """The pages, given what they work with; `clock` is now in ms, `timer` seconds that only grow."""

    def __init__(
        self,
        key: bytes,
        accounts: Accounts,
        audit: Audit,
        recent: Recent,
        operations: Operations,
        *,
        clock: Callable[[], float],
        timer: Callable[[], float],
        passwords: Passwords | None = None,
    ) -> None:
        self._audit, self._recent, self._operations = audit, recent, operations
        sessions, throttle = Sessions(key, accounts, clock), Throttle(timer)
        passwords = passwords or Passwords()
        self._gate = Gate(sessions, audit)
        self._sign_in = SignIn(key, accounts, sessions, passwords, throttle, audit)
        self._people = People(accounts, sessions, passwords, throttle, audit)

    def routes(self) -> list[BaseRoute]:
        page, action, people = self._gate.page, self._gate.action, self._people
        return [
            Route(START, page("read", self._start)),
            Route(LOGIN, self._sign_in.show, methods=["GET"]),
            Route(LOGIN, self._sign_in.submit, methods=["POST"]),
            Route("/console/logout", action("read", self._logout), methods=["POST"]),
            Route("/console/password", action("read", people.change_password), methods=["POST"]),
            Route("/console/accounts", page("manage_accounts", people.show)),
            Route("/console/accounts/add", action("manage_accounts", people.add), methods=["POST"]),
            Route("/console/accounts/remove", action("manage_accounts", people.remove), methods=["POST"]),
            Route("/console/console.css", file_endpoint(_style())),
            Route("/console/{rest:path}", page("read", _missing)),
        ]

    async def _start(self, visit: Visit) -> Response:
        sources, waiting, entries = await asyncio.gather(
            self._operations.sources(), self._operations.waiting(), self._recent.entries()
        )
        verdict, records = waiting or (None, 0)
        shown = None if entries is None else visible(entries, visit.session)
        overview = pages.Overview(sources, self._operations.items, verdict, records, shown)
        return pages.start(overview, visit.session, visit.csrf, NOTES.get(query_of(visit.request), ""))

    async def _logout(self, visit: Visit) -> Response:
        await self._audit.attempt(visit.session.name, visit.session.role, "session.end", "ok")
        return clear_session(to(f"{LOGIN}?signed-out"))


async def _missing(_: Visit) -> Response:
    raise Refused(404, "There is no such page", "It may have moved, or its address was not typed to the end.")


def visible(entries: Sequence[Entry], session: Session) -> list[Entry]:
    """The newest entries that the session may see: everybody's, or its own."""
    everybody = allowed(session.role, "read_audit")
    return [entry for entry in entries if everybody or entry.actor == session.name][:SHOWN]


def _style() -> Asset:
    body = files(__package__).joinpath("static", "console.css").read_bytes()
    return Asset(body, "text/css; charset=utf-8", f'"{hashlib.sha256(body).hexdigest()[:24]}"')

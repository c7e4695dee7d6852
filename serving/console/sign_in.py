"""Signing in.

```
form ─▶ same origin ─▶ its own cookie ─▶ throttle ─▶ argon2, beside the loop ─▶ session
```
The form is bound to a cookie that came with it, so that nobody can be signed in by another site's form. Whether a name
has an account shows neither in the words nor in the time of an answer.
"""

from __future__ import annotations

import re
import secrets

from starlette.requests import Request
from starlette.responses import Response

from serving.console import pages
from serving.console.accounts import Account, Accounts
from serving.console.audit import NOBODY, Audit
from serving.console.gate import (
    COOKIE,
    FORM_COOKIE,
    START,
    answered,
    busy,
    query_of,
    read_form,
    refuse_foreign,
    refuse_unless_equal,
    set_cookie,
    set_session,
    to,
)
from serving.console.passwords import Busy, Passwords
from serving.console.sessions import Sessions, form_token
from serving.console.throttle import Throttle, network_of

FORM_S = 3_600
NONCE_BYTES = 16
MOST_CHARACTERS = 64
_NONCE = re.compile(r"[A-Za-z0-9_-]{22}")
WRONG = "This name and password do not belong together. Please check both and try again."
SIGNED_OUT = "You are signed out."


class SignIn:
    """The sign-in page and its form; `key` signs the form's token."""

    def __init__(
        self,
        key: bytes,
        accounts: Accounts,
        sessions: Sessions,
        passwords: Passwords,
        throttle: Throttle,
        audit: Audit,
    ) -> None:
        self._key, self._accounts, self._sessions = key, accounts, sessions
        self._passwords, self._throttle, self._audit = passwords, throttle, audit

    async def show(self, request: Request) -> Response:
        if self._sessions.read(request.cookies.get(COOKIE)) is not None:
            return to(START)
        return self._form(request, note=SIGNED_OUT if query_of(request) == "signed-out" else "")

    async def submit(self, request: Request) -> Response:
        return await answered(lambda: self._submit(request))

    async def _submit(self, request: Request) -> Response:
        refuse_foreign(request)
        form = await read_form(request)
        nonce = _nonce(request)
        if nonce is None:
            return self._form(request, problem=NO_COOKIE, status=403)
        refuse_unless_equal(form.get("csrf", ""), form_token(self._key, nonce.encode()))
        name = form.get("name", "").strip().lower()[:MOST_CHARACTERS]
        names = f"name:{name}", f"from:{network_of(request.client.host if request.client else '')}"
        wait_s = self._throttle.take(*names)
        if wait_s:
            return self._wait(request, name, wait_s)
        try:
            account = await self._account(name, form.get("password", ""))
        except Busy:
            self._throttle.forgive(*names)
            raise busy() from None
        if account is None:
            return self._form(request, problem=WRONG, name=name, status=403)
        self._throttle.forgive(*names)
        response = to(START)
        set_session(request, response, self._sessions.token(self._sessions.begin(account)))
        return response

    async def _account(self, name: str, password: str) -> Account | None:
        """The account that name and password belong to; raises `Busy`."""
        account = self._accounts.named(name)
        right = await self._passwords.fits(password, account.password if account else None)
        found = account if right else None
        actor = account.name if account else NOBODY  # what was typed may be a password
        await self._audit.attempt(actor, found.role if found else None, "session.begin", "ok" if found else "refused")
        return found

    def _wait(self, request: Request, name: str, wait_s: int) -> Response:
        problem = f"Too many sign-ins have failed. Please wait {wait_s} seconds, then try again."
        response = self._form(request, problem=problem, name=name, status=429)
        response.headers["Retry-After"] = str(wait_s)
        return response

    def _form(
        self, request: Request, *, problem: str = "", note: str = "", name: str = "", status: int = 200
    ) -> Response:
        nonce = _nonce(request) or secrets.token_urlsafe(NONCE_BYTES)
        csrf = form_token(self._key, nonce.encode())
        response = pages.login(csrf, problem=problem, note=note, name=name, status=status)
        set_cookie(request, response, FORM_COOKIE, nonce, FORM_S)
        return response


def _nonce(request: Request) -> str | None:
    """What the form's cookie carries, if it can be ours."""
    found = request.cookies.get(FORM_COOKIE, "")
    return found if _NONCE.fullmatch(found) else None


NO_COOKIE = (
    "Your browser sent no cookie back, so it could not be told who you are. Allow cookies for this address; over the "
    "network, open the console by https."
)

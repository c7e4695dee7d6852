"""Accounts over the console: what owners change of others', and everybody of their own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec
from starlette.responses import Response

from serving.console import pages
from serving.console.accounts import (
    Account,
    Accounts,
    BadAccounts,
    Known,
    Person,
    added,
    change,
    person,
    refuse_taken,
    removed,
)
from serving.console.audit import Audit
from serving.console.gate import LOGIN, START, Refused, Visit, busy, set_session, to
from serving.console.passwords import Busy, Passwords, TooShort
from serving.console.sessions import Session, Sessions
from serving.console.throttle import Throttle

LIST = "/console/accounts"


class People:
    """The actions; what changes the accounts is recorded before it is done."""

    def __init__(
        self, accounts: Accounts, sessions: Sessions, passwords: Passwords, throttle: Throttle, audit: Audit
    ) -> None:
        self._accounts, self._sessions, self._passwords = accounts, sessions, passwords
        self._throttle, self._audit = throttle, audit

    async def show(self, visit: Visit) -> Response:
        known = self._accounts.known()
        return pages.accounts([known[name] for name in sorted(known)], visit.session, visit.csrf)

    async def add(self, visit: Visit) -> Response:
        try:
            who = person(visit.form.get("name", "").strip().lower(), visit.form.get("role", ""))
            refuse_taken(self._accounts.known(), who.name)
        except BadAccounts as error:
            raise Refused(400, "This account cannot be added", f"{error} Nothing was changed.") from None
        account = Account(who.name, who.role, await self._hash(visit.form.get("new", "")))
        await self._change(visit.session, "account.add", who, lambda known: added(known, account), after=who)
        return to(LIST)

    async def remove(self, visit: Visit) -> Response:
        name = visit.form.get("name", "")
        if name == visit.session.name:
            raise Refused(400, "This is your own account", "Nothing was changed. Another owner can remove it.")
        account = self._accounts.named(name)
        if account is None:
            raise Refused(400, "There is no such account", "Nothing was changed. Load the list again.")
        who = Person(account.name, account.role)
        await self._change(visit.session, "account.remove", who, lambda known: removed(known, name), before=who)
        return to(LIST)

    async def change_password(self, visit: Visit) -> Response:
        """A new password ends all sessions of the account; this one goes on as a new one."""
        account = self._accounts.named(visit.session.name)
        if account is None:
            return to(LOGIN)
        if visit.form.get("new", "") != visit.form.get("again", ""):
            raise Refused(400, "The two new passwords differ", "Your password is as it was. Go back and type it twice.")
        await self._prove(account, visit.form.get("password", ""))
        changed = msgspec.structs.replace(account, password=await self._hash(visit.form.get("new", "")))
        await self._change(visit.session, "account.password", account, lambda known: replaced(known, changed))
        response = to(f"{START}?password-changed")
        set_session(visit.request, response, self._sessions.token(self._sessions.begin(changed)))
        return response

    async def _prove(self, account: Account, password: str) -> None:
        """Refuse who does not know the account's password."""
        wait_s = self._throttle.take(f"name:{account.name}")
        if wait_s:
            raise Refused(429, "Too many tries", f"Your password is as it was. Try again in {wait_s} s.", wait_s)
        try:
            right = await self._passwords.fits(password, account.password)
        except Busy:
            self._throttle.forgive(f"name:{account.name}")
            raise busy() from None
        if not right:
            await self._audit.attempt(account.name, account.role, "account.password", "refused", _thing(account.name))
            raise Refused(403, "That is not your password", "Your password is as it was. Go back and try again.")
        self._throttle.forgive(f"name:{account.name}")

    async def _hash(self, password: str) -> str:
        try:
            return await self._passwords.hash_of(password)
        except TooShort as error:
            raise Refused(400, "This password is too short", f"{error} Nothing was changed.") from None
        except Busy:
            raise busy() from None

    async def _change(
        self,
        session: Session,
        action: str,
        whom: Person,
        fold: Callable[[Known], Known],
        *,
        before: Person | None = None,
        after: Person | None = None,
    ) -> None:
        """Record the change, then make it."""
        actor, thing = (session.name, session.role), _thing(whom.name)
        await self._audit.write(*actor, action, thing, "ok", before, after)
        try:
            await asyncio.to_thread(change, self._accounts.path, fold)
        except BadAccounts as error:
            await self._audit.attempt(*actor, action, "failed", thing)
            raise Refused(503, "The accounts could not be changed", f"{error} Nothing was changed.") from None


def replaced(known: Known, account: Account) -> Known:
    """With this account in place of the one of its name; raises `BadAccounts` if there is none."""
    return added(removed(known, account.name), account)


def _thing(name: str) -> str:
    return f"account:{name}"

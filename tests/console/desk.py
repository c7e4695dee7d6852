"""The console over a deployment in memory: cheap hashes, a clock that stands still, a browser that keeps cookies."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
from argon2 import PasswordHasher

from serving.console.accounts import Account, Accounts, added, change
from serving.console.audit import Audit, decoded
from serving.console.passwords import Passwords, hash_of
from serving.console.recent import Recent
from serving.console.roles import ROLES, Role
from serving.console.routes import Console
from serving.http.application import Application
from stream.cluster import BrokerAway
from stream.fold import Record
from tests.serving.deployment import PARTITIONS, Deployment

KEY = b"signatures"
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
PASSWORD = "correct horse battery staple"
HASH = hash_of(PASSWORD, CHEAP)
ORIGIN = "http://localhost:8080"
NAMES: dict[Role, str] = dict(zip(ROLES, ("vera", "mark", "olga", "otto"), strict=True))


class Desk:
    """A console with one account for each role, all with `PASSWORD`."""

    def __init__(self, folder: Path) -> None:
        self.shop = Deployment()
        self.path = folder / "accounts.json"
        for role, name in NAMES.items():
            self.add(name, role)
        self.accounts = Accounts(self.path)
        self.passwords = Passwords(CHEAP)
        self.audit = Audit(
            self.shop.broker, lambda: PARTITIONS["audit"] if self.shop.live else 0, lambda: self.shop.now
        )
        self.console = Console(
            KEY,
            self.accounts,
            self.audit,
            Recent(self.newest, lambda: self.shop.now / 1000),
            self.shop.api.operations,
            clock=lambda: self.shop.now,
            timer=lambda: self.shop.now / 1000,
            passwords=self.passwords,
        )
        self.app = Application()
        self.app.serve(self.shop.api.routes, self.shop.api.access.origins, self.console.routes())

    def add(self, name: str, role: Role, hashed: str = HASH) -> None:
        change(self.path, lambda known: added(known, Account(name, role, hashed)))

    def browser(self, origin: str = ORIGIN, address: str = "192.0.2.1") -> Browser:
        return Browser(self, origin, address)

    async def signed_in(self, role: Role = "owner", **more: Any) -> Browser:
        browser = self.browser(**more)
        answer = await browser.sign_in(NAMES[role])
        assert (answer.status_code, answer.headers["location"]) == (303, "/console"), answer.text
        return browser

    def newest(self) -> Sequence[Record]:
        if not self.shop.live:
            raise BrokerAway("away")
        logs = [log for (topic, _), log in self.shop.broker.logs.items() if topic == "audit"]
        return sorted((record for log in logs for record in log), key=written_at, reverse=True)

    def audited(self) -> list[tuple[str, str, str]]:
        """Actor, action and outcome of all records."""
        return [(one["actor"], one["action"], one["outcome"]) for one in self.records()]

    def records(self) -> list[dict[str, Any]]:
        return sorted(self.shop.broker.values("audit"), key=lambda one: one["at"])


class Browser:
    """Keeps cookies, and sends forms as they stand on the page last seen."""

    def __init__(self, desk: Desk, origin: str, address: str) -> None:
        self.origin = origin
        transport = httpx.ASGITransport(desk.app, client=(address, 1234))
        self.client = httpx.AsyncClient(transport=transport, base_url=origin)

    async def get(self, path: str) -> httpx.Response:
        return await self.client.get(path)

    async def post(self, path: str, **fields: str) -> httpx.Response:
        return await self.client.post(path, data=fields, headers={"origin": self.origin})

    async def csrf(self, path: str = "/console") -> str:
        return csrf_of((await self.get(path)).text)

    async def submit(self, path: str, **fields: str) -> httpx.Response:
        """Send a form with the token of the start page."""
        return await self.post(path, csrf=await self.csrf(), **fields)

    async def sign_in(self, name: str, password: str = PASSWORD) -> httpx.Response:
        return await self.post("/console/login", csrf=await self.csrf("/console/login"), name=name, password=password)

    async def inside(self) -> bool:
        """Whether the start page opens."""
        answer = await self.get("/console")
        assert answer.status_code == 200 or answer.headers["location"] == "/console/login"
        return answer.status_code == 200


def written_at(record: Record) -> int:
    entry = decoded(record.value)
    return entry.at if entry else 0


def csrf_of(page: str) -> str:
    found = re.search(r'name="csrf" value="([0-9a-f]+)"', page)
    assert found, page
    return found[1]

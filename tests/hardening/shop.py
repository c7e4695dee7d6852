"""A worker and an API as processes, with access logs on and everything logged that they would ever log."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from stream.topics import TOPICS
from tests.backends import RedisServer, free_port, wait_until

PUBLISHABLE, SECRET = "pk_" + "p" * 40, "sk_" + "s" * 40
GRANTED = {"analytics": True, "personalization": True}
MARK = "qzxmark"
WORKER = [sys.executable, "-m", "stream.app"]
API = [sys.executable, "-m", "uvicorn", "serving.app:app", "--access-log", "--log-level", "debug", "--port"]


class Reply(NamedTuple):
    """An answer as bytes, with its headers."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Shop:
    """The running processes, and how to speak to the API."""

    port: int
    pid: int
    redis: RedisServer
    broker_url: str
    folder: Path

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        key: str | None = SECRET,
        headers: dict[str, str] | None = None,
    ) -> Reply:
        sent = {"Content-Type": "application/json", **({"Authorization": f"Bearer {key}"} if key else {})}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            content = body if isinstance(body, bytes | None) else json.dumps(body).encode()
            connection.request(method, path, content, sent | (headers or {}))
            answer = connection.getresponse()
            return Reply(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def event(self, name: str, visitor_id: str, item_id: str, **more: Any) -> dict[str, Any]:
        return {
            "event_id": f"{name}-{time.monotonic_ns()}",
            "event": name,
            "occurred_at": int(time.time() * 1000),
            "visitor_id": visitor_id,
            "consent": GRANTED,
            "items": [{"item_id": item_id}],
            **more,
        }

    def known(self, token: str) -> bool:
        """Whether the worker has applied an event."""
        ask = {"visitor_id": f"{MARK} someone", "min_fresh": token}
        return bool(self.call("POST", "/v1/recommendations/home_for_you", ask).json()["fresh_to"]["met"])

    def logs(self) -> str:
        """All that both processes have logged."""
        return "\n".join(path.read_text(errors="replace") for path in sorted(self.folder.glob("*.log")))

    def metrics(self) -> str:
        return self.call("GET", "/metrics").body.decode()


@contextmanager
def running(broker_url: str, redis: RedisServer, folder: Path) -> Iterator[Shop]:
    """The processes, ready; ended with SIGTERM."""
    env = {
        **os.environ,
        "LIVESHELF_BROKER_URL": broker_url,
        "LIVESHELF_REDIS_URL": redis.url,
        "LIVESHELF_EMBEDDED_BROKER": "1",
        "LIVESHELF_RUN_ID": "hardening",
        "LIVESHELF_KEY_PREFIX": "hardening",
        "LIVESHELF_DATA_DIR": str(folder),
        "LIVESHELF_PSEUDONYM_KEY": "pseudonyms" * 4,
        "LIVESHELF_SIGNING_KEY": "signatures" * 4,
        "LIVESHELF_PUBLISHABLE_KEY": PUBLISHABLE,
        "LIVESHELF_SECRET_KEY": SECRET,
        "LIVESHELF_CONSENT_DEFAULT": "granted",
        "LIVESHELF_LOG_LEVEL": "DEBUG",
    }
    port = free_port()
    with ExitStack() as stack:
        _started(stack, WORKER, env, folder / "worker.log")
        api = _started(stack, [*API, str(port)], env, folder / "api.log")
        shop = Shop(port, api.pid, redis, broker_url, folder)
        wait_until(lambda: _ready(shop), "the API answers", 60)
        shop.call("PUT", "/v1/catalog/items", {"items": [{"item_id": f"i{n}", "title": f"Pan {n}"} for n in range(20)]})
        token = shop.call("POST", "/v1/events", shop.event("view_item", f"{MARK} someone", "i1")).json()["verdicts"][0]
        wait_until(lambda: shop.known(token["fresh_token"]), "the worker applies an event", 60)
        yield shop


def _started(stack: ExitStack, command: list[str], env: dict[str, str], log: Path) -> subprocess.Popen[bytes]:
    output = stack.enter_context(log.open("wb"))
    process = subprocess.Popen(command, env=env, stdout=output, stderr=output)

    def end() -> None:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)

    stack.callback(end)
    return process


def _ready(shop: Shop) -> bool:
    try:
        return shop.call("GET", "/readyz", key=None).status == 200
    except (OSError, http.client.HTTPException):
        return False


TOPIC_PARTITIONS = {topic.name: 2 for topic in TOPICS.values()}

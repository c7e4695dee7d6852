"""`liveshelf up` as a process, spoken to by HTTP alone."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.backends import free_port

GRANTED = {"analytics": True, "personalization": True}


@dataclass
class Running:
    """A running system and how to speak to it."""

    info: dict[str, str]
    process: subprocess.Popen[str]
    home: Path

    def call(
        self, method: str, path: str, body: Any = None, *, key: str | None = "publishable_key", raw: bytes | None = None
    ) -> tuple[int, Any]:
        """(status, parsed JSON or text)"""
        headers = {"Content-Type": "application/json"}
        if key:
            headers["Authorization"] = f"Bearer {self.info[key]}"
        host, port = self.info["api"].removeprefix("http://").split(":")
        connection = http.client.HTTPConnection(host, int(port), timeout=20)
        try:
            connection.request(method, path, raw if raw is not None else body and json.dumps(body), headers)
            answer = connection.getresponse()
            text = answer.read().decode()
        finally:
            connection.close()
        try:
            return answer.status, json.loads(text)
        except ValueError:
            return answer.status, text

    def view(self, visitor: str, item: str, **more: Any) -> str:
        """One `view_item`, and its fresh token."""
        status, answer = self.call("POST", "/v1/events", event("view_item", visitor, item, **more))
        assert status == 202, answer
        token: str = answer["verdicts"][0]["fresh_token"]
        return token

    def shelf(self, placement: str, visitor: str, **more: Any) -> dict[str, Any]:
        status, answer = self.call("POST", f"/v1/recommendations/{placement}", {"visitor_id": visitor, **more})
        assert status == 200, answer
        found: dict[str, Any] = answer
        return found

    def environment(self) -> dict[str, str]:
        """What a command line beside it needs."""
        keys = json.loads((self.home / "keys.json").read_text())
        return {
            "LIVESHELF_BROKER_URL": self.info["broker"],
            "LIVESHELF_REDIS_URL": self.info["redis"],
            "LIVESHELF_DATA_DIR": str(self.home),
            **{f"LIVESHELF_{name.upper()}": value for name, value in keys.items()},
        }


def event(name: str, visitor: str, *items: str, n: list[int] = [0], **more: Any) -> dict[str, Any]:  # noqa: B006  # one counter
    n[0] += 1
    return {
        "event_id": f"e2e-{os.getpid()}-{n[0]}",
        "event": name,
        "occurred_at": int(time.time() * 1000),
        "visitor_id": visitor,
        "consent": GRANTED,
        "items": [{"item_id": item} for item in items],
        **more,
    }


@contextmanager
def up(home: Path, *flags: str, env: Mapping[str, str] | None = None, within_s: float = 90) -> Iterator[Running]:
    """The system, ready; ended with SIGTERM."""
    with (home / "stderr.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "serving.cli", "up", "--json", "--port", str(free_port()), *flags],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env={**os.environ, "LIVESHELF_DATA_DIR": str(home), **(env or {})},
        )
    try:
        yield Running(_ready(process, home, within_s), process, home)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.wait(30)
        assert process.stdout is not None
        process.stdout.close()


def _ready(process: subprocess.Popen[str], home: Path, within_s: float) -> dict[str, str]:
    assert process.stdout is not None
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        line = process.stdout.readline()
        if line.startswith("{"):
            found: dict[str, str] = json.loads(line)
            return found
        if not line and process.poll() is not None:
            break
    logs = "\n".join(path.read_text(errors="replace")[-2_000:] for path in home.glob("*.log"))
    raise AssertionError(f"`up` did not get ready: {logs}")

"""`explain`: straight from broker and Redis, or by the API; a sentence, a table, or JSON."""

from __future__ import annotations

import asyncio
import io
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

import schemas
from serving.commands.decision_tables import told as told_as_tables
from stream.keyring import development_keys, kept_keys
from stream.producer import Producer
from stream.tokens import DecisionToken, decision_id, pseudonym
from stream.topics import TOPICS, partition_of
from tests.backends import MockBroker, RedisServer
from tests.commands.conftest import Run

NAME, PARTITIONS = TOPICS["decisions"].name, 2


def signed(folder: Path, visitor_id: str = "v-1") -> str:
    """A decision of a moment ago for a visitor, signed with the keys of the folder."""
    development_keys(folder)
    keys = {name: key.encode() for name, key in kept_keys(folder).items()}
    pid = pseudonym(keys["pseudonym_key"], visitor_id)
    now = int(time.time() * 1000)
    return decision_id(keys["signing_key"], DecisionToken("home_for_you", "", now, pid, 3, 86_400, 3_600, b"nonce"))


def record(decision: str) -> bytes:
    known: Any = schemas.examples("decision_record", valid=True)["shelf"]
    return json.dumps({**known, "decision_id": decision}).replace('": "', '":"').encode()


async def told(broker: MockBroker, value: bytes) -> None:
    producer = Producer(broker.url)
    try:
        await producer.send(NAME, partition_of(b"v-1", PARTITIONS), b"v-1", value)
    finally:
        await asyncio.to_thread(producer.close)


@pytest.fixture
def env(empty_redis: RedisServer) -> Iterator[tuple[MockBroker, dict[str, str]]]:
    """An embedded broker and a Redis, and the settings that name them."""
    with MockBroker({topic.name: PARTITIONS for topic in TOPICS.values()}) as broker:
        named = {"BROKER_URL": broker.url, "REDIS_URL": empty_redis.url, "EMBEDDED_BROKER": "1", "RUN_ID": "r"}
        yield broker, {f"LIVESHELF_{name}": value for name, value in named.items()}


def test_from_the_log_with_the_keys_that_up_keeps(
    run: Run, tmp_path: Path, env: tuple[MockBroker, dict[str, str]]
) -> None:
    broker, settings = env
    decision = signed(tmp_path)
    asyncio.run(told(broker, record(decision)))
    code, text = run("explain", decision, **settings)
    assert code == 0, text
    assert "You saw these items because" in text
    assert "home_for_you, version 3" in text
    assert "viewed_next" in text
    assert "because you looked at sku-1" in " ".join(text.replace("│", " ").split()).lower()
    assert "ask it with --api" in " ".join(text.split())
    found = json.loads(run("explain", decision, "--json", **settings)[1])
    assert (found["found"], found["record"]["decision_id"]) == ("record", decision)


def test_a_record_that_is_not_there_is_said(run: Run, tmp_path: Path, env: tuple[MockBroker, dict[str, str]]) -> None:
    code, text = run("explain", signed(tmp_path), **env[1])
    assert code == 0
    assert "dropped from the full buffer" in text


def test_an_id_that_was_not_made_here(run: Run, tmp_path: Path, env: tuple[MockBroker, dict[str, str]]) -> None:
    signed(tmp_path)
    code, text = run("explain", signed(tmp_path / "another shop"), **env[1])
    assert code == 1
    assert "signature is not ours" in text


@pytest.fixture
def api() -> Iterator[tuple[str, list[str], list[tuple[int, Any]]]]:
    """An API that answers as told; its address, the keys that it was shown, and its answers."""
    keys: list[str] = []
    answers: list[tuple[int, Any]] = []

    class Api(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            keys.append(self.headers["Authorization"])
            status, body = answers.pop(0)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, *_: Any) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Api) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", keys, answers
        server.shutdown()


def test_by_the_api_with_the_secret_key(
    run: Run, tmp_path: Path, api: tuple[str, list[str], list[tuple[int, Any]]]
) -> None:
    url, keys, answers = api
    answers.append((200, schemas.examples("explanation", valid=True)["with_its_record"]))
    answers.append((404, {"detail": "There is no such decision."}))
    code, text = run("explain", signed(tmp_path), "--api", url)
    assert code == 0, text
    assert "because you looked at" in text
    assert keys == [f"Bearer {kept_keys(tmp_path)['secret_key']}"]
    code, text = run("explain", "unknown", "--api", url + "/")
    assert (code, "no such decision" in text) == (1, True)


def test_the_table_tells_what_would_be_otherwise() -> None:
    found = schemas.examples("explanation", valid=True)["with_its_record"]
    screen = Console(width=250, file=io.StringIO())
    for one in told_as_tables(found):
        screen.print(one, highlight=False)
    text = screen.file.getvalue()  # type: ignore[attr-defined]  # it is the StringIO above
    row = next(line for line in text.splitlines() if "sku-2" in line and "session_table" in line)
    assert [cell.strip() for cell in row.split("│")[1:4]] == ["0", "sku-2", "0.5"]
    assert "Because you looked at Cast-iron pan" in row
    assert "sku-1: 0 → gone" in row
    assert "table -0.7" in row
    assert "1 of 1 items are the same" in text
    assert "Without Cast-iron pan: there is not enough to go by" in text
    assert "in_cart" in text


def test_an_api_that_is_none(run: Run, tmp_path: Path) -> None:
    code, text = run("explain", signed(tmp_path), "--api", "http://127.0.0.1:1")
    assert (code, "is that its address?" in text) == (1, True)


def test_without_keys_it_says_where_they_come_from(run: Run) -> None:
    code, text = run("explain", "x", "--api", "http://127.0.0.1:1")
    assert (code, "LIVESHELF_SECRET_KEY is not set" in text) == (1, True)

"""Bodies made to harm, to every route that reads one: refused in words, and the process stays as large as it was."""

from __future__ import annotations

import json
import socket
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from serving.http import openapi
from tests.backends import wait_until
from tests.hardening.shop import SECRET, Reply, Shop

MB = 1 << 20
GROWTH_BYTES = 20_000_000
DEEP = b"[" * 5_000 + b"]" * 5_000
GZIP_HEAD, ZLIB_HEAD, RAW = b"\x1f\x8b\x08" + bytes(6) + b"\xff", b"\x78\x9c", -15
ROUTES = [
    (method.upper(), path)
    for path, of_path in openapi.document()["paths"].items()
    for method, operation in of_path.items()
    if "requestBody" in operation
]


@cache
def zeros() -> bytes:
    """1 GB of zeros as bare deflate: after a full flush a block may stand again and again."""
    pack = zlib.compressobj(9, zlib.DEFLATED, RAW)
    return (pack.compress(b"\0" * MB) + pack.flush(zlib.Z_FULL_FLUSH)) * 1_000 + pack.flush()


def truncated() -> bytes:
    return zlib.compress(b'{"events": []}')[:-3]


BODIES: dict[str, tuple[Callable[[], bytes], str]] = {
    "10 MB in one text": (lambda: b'{"events": "' + b"x" * 10_000_000 + b'"}', ""),
    "10 MB of small objects": (lambda: b'{"events": [' + b"{}," * 3_333_333 + b"{}]}", ""),
    "a gzip bomb": (lambda: GZIP_HEAD + zeros(), "gzip"),
    "a zlib bomb": (lambda: ZLIB_HEAD + zeros(), "deflate"),
    "a bare deflate bomb": (zeros, "deflate"),
    "gzip that is none": (lambda: b"\x1f\x8b" + b"x" * 1_000, "gzip"),
    "half a deflate": (truncated, "deflate"),
    "an unknown encoding": (lambda: b"{}", "br"),
    "5,000 deep": (lambda: DEEP, ""),
    "5,000 deep in a list": (lambda: b'{"events": [' + DEEP + b'], "items": [' + DEEP + b"]}", ""),
    "5,000 deep in an unknown field": (lambda: b'{"unknown": ' + DEEP + b"}", ""),
    "5,000 objects deep": (lambda: b'{"a":' * 5_000 + b"1" + b"}" * 5_000, ""),
    "invalid UTF-8": (lambda: b'{"visitor_id": "\xff\xfe"}', ""),
    "UTF-16": (lambda: '{"visitor_id": "v"}'.encode("utf-16"), ""),
    "NUL": (lambda: b"\0" * 100, ""),
    "a number of 100,000 digits": (lambda: b'{"n": ' + b"9" * 100_000 + b"}", ""),
    "a number beyond a double": (lambda: b'{"n": 1e999}', ""),
    "NaN": (lambda: b'{"n": NaN}', ""),
    "501 events, 1,001 items": (
        lambda: json.dumps({"events": [{}] * 501, "items": [{}] * 1_001, "n": 501}).encode(),
        "",
    ),
    "a list": (lambda: b"[1, 2]", ""),
    "a text": (lambda: b'"events"', ""),
    "half an object": (lambda: b'{"events": [{"event_id":', ""),
}


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_hostile_bodies_are_refused_and_cost_no_memory(shop: Shop, method: str, path: str) -> None:
    filled = _filled(path)
    for make, encoding in BODIES.values():  # once before, so that what is made at first use is there
        if len(make()) < 100_000:
            sent(shop, method, filled, make(), encoding)
    before, growth = resident(shop.pid), 0
    for name, (make, encoding) in BODIES.items():
        for chunked in (False, True):
            refused(name, sent(shop, method, filled, make(), encoding, chunked=chunked))
        growth = max(growth, peak(shop.pid) - before)
    assert growth <= GROWTH_BYTES
    assert shop.call("GET", "/healthz", key=None).status == 200


def refused(name: str, reply: Reply) -> None:
    """A 4xx with a problem; a list of events may also be answered with a refusal for each."""
    if reply.status == 202:
        assert {verdict["status"] for verdict in reply.json()["verdicts"]} == {"rejected"}, name
        return
    assert 400 <= reply.status < 500, (name, reply)
    assert reply.headers["content-type"] == "application/problem+json", (name, reply)
    assert reply.json()["status"] == reply.status, (name, reply)


def test_the_last_of_two_equal_names_counts(shop: Shop) -> None:
    shop.call("PUT", "/v1/catalog/items", {"items": [{"item_id": "twice", "title": "Named twice"}]})
    event = json.dumps(shop.event("view_item", "first", "twice"))[:-1] + ', "visitor_id": "second"}'
    verdict = shop.call("POST", "/v1/events", event.encode()).json()["verdicts"][0]
    assert verdict["status"] == "accepted"
    wait_until(lambda: viewed(shop, "second") == ["twice"], "the second name's visitor has viewed it", 20)
    assert viewed(shop, "first") == []


def viewed(shop: Shop, visitor_id: str) -> list[str]:
    shelf = shop.call("POST", "/v1/recommendations/recently_viewed", {"visitor_id": visitor_id}).json()
    return [item["item_id"] for item in shelf["items"]]


@pytest.mark.chaos
def test_bodies_that_never_end_are_given_up(shop: Shop) -> None:
    with ThreadPoolExecutor(len(ROUTES) * 20) as pool:
        waiting = [pool.submit(slow, shop, method, _filled(path)) for method, path in ROUTES for _ in range(20)]
        assert shop.call("POST", "/v1/recommendations/trending", {}).status == 200, "others are answered meanwhile"
        assert {one.result(60).status for one in waiting} == {408}


def slow(shop: Shop, method: str, path: str) -> Reply:
    """A byte a second, of a body that says it has a hundred."""
    with socket.create_connection(("127.0.0.1", shop.port), timeout=5) as connection:
        connection.sendall(head(method, path, [b"Content-Length: 100"]))
        connection.settimeout(1)
        for _ in range(30):
            connection.sendall(b"{")
            try:
                return parsed(iter([connection.recv(65_536)]))
            except TimeoutError:
                continue
    raise AssertionError("never answered")


def head(method: str, path: str, more: list[bytes]) -> bytes:
    lines = [f"{method} {path} HTTP/1.1".encode(), b"Host: shop", f"Authorization: Bearer {SECRET}".encode()]
    return b"\r\n".join([*lines, b"Content-Type: application/json", b"Connection: close", *more, b"", b""])


def sent(shop: Shop, method: str, path: str, body: bytes, encoding: str, *, chunked: bool = False) -> Reply:
    """The answer; sending stops when the server has heard enough."""
    encoded = [f"Content-Encoding: {encoding}".encode()] if encoding else []
    length = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: %d" % len(body)
    with socket.create_connection(("127.0.0.1", shop.port), timeout=30) as connection:
        try:
            connection.sendall(head(method, path, [length, *encoded]))
            for part in parts(body, chunked=chunked):
                connection.sendall(part)
        except (BrokenPipeError, ConnectionResetError):
            pass
        return parsed(received(connection))


def parts(body: bytes, *, chunked: bool) -> Iterator[bytes]:
    for start in range(0, len(body), 65_536):
        part = body[start : start + 65_536]
        yield b"%x\r\n%b\r\n" % (len(part), part) if chunked else part
    if chunked:
        yield b"0\r\n\r\n"


def received(connection: socket.socket) -> Iterator[bytes]:
    """What came, also if the server then closed upon what it had not read."""
    while True:
        try:
            part = connection.recv(65_536)
        except ConnectionResetError:
            return
        if not part:
            return
        yield part


def parsed(found: Iterator[bytes]) -> Reply:
    first, _, body = b"".join(found).partition(b"\r\n\r\n")
    status, *lines = first.decode("latin-1").split("\r\n")
    named = (line.partition(": ") for line in lines)
    return Reply(int(status.split()[1]), {name.lower(): value for name, _, value in named}, body)


def _filled(path: str) -> str:
    return path.replace("{placement}", "home_for_you").replace("{", "").replace("}", "")


def resident(pid: int) -> int:
    """Resident bytes; what was the peak before is forgotten."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")
    return _status(pid, "VmRSS")


def peak(pid: int) -> int:
    return _status(pid, "VmHWM")


def _status(pid: int, name: str) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    found: Any = next(line for line in lines if line.startswith(name))
    return int(found.split()[1]) * 1024

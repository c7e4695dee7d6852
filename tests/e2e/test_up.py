"""`liveshelf up` with everything embedded: from the first click to the shelf, and a clean end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.system import Running, event, up

CATEGORIES = ("Kitchen > Pans", "Light > Lamps", "Shoes > Trainers", "Books > Novels")
WORDS = ("Cast-iron pan", "Reading lamp", "Running shoe", "Travel novel")
pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with up(tmp_path_factory.mktemp("up")) as running:
        items = [
            {
                "item_id": f"i{n}",
                "title": f"{WORDS[n % 4]} {n}",
                "category": CATEGORIES[n % 4],
                "price": f"{5 + n}.00",
                "currency": "EUR",
                "availability": "in_stock",
            }
            for n in range(40)
        ]
        status, answer = running.call("PUT", "/v1/catalog/items", {"items": items}, key="secret_key")
        assert status == 200, answer
        yield running


def test_one_view_in_a_shop_without_history_changes_the_shelf_and_says_why(shop: Running) -> None:
    before = shop.shelf("home_for_you", "first", n=5)
    shelf = shop.shelf("home_for_you", "first", n=5, min_fresh=shop.view("first", "i1"))
    assert before["status"] in {"fallback", "insufficient_data", "no_consent"}
    assert (shelf["status"], shelf["fresh_to"]["met"]) == ("ok", True)
    assert [item["item_id"] for item in shelf["items"]] != [item["item_id"] for item in before["items"]]
    reasons = [why for item in shelf["items"] for why in item["because"]]
    assert {(why["event"], why["item_id"]) for why in reasons} == {("view_item", "i1")}
    lamps = [item for item in shelf["items"] if "lamp" in item["title"]]
    assert len(lamps) >= 3, "what is like the lamp comes first in a shop that knows nothing else"


def test_what_follows_is_learnt(shop: Running) -> None:
    for n in range(10):
        for item in ("i0", "i7", "i9"):
            shop.view(f"walker-{n}", item)
    end = time.monotonic() + 10
    while True:
        token = shop.view(f"new-{time.monotonic_ns()}", "i0")
        shelf = shop.shelf("pdp_also_bought", "new-1", item_ids=["i0"], n=3, min_fresh=token)
        if {"i7", "i9"} <= {item["item_id"] for item in shelf["items"]}:
            break
        assert time.monotonic() < end, shelf
    assert "i0" not in {item["item_id"] for item in shelf["items"]}


def test_without_consent_nothing_is_personal(shop: Running) -> None:
    status, answer = shop.call(
        "POST", "/v1/events", event("view_item", "shy", "i2", consent={"analytics": False, "personalization": False})
    )
    assert (status, answer["verdicts"][0]["status"]) == (202, "not_stored")
    shelf = shop.shelf("home_for_you", "shy", n=5)
    never_seen = shop.shelf("home_for_you", "nobody ever", n=5)
    assert shelf["status"] == never_seen["status"] != "ok"
    assert all(not item["because"] for item in shelf["items"])


def test_what_is_sold_out_in_the_cart_or_bought_is_gone(shop: Running) -> None:
    shop.call("POST", "/v1/events", event("add_to_cart", "buyer", "i5"))
    bought = event("purchase", "buyer", "i13", transaction_id="t", value="18.00", currency="EUR")
    token = shop.call("POST", "/v1/events", bought)[1]["verdicts"][0]["fresh_token"]
    sold_out = {"item_id": "i17", "title": "Reading lamp 17", "availability": "out_of_stock"}
    shop.call("PUT", "/v1/catalog/items", {"items": [sold_out]}, key="secret_key")
    shop.view("buyer", "i1")
    shelf = shop.shelf("home_for_you", "buyer", n=40, exclude=["i21"], min_fresh=token)
    assert not {"i5", "i13", "i17", "i21"} & {item["item_id"] for item in shelf["items"]}


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b'{"event": NaN', 400),
        (b"\xff\xfe", 400),
        (b'{"events": [' + b"[" * 3_000 + b"]" * 3_000 + b"]}", 400),
        (b'{"events": "' + b"x" * 1_100_000 + b'"}', 413),
    ],
)
def test_broken_bodies_are_refused_in_words(shop: Running, raw: bytes, status: int) -> None:
    code, answer = shop.call("POST", "/v1/events", raw=raw)
    assert code == status, answer
    assert answer["detail"]
    assert answer["status"] == status


def test_bad_events_do_not_harm_good_ones(shop: Running) -> None:
    good = event("view_item", "mixed", "i3")
    bad = [
        {**event("view_item", "mixed", "i3"), "event": "no_such_event"},
        {**event("view_item", "mixed", "i3"), "items": [{"item_id": "i3", "price": -1}]},
        {**event("view_item", "mixed", "i3"), "note": "a\u0000b"},
        event("erase", "mixed"),
    ]
    status, answer = shop.call("POST", "/v1/events", {"events": [bad[0], bad[1], good, bad[2], bad[3]]})
    assert status == 202
    found = [(one["status"], one.get("reason")) for one in answer["verdicts"]]
    assert [status for status, _ in found] == ["rejected", "rejected", "accepted", "rejected", "rejected"]
    assert [reason for _, reason in found][:2] == ["unknown_event", "range"]


def test_two_devices_of_one_customer_see_one_taste(shop: Running) -> None:
    _log_in(shop, "customer-7", "phone", "laptop")
    stranger = event("view_item", "stranger", "i5", customer_id="customer-7")
    assert shop.call("POST", "/v1/events", stranger)[0] == 202
    time.sleep(0.3)
    assert [item["item_id"] for item in shop.shelf("recently_viewed", "stranger")["items"]] == ["i5"]


def test_the_secret_key_is_needed_where_it_says(shop: Running) -> None:
    for path, method in (("/v1/catalog/items", "PUT"), ("/v1/ops/lag", "GET")):
        assert shop.call(method, path, {"items": []})[0] == 403
        assert shop.call(method, path, {"items": []}, key=None)[0] == 401


def test_operators_see_it(shop: Running) -> None:
    assert shop.call("GET", "/healthz", key=None)[0] == 200
    assert shop.call("GET", "/readyz", key=None)[0] == 200
    status, lag = shop.call("GET", "/v1/ops/lag", key="secret_key")
    assert status == 200
    agents = {"visitor", "item", "profile", "decision", "learner", "query", "ledger"}
    assert {row["agent"] for row in lag["partitions"]} == agents
    assert "liveshelf_" in shop.call("GET", "/metrics", key="secret_key")[1]


def test_a_decision_can_be_explained(shop: Running) -> None:
    shelf = shop.shelf("home_for_you", "asks", n=3, min_fresh=shop.view("asks", "i1"))
    end = time.monotonic() + 10
    while True:
        status, found = shop.call("GET", f"/v1/decisions/{shelf['decision_id']}", key="secret_key")
        assert status == 200, found
        if found["found"] == "record":
            break
        assert time.monotonic() < end, found
    assert [one["item_id"] for one in found["record"]["items"]] == [one["item_id"] for one in shelf["items"]]
    assert found["says"].startswith("You saw these items because you looked at i1")
    assert shop.call("GET", f"/v1/decisions/{shelf['decision_id']}")[0] == 403
    told = _told(shop, "explain", shelf["decision_id"], "--api", shop.info["api"])
    assert told.returncode == 0, told.stderr
    assert "because you looked at i1" in " ".join(told.stdout.split())


def test_a_doctor_finds_it_well(shop: Running) -> None:
    shop.shelf("home_for_you", "asks", min_fresh=shop.view("asks", "i1"))
    done = _told(shop, "doctor", "--json", "--api", shop.info["api"])
    checks = json.loads(done.stdout)["checks"]
    assert [one for one in checks if one["verdict"] == "bad"] == []
    assert done.returncode == 0
    assert {one["check"] for one in checks} >= {"flow.workers", "broker.partitioner", "redis.eviction"}


def test_a_killed_worker_comes_back(shop: Running) -> None:
    worker = _children(shop.process.pid, "stream.app")[0]
    subprocess.run(["kill", "-9", str(worker)], check=True)
    token = shop.view("after", "i1")
    end = time.monotonic() + 40
    while not shop.shelf("home_for_you", "after", min_fresh=token)["fresh_to"]["met"]:
        assert time.monotonic() < end, "the worker did not come back"


def test_it_ends_cleanly_and_leaves_nothing(tmp_path: Path) -> None:
    with up(tmp_path) as running:
        children = _children(running.process.pid)
        assert len(children) >= 3  # Redis, worker, API
        running.process.send_signal(signal.SIGINT)
        assert running.process.wait(30) == 0
    assert [pid for pid in children if Path(f"/proc/{pid}").exists() and not _zombie(pid)] == []
    assert list(tmp_path.glob("redis-run-*")) == []


def test_killed_it_leaves_no_orphan(tmp_path: Path) -> None:
    with up(tmp_path) as running:
        children = _children(running.process.pid)
        running.process.kill()
        running.process.wait(10)
        end = time.monotonic() + 15
        while any(Path(f"/proc/{pid}").exists() and not _zombie(pid) for pid in children):
            assert time.monotonic() < end, "a child outlived its parent"
            time.sleep(0.1)


def test_a_second_command_line_sees_the_lag_and_rebuilds(shop: Running) -> None:
    _log_in(shop, "customer-8", "tablet", "desktop")
    done = _told(shop, "rebuild", "--json")
    assert done.returncode == 0, done.stderr
    assert '"different": []' in done.stdout
    assert '"visitor.visitor"' in done.stdout
    assert '"profile.customer"' in done.stdout


def _log_in(shop: Running, customer_id: str, first: str, second: str) -> None:
    """One customer on two devices, of which the second comes to know what was viewed on the first."""
    shop.shelf("home_for_you", first, min_fresh=shop.view(first, "i4"))
    began = time.monotonic()
    for device in (first, second):
        login = event("identify", device, customer_id=customer_id)
        assert shop.call("POST", "/v1/events", login, key="secret_key")[0] == 202
    while [item["item_id"] for item in shop.shelf("recently_viewed", second)["items"]] != ["i4"]:
        assert time.monotonic() < began + 3, f"{second} does not know what {first} has seen"
        time.sleep(0.02)


def _told(shop: Running, *words: str) -> subprocess.CompletedProcess[str]:
    """What another command line beside the system says."""
    env = {**os.environ, **shop.environment(), "LIVESHELF_EMBEDDED_BROKER": "1", "LIVESHELF_RUN_ID": _run_id(shop)}
    return subprocess.run(
        [sys.executable, "-m", "serving.cli", *words], env=env, capture_output=True, text=True, check=False
    )


def _run_id(shop: Running) -> str:
    worker = _children(shop.process.pid, "stream.app")[0]
    env = Path(f"/proc/{worker}/environ").read_bytes().split(b"\0")
    return next(pair.split(b"=", 1)[1].decode() for pair in env if pair.startswith(b"LIVESHELF_RUN_ID="))


def _children(pid: int, holding: str = "") -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rsplit(")", 1)[1].split()[1])
            command = (stat.parent / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except (OSError, IndexError):
            continue
        if parent == pid and holding in command:
            found.append(int(stat.parent.name))
    return found


def _zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True

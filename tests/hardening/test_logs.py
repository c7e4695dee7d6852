"""Whatever a visit carries, no log line and no metric repeats it: no id, mail address, item's name or search term."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import partial
from typing import Any

from confluent_kafka import Producer

from stream.topics import TOPICS
from tests.backends import wait_until
from tests.hardening.shop import MARK, PUBLISHABLE, Shop

MAIL = f"zoe.{MARK}@example.invalid"
ID = f"{MARK}-id"
ODD: list[Any] = [MAIL, {MAIL: MAIL}, [MAIL], [{"item_id": MAIL, "price": MAIL}], MAIL * 300, f"{MAIL}\0"]
ENVELOPE = (
    *("event", "event_id", "occurred_at", "sent_at", "visitor_id", "session_id", "customer_id", "consent", "page"),
    *(
        "context",
        "items",
        "value",
        "currency",
        "transaction_id",
        "search_term",
        "promotion",
        "decision_id",
        "user_data",
    ),
)
ITEM = ("title", "price", "currency", "availability", "published_at", "url", "attributes", "tags", "quantity", "email")
NAMES = ("view_item", "search", "identify", "purchase", "dismiss", "consent_update", "view_promotion", "no_such_event")


def test_a_visit_leaves_no_trace_in_logs_and_metrics(shop: Shop) -> None:
    visit(shop)
    odd_fields(shop)
    odd_requests(shop)
    odd_records(shop)
    wait_until(lambda: "catalogue_record_refused" in shop.logs(), "the API met the broken catalogue record", 20)
    applied(shop)
    logs, metrics = shop.logs(), shop.metrics()
    assert '"POST /v1/events HTTP/1.1" 202' in logs, "access logs are on"
    assert 'liveshelf_events_total{reason="schema",status="rejected"}' in metrics
    assert [line for line in logs.splitlines() if MARK in line.lower()] == []
    assert [line for line in metrics.splitlines() if MARK in line.lower()] == []


def visit(shop: Shop) -> None:
    """A shopper whose every field is personal."""
    shop.call("PUT", "/v1/catalog/items", {"items": [{"item_id": ID, "title": f"Lamp of {MAIL}", "brand": MAIL}]})
    more = {
        "session_id": f"{ID}-s",
        "customer_id": MAIL,
        "search_term": f"what {MAIL} wants",
        "user_data": MAIL,
        "page": {"url": f"https://shop.example/?mail={MAIL}", "referrer": f"https://x.example/{ID}"},
        "transaction_id": f"{ID}-order",
        "value": "5.00",
        "currency": "EUR",
        "promotion": {"promotion_id": ID},
    }
    for name in NAMES:
        assert shop.call("POST", "/v1/events", shop.event(name, MAIL, ID, **more)).status == 202
    ask = {"visitor_id": MAIL, "session_id": f"{ID}-s", "item_ids": [ID], "explain": True}
    assert shop.call("POST", "/v1/recommendations/home_for_you", ask).status == 200
    assert shop.call("GET", f"/v1/recommendations/trending?visitor_id={MAIL}&item_id={ID}").status == 200


def odd_fields(shop: Shop) -> None:
    """Each field of events and items with what does not belong there."""
    for value in ODD:
        events = [shop.event("view_item", MAIL, ID) | {field: value} for field in ENVELOPE]
        assert shop.call("POST", "/v1/events", {"events": events}).status == 202
        items = [{"item_id": f"{ID}-{field}", "title": MAIL} | {field: value} for field in ITEM]
        assert shop.call("PUT", "/v1/catalog/items", {"items": items}).status in {200, 422}
        ask = {"visitor_id": MAIL, "min_fresh": value, "n": value}
        assert shop.call("POST", "/v1/recommendations/home_for_you", ask).status == 400


def odd_requests(shop: Shop) -> None:
    """Personal paths, queries, headers and keys, right and wrong."""
    for path in (f"/v1/catalog/items/{MAIL}", f"/v1/visitors/{MAIL}/{ID}", f"/{MAIL}", f"/demo/images/{MAIL}.svg"):
        for method in ("GET", "DELETE", "POST", "PUT"):
            shop.call(method, f"{path}?email={MAIL}", {"email": MAIL}, headers={"Referer": f"https://x.example/{MAIL}"})
    shop.call("GET", "/v1/recommendations/trending", key=MAIL)
    shop.call("POST", f"/v1/events?key={MAIL}", {"email": MAIL}, key=None)
    shop.call("POST", f"/v1/events?key={PUBLISHABLE}", MAIL.encode(), key=None, headers={"Content-Encoding": MAIL})
    shop.call(
        "POST", "/v1/events", {"email": MAIL}, headers={"User-Agent": MAIL, "X-Forwarded-For": MAIL, "Host": MAIL}
    )


def odd_records(shop: Shop) -> None:
    """Straight into Kafka, where no edge has looked at it: values that are nothing, keys that are another's."""
    producer = Producer({"bootstrap.servers": shop.broker_url, "partitioner": "murmur2_random"})
    good = json.dumps(shop.event("view_item", MAIL, ID)).encode()
    for noun in TOPICS:
        for key, value in ((MAIL, MAIL.encode()), (ID, good), (MAIL, json.dumps({"item_id": MAIL}).encode())):
            producer.produce(TOPICS[noun].name, value, key)
    assert producer.flush(20) == 0


def applied(shop: Shop) -> None:
    """Wait until the worker has passed all of it, in whichever partition."""
    for n in range(20):
        verdict = shop.call("POST", "/v1/events", shop.event("view_item", f"after-{n}", "i1")).json()["verdicts"][0]
        wait_until(partial(shop.known, verdict["fresh_token"]), "the worker passes what is broken", 20)


RAISES = """
import logging, structlog
from stream.logs import configure
configure()
def stumble(who):
    try:
        {}[who]
    except KeyError as error:
        raise ValueError(f"no such visitor: {who}") from error
for log in (structlog.get_logger().exception, logging.getLogger("uvicorn.error").exception, logging.exception):
    try:
        stumble("%s")
    except ValueError:
        log("broken")
"""


def test_an_exception_is_logged_with_its_places_and_without_its_words() -> None:
    done = subprocess.run([sys.executable, "-c", RAISES % MAIL], capture_output=True, text=True, check=True)
    assert done.stderr.count("KeyError") == done.stderr.count("ValueError") == 3
    assert done.stderr.count("in stumble") == 6
    assert MARK not in done.stderr

"""The page code in `stream/adapters/DESIGN.md`, run as it stands there; what it sends is read by the adapters."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from typing import Any

import pytest

from stream.adapter import Adapted, Ignored, Outcome
from stream.adapters import adapters
from stream.strict_json import Rejected
from tests.adapters.test_tables import DESIGN

NODE = shutil.which("node")
pytestmark = pytest.mark.skipif(NODE is None, reason="node is not installed")
GA4, SHOPIFY = re.findall(r"```js\n(.*?)```", DESIGN, re.DOTALL)
BROWSER = """
const sent = [], timers = [], listeners = {};
const navigator = { sendBeacon: (url, body) => (sent.push({ url, body: JSON.parse(body) }), true) };
const window = { dataLayer: [{ event: "gtm.js" }] };
const setInterval = (run) => timers.push(run), addEventListener = (name, run) => (listeners[name] = run);
const visitorId = "visitor-1";
function gtag() { window.dataLayer.push(arguments); }
"""
SHOP = """
window.dataLayer.push({ event: "view_item", ecommerce: { items: [{ item_id: "a" }] } });
const circle = {}; circle.circle = circle;
const length = window.dataLayer.push({ event: "gtm.click", "gtm.element": circle });
gtag("event", "add_to_cart", { items: [{ item_id: "a", quantity: 2 }] });
timers[0](); timers[0]();
gtag("consent", "update", { analytics_storage: "granted" });
listeners.pagehide();
console.log(JSON.stringify({ sent, length, layer: window.dataLayer.length }));
"""
PIXEL = """
const sent = [], heard = {};
const fetch = (url, options) => sent.push({ url, body: JSON.parse(options.body) });
const init = { customerPrivacy: { analyticsProcessingAllowed: true, preferencesProcessingAllowed: false } };
const analytics = { subscribe: (name, run) => (heard[name] = run) };
const api = { customerPrivacy: { subscribe: (name, run) => (heard[name] = run) } };
"""
VISIT = """
const variant = { id: "1", sku: "a", price: { amount: 1, currencyCode: "EUR" } };
const event = { id: "e", clientId: "visitor-1", name: "product_viewed", timestamp: "2026-09-21T12:00:00Z" };
heard.visitorConsentCollected({ customerPrivacy: init.customerPrivacy });
heard.all_standard_events({ ...event, data: { productVariant: variant } });
heard.visitorConsentCollected({ customerPrivacy: { ...init.customerPrivacy, preferencesProcessingAllowed: true } });
console.log(JSON.stringify({ sent }));
"""


def ran(*parts: str) -> dict[str, Any]:
    done = subprocess.run(
        [NODE or "node", "-e", "\n".join(parts)], capture_output=True, text=True, timeout=60, check=True
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def read(name: str, found: dict[str, Any]) -> list[Outcome]:
    """The outcomes of all that was sent."""
    outcomes: list[Outcome] = []
    for one in found["sent"]:
        of_body = adapters()[name].adapt(one["body"], "sku")
        assert not isinstance(of_body, Rejected)
        outcomes += of_body
    return outcomes


def test_what_a_page_pushes_is_sent_once_and_in_order() -> None:
    found = ran(BROWSER, GA4, SHOP)
    assert found["length"] == 3
    assert found["layer"] == 5
    bodies = [one["body"] for one in found["sent"]]
    assert [(body["sequence"], len(body["data"])) for body in bodies] == [(0, 3), (3, 1)]
    outcomes = read("ga4", found)
    assert [one.event["event"] if isinstance(one, Adapted) else one.why for one in outcomes[1:]] == [
        "view_item", "add_to_cart", "consent_update",
    ]  # fmt: skip
    assert isinstance(outcomes[0], Ignored)


def test_a_pixel_sends_events_with_consent_and_each_change_of_it() -> None:
    events = [one.event for one in read("shopify", ran(PIXEL, SHOPIFY, VISIT)) if isinstance(one, Adapted)]
    assert [(event["event"], event["visitor_id"]) for event in events] == [
        ("view_item", "visitor-1"), ("consent_update", "visitor-1"),
    ]  # fmt: skip
    assert [event["consent"] for event in events] == [
        {"analytics": True, "personalization": False},
        {"analytics": True, "personalization": True},
    ]

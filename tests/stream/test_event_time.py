"""The event's time: the client's clock only says how long before sending it was, and never far from the receipt."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.ingest import Accepted, Rejected, event_time_ms, validate
from stream.instants import instant_ms

NOON = 1_769_860_800_000  # 2026-01-31T12:00:00Z
SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000

TABLE: dict[str, tuple[dict[str, Any], int, int]] = {
    # what is sent, the record's timestamp, the event time
    "just now": ({"occurred_at": NOON}, NOON + 5, NOON),
    "received_at beats the record's timestamp": ({"occurred_at": NOON, "received_at": NOON + 3}, NOON + 9 * DAY, NOON),
    "an hour ago": ({"occurred_at": NOON - HOUR}, NOON, NOON - HOUR),
    "exactly a day ago": ({"occurred_at": NOON - DAY}, NOON, NOON - DAY),
    "more than a day ago": ({"occurred_at": NOON - DAY - 1}, NOON, NOON - DAY),
    "in 1970": ({"occurred_at": 0}, NOON, NOON - DAY),
    "in five minutes": ({"occurred_at": NOON + 5 * MINUTE}, NOON, NOON + 5 * MINUTE),
    "in six minutes": ({"occurred_at": NOON + 6 * MINUTE}, NOON, NOON + 5 * MINUTE),
    "in the year 9999": ({"occurred_at": "9999-12-31T23:59:59Z"}, NOON, NOON + 5 * MINUTE),
    "a clock a year behind": (
        {"occurred_at": NOON - 365 * DAY, "sent_at": NOON - 365 * DAY + 2 * SECOND, "received_at": NOON},
        1,
        NOON - 2 * SECOND,
    ),
    "a clock a year ahead": (
        {"occurred_at": NOON + 365 * DAY, "sent_at": NOON + 365 * DAY + 2 * SECOND, "received_at": NOON},
        1,
        NOON - 2 * SECOND,
    ),
    "sent a day and a half later": (
        {"occurred_at": NOON, "sent_at": NOON + 36 * HOUR},
        NOON + 36 * HOUR,
        NOON + 12 * HOUR,
    ),
    "sent before it occurred": ({"occurred_at": NOON + SECOND, "sent_at": NOON}, NOON, NOON + SECOND),
    "sent an hour before it occurred": ({"occurred_at": NOON + HOUR, "sent_at": NOON}, NOON, NOON + 5 * MINUTE),
    "replayed history keeps its time": (
        {"occurred_at": NOON - 900 * DAY, "sent_at": NOON - 900 * DAY, "received_at": NOON - 900 * DAY},
        NOON,
        NOON - 900 * DAY,
    ),
    "no time of receipt at all": ({"occurred_at": NOON - 900 * DAY}, -1, NOON - 900 * DAY),
    "no time of receipt, but of sending": ({"occurred_at": NOON - 900 * DAY, "sent_at": NOON}, 0, NOON - 900 * DAY),
    "as text": ({"occurred_at": "2026-01-31T12:00:00Z"}, NOON, NOON),
    "as text with an offset": ({"occurred_at": "2026-01-31T13:30:00+01:30"}, NOON, NOON),
    "as text in small letters": ({"occurred_at": "2026-01-31t12:00:00z"}, NOON, NOON),
    "milliseconds in text": ({"occurred_at": "2026-01-31T12:00:00.123Z"}, NOON, NOON + 123),
    "nanoseconds in text are cut": ({"occurred_at": "2026-01-31T12:00:00.123999999Z"}, NOON, NOON + 123),
    "fractions of milliseconds are cut": ({"occurred_at": NOON + 0.9}, NOON, NOON),
    "nulls": ({"occurred_at": NOON, "sent_at": None, "received_at": None}, NOON + 1, NOON),
}


def judged(times: dict[str, Any], timestamp: int) -> Accepted | Rejected:
    event = {"event_id": "e-1", "event": "page_view", "visitor_id": "v-1"} | times
    return validate(json.dumps(event).encode(), timestamp=timestamp)


@pytest.mark.parametrize(("times", "timestamp", "at"), TABLE.values(), ids=TABLE)
def test_event_time(times: dict[str, Any], timestamp: int, at: int) -> None:
    verdict = judged(times, timestamp)
    assert isinstance(verdict, Accepted)
    assert verdict.at == at


@pytest.mark.parametrize(
    ("times", "timestamp", "received_at"),
    [
        ({"occurred_at": NOON}, NOON + 5, NOON + 5),
        ({"occurred_at": NOON, "received_at": NOON + 7}, NOON + 5, NOON + 7),
        ({"occurred_at": NOON, "received_at": "2026-01-31T12:00:00.007Z"}, NOON + 5, NOON + 7),
        ({"occurred_at": NOON}, -1, NOON),
    ],
)
def test_time_of_receipt(times: dict[str, Any], timestamp: int, received_at: int) -> None:
    verdict = judged(times, timestamp)
    assert isinstance(verdict, Accepted)
    assert verdict.received_at == received_at


instants = st.integers(0, 253_402_300_799_999)


@given(occurred=instants, sent=st.none() | instants, received=instants)
def test_event_time_lies_within_a_day_before_and_five_minutes_after(
    occurred: int, sent: int | None, received: int
) -> None:
    at = event_time_ms(occurred, sent, received)
    assert received - DAY <= at <= received + 5 * MINUTE


@given(occurred=instants, wait=st.integers(0, DAY), skew=st.integers(-(10**12), 10**12), received=instants)
def test_a_wrong_clock_does_no_harm_when_the_time_of_sending_comes_with_it(
    occurred: int, wait: int, skew: int, received: int
) -> None:
    assert event_time_ms(occurred + skew, occurred + skew + wait, received) == received - wait


@given(at=st.integers(DAY, 253_402_300_799_999 - DAY), minutes=st.integers(-23 * 60, 23 * 60))
def test_text_and_number_are_the_same_instant(at: int, minutes: int) -> None:
    zone = timezone(timedelta(minutes=minutes))
    text = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=at)).astimezone(zone).isoformat()
    assert instant_ms(text) == instant_ms(at) == at


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-01-31",
        "2026-01-31T12:00Z",
        "2026-01-31T12:00:00",
        "2026-01-31 12:00:00Z",
        "2026-02-29T12:00:00Z",
        "2026-01-31T24:00:00Z",
        "2026-01-31T12:00:60Z",
        "2026-01-31T12:00:00+24:00",
        "2026-01-31T12:00:00.Z",
        "2026-W05-6T12:00:00Z",
        "20260131T120000Z",
        "1969-12-31T23:59:59Z",
        "\uff12026-01-31T12:00:00Z",
        "2026-01-31T12:00:00Z\n",
        "1769860800000",
    ],
)
def test_other_text_is_no_instant(text: str) -> None:
    with pytest.raises(ValueError, match=r"not an RFC 3339 instant|day is out of range"):
        instant_ms(text)
    verdict = judged({"occurred_at": text}, NOON)
    assert isinstance(verdict, Rejected)
    assert verdict.reason == "schema"

"""When a rule holds: instants, days, hours over midnight, and clocks that are put forward and back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.rules.rule import rule
from serving.rules.schedule import DAYS

CLOCKS = st.tuples(st.integers(0, 23), st.integers(0, 59)).map(lambda at: f"{at[0]:02}:{at[1]:02}")


def open_at(second: int, **when: Any) -> bool:
    document = {"name": "r", "explain": "x", "when": when, "then": {"cap": {"by": "brand", "most": 1}}}
    return rule(document, "r").schedule.open(second)


def seconds(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())


@given(
    second=st.integers(1_700_000_000, 1_800_000_000),
    weekdays=st.lists(st.sampled_from(DAYS), max_size=3, unique=True),
    hours=st.tuples(CLOCKS, st.one_of(CLOCKS, st.just("24:00"))).filter(lambda pair: pair[0] != pair[1]),
    zone=st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata"]),
)
def test_hours_belong_to_the_day_on_which_they_begin(
    second: int, weekdays: list[str], hours: tuple[str, str], zone: str
) -> None:
    """Of the wall clock's minutes from each day's beginning of the hours on."""
    local = datetime.fromtimestamp(second, ZoneInfo(zone)).replace(tzinfo=None)
    begin, until = ([int(part) for part in text.split(":")] for text in hours)
    found = False
    for day in (local.date() - timedelta(days=1), local.date()):
        midnight = local.replace(year=day.year, month=day.month, day=day.day, hour=0, minute=0)
        start = midnight + timedelta(hours=begin[0], minutes=begin[1])
        end = midnight + timedelta(hours=until[0], minutes=until[1])
        end += timedelta(days=1) if end <= start else timedelta()
        found |= start <= local < end and (not weekdays or DAYS[day.weekday()] in weekdays)
    when = {"weekdays": weekdays, "hours": {"from": hours[0], "until": hours[1]}, "time_zone": zone}
    assert open_at(second, **when) is found


@pytest.mark.parametrize(
    ("at", "holds"),
    [
        ("2026-11-26T23:59:59+01:00", False),
        ("2026-11-27T00:00:00+01:00", True),
        ("2026-11-29T23:59:59+01:00", True),
        ("2026-11-30T00:00:00+01:00", False),
    ],
)
def test_from_an_instant_until_another(at: str, holds: bool) -> None:
    when = {"from": "2026-11-27T00:00:00+01:00", "until": "2026-11-30T00:00:00+01:00"}
    assert open_at(seconds(at), **when) is holds


def test_evening_hours_stay_evening_hours_when_clocks_change() -> None:
    when = {"hours": {"from": "20:00", "until": "21:00"}, "time_zone": "Europe/Berlin"}
    for day, utc_hour in (("2026-07-01", 18), ("2026-12-01", 19)):
        at = datetime.fromisoformat(day).replace(tzinfo=UTC, hour=utc_hour)
        assert open_at(int(at.timestamp()), **when)
        assert not open_at(int(at.timestamp()) + 3_600, **when)


def test_without_anything_it_always_holds() -> None:
    assert all(open_at(second) for second in (0, 1_790_000_000, 4_000_000_000))

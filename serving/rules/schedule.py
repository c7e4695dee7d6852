"""When a rule holds: between two instants, on days of the week, between hours of a shop's own clock."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Final, Literal, TypeAlias
from zoneinfo import ZoneInfo

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from serving.config import BadDocument
from stream.instants import instant_ms

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
Day: TypeAlias = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Instant: TypeAlias = Annotated[str, Meta(min_length=1, max_length=40)]
Clock: TypeAlias = Annotated[str, Meta(pattern=r"^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)\Z")]
_DAY_MIN = 24 * 60


class Hours(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """From a minute of the day (in it) until another (no more in it); over midnight if that is earlier."""

    from_: Clock = msgspec.field(name="from")
    until: Clock


class When(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a rule says of its time; what it leaves out does not matter.

    Parameters
    ----------
    from_, until: RFC 3339; from the first on, and no more from the second on, to the second.
    weekdays: days on which it holds; with hours over midnight, on which they begin.
    time_zone: whose days and hours, an IANA name.
    """

    from_: Instant | UnsetType = msgspec.field(name="from", default=UNSET)
    until: Instant | UnsetType = UNSET
    weekdays: Annotated[tuple[Day, ...], Meta(max_length=7)] = ()
    hours: Hours | UnsetType = UNSET
    time_zone: Annotated[str, Meta(min_length=1, max_length=64)] = "UTC"


class Schedule(Struct, frozen=True):
    """A schedule, compiled: seconds since 1970, minutes of the day."""

    from_s: int
    until_s: int | None
    weekdays: frozenset[int]
    hours: tuple[int, int] | None
    zone: ZoneInfo | None

    def open(self, second: int) -> bool:
        """Whether the rule holds in this second since 1970."""
        if second < self.from_s or (self.until_s is not None and second >= self.until_s):
            return False
        if self.zone is None:
            return True
        local = datetime.fromtimestamp(second, self.zone)
        return self._open_at(local, local.hour * 60 + local.minute)

    def _open_at(self, local: datetime, minute: int) -> bool:
        if self.hours is None:
            return local.weekday() in self.weekdays
        begin, end = self.hours
        if begin < end:
            return begin <= minute < end and self._on(local)
        return self._on(local) if minute >= begin else minute < end and self._on(local - timedelta(days=1))

    def _on(self, day: datetime) -> bool:
        return not self.weekdays or day.weekday() in self.weekdays


ALWAYS: Final = Schedule(0, None, frozenset(), None, None)


def compiled(when: When) -> Schedule:
    """The schedule of what a rule says; raises `BadDocument` with pointers below the rule's `/when`."""
    from_s = 0 if when.from_ is UNSET else _second(when.from_, "/when/from")
    until_s = None if when.until is UNSET else _second(when.until, "/when/until")
    if until_s is not None and until_s <= from_s:
        raise BadDocument("/when/until", "It must be later than `from`, or the rule would never hold.")
    zone = _zone(when.time_zone)
    timely = when.weekdays or when.hours is not UNSET
    days = frozenset(DAYS.index(day) for day in when.weekdays)
    return Schedule(from_s, until_s, days, _hours(when.hours), zone if timely else None)


def _second(text: str, at: str) -> int:
    try:
        return -(-instant_ms(text) // 1000)
    except ValueError:
        raise BadDocument(at, 'It must be an instant with an offset, such as "2026-11-27T00:00:00+01:00".') from None


def _hours(hours: Hours | UnsetType) -> tuple[int, int] | None:
    if hours is UNSET:
        return None
    begin, end = _minute(hours.from_), _minute(hours.until)
    if begin == _DAY_MIN:
        raise BadDocument("/when/hours/from", "A day begins at 00:00.")
    if begin == end:
        raise BadDocument("/when/hours/until", "It must differ from `from`; for the whole day leave `hours` out.")
    return begin, end


def _minute(clock: str) -> int:
    hour, _, minute = clock.partition(":")
    return int(hour) * 60 + int(minute)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        detail = 'There is no time zone of this name; write one of IANA\'s, such as "Europe/Berlin" or "UTC".'
        raise BadDocument("/when/time_zone", detail) from None

"""What one visitor is spared: how often a campaign comes, how often any banner, and what they sent away or ignored."""

from __future__ import annotations

from collections.abc import Sequence

from serving.banners.campaign import DAY_MS, Campaign, Frequency, Rest
from stream.signals.banners import Creative, State


def within(seen: Sequence[int], span_ms: int, now: int) -> int:
    """How many of these times (s, ascending) lie within the span before `now` (ms)."""
    since, count = now - span_ms, 0
    for at in reversed(seen):
        if at * 1000 <= since:
            break
        count += 1
    return count


def full(state: State, a_day: int, now: int) -> bool:
    """Whether the visitor has seen as many banners within 24 hours as any may."""
    return within(state.seen, DAY_MS, now) >= a_day


def capped(campaign: Campaign, state: State, now: int) -> bool:
    """Whether the campaign was seen as often as it may be."""
    frequency: Frequency | None = campaign.frequency
    if frequency is None:
        return False
    return within(state.campaigns.get(campaign.name, ()), frequency.ms, now) >= frequency.impressions


def rests(creative: Creative | None, rest: Rest | None, now: int) -> bool:
    """Whether a creative rests: seen so often since its last click, and never left in peace for the length of a rest.

    A rest that is over, and a visitor who was away for as long, let the count begin anew.
    """
    if creative is None or rest is None:
        return False
    ignored, later = 0, now
    for at in reversed(creative.seen):
        if at <= creative.clicked or later - at * 1000 >= rest.ms:
            break
        ignored, later = ignored + 1, at * 1000
    return ignored >= rest.impressions

"""Device: what class of device the visitor uses and in which language, as their page last said.

Only what pages and apps say of themselves: an event of a shop's server or of a mail says nothing of a visitor's device.
"""

from __future__ import annotations

from msgspec import Struct

from stream.events import EVENT_NAMES
from stream.fold import Emit
from stream.ingest import Accepted
from stream.signal import Signal

_CONTROL = frozenset({"identify", "consent_update", "erase", "unmerge", "reset", "due"})


class State(Struct):
    """As the events say them, empty where none did; `device` was said last at `device_at` (ms), and so on."""

    device: str = ""
    device_at: int = 0
    locale: str = ""
    locale_at: int = 0


def fold(state: State, accepted: Accepted, emit: Emit) -> None:  # noqa: ARG001  # as all signals
    """The newest word holds."""
    context = accepted.event.context
    if context is None or context.channel not in {None, "web", "app"}:
        return
    if context.device and accepted.at >= state.device_at:
        state.device, state.device_at = context.device, accepted.at
    if context.locale and accepted.at >= state.locale_at:
        state.locale, state.locale_at = context.locale, accepted.at


SIGNAL = Signal(
    name="device",
    scope="visitor",
    state=State,
    on=EVENT_NAMES - _CONTROL,
    fold=fold,
    explain="What class of device you use, such as a phone, and in which language you read the shop.",
)

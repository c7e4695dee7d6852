from __future__ import annotations

import pytest

from stream.entries import Seen
from stream.signals.repeats import PRIOR_RATE, State, fold, rate


def test_the_rate_is_a_guess_at_first_and_the_items_own_in_the_end() -> None:
    state = State()
    assert rate(state) == pytest.approx(PRIOR_RATE)
    for number in range(2_000):
        fold(state, Seen(number, 0, "a", 1, "view_item", number % 2 == 1, []))
    assert (state.sessions, state.repeats) == (1_000, 1_000)
    assert rate(state) == pytest.approx(0.5, abs=0.01)

"""Each of two real logs asked about the other's policy, whose truth the other one holds."""

from __future__ import annotations

import pytest

from tests.off_policy.open_bandit import FOLDER, answers, missing


@pytest.mark.skipif(bool(missing()), reason=missing())
def test_what_the_other_log_earned_lies_within_the_wide_intervals() -> None:
    pytest.importorskip("pyarrow", reason="pyarrow reads the logs")
    for one in answers(FOLDER):
        assert not one.found.reason
        for value in (one.found.ips, one.found.snips, one.found.dr):
            assert value is not None
            low, high = value.interval
            assert low < one.truth.value < high
            assert high > 2 * low  # 38 and 42 clicks
        assert one.found.ess < 3_000

"""On real sales the forecast beats what anybody would try first."""

from __future__ import annotations

import pytest

from tests.demand.__main__ import compared
from tests.demand.online_retail import DATA


@pytest.mark.skipif(not DATA.exists(), reason=f"no Online Retail at {DATA}; LIVESHELF_TEST_DATA says where it is")
@pytest.mark.timeout(300)
def test_it_beats_the_seasonal_naive_and_moving_averages_on_all_days_and_on_open_ones() -> None:
    for scores in compared().values():
        for name, one in scores.items():
            if name.startswith(("seasonal", "moving average")):
                assert one.more[1] > 0.0, name

"""The world's preferences are found by the system that serves; where there are none, it finds none."""

from __future__ import annotations

import pytest

from tests.demo.street import judged

LEARNT, TESTED = 20_000, 3_000


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_shelves_show_three_times_as_much_of_what_people_like_as_what_is_popular(seed: int) -> None:
    found = judged(seed, preference=1.0, learnt=LEARNT, tested=TESTED)
    print(f"seed {seed}: {found.shown:.3f} of what is liked, popular {found.popular:.3f}, ×{found.ratio:.2f}")
    assert found.shelves > 500
    assert found.ratio >= 3.0


def test_where_nobody_prefers_anything_shelves_are_no_better_than_chance() -> None:
    found = judged(1, preference=0.0, learnt=LEARNT // 2, tested=2 * TESTED)
    print(f"null world: {found.shown:.4f} of what is liked, popular {found.popular:.4f}, ×{found.ratio:.2f}")
    assert found.shelves > 1_000
    assert 0.6 < found.ratio < 1.6
    assert found.shown < 0.01

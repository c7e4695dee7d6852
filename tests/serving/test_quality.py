from __future__ import annotations

from math import log2

import pytest

from serving.quality import Quality


def test_places_count_as_the_literature_says() -> None:
    quality = Quality()
    for place in (0, 4, 14, 20, None):
        quality.add(place)
    assert quality.as_dict() == pytest.approx(
        {
            "n": 5,
            "hr@20": 3 / 5,
            "mrr@20": (1 + 1 / 5 + 1 / 15) / 5,
            "hr@10": 2 / 5,
            "mrr@10": (1 + 1 / 5) / 5,
            "ndcg@20": (1 + 1 / log2(6) + 1 / log2(16)) / 5,
        },
        abs=1e-5,
    )


def test_nothing_tested_is_nothing_hit() -> None:
    assert not any(Quality().as_dict().values())

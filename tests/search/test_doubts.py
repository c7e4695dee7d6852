"""When a known word is read as another one."""

from collections.abc import Sequence

import pytest

from serving.search.doubts import instead
from serving.search.spelling import Spelling

TOGETHER: dict[tuple[str, ...], int] = {
    ("dvd", "player"): 67,
    ("dvb", "player"): 1,
    ("hot", "pan"): 2,
    ("red", "an"): 9,
}
COUNTS = {"dv": 2, "dvd": 60, "dvb": 70, "player": 80, "hot": 9, "pan": 9, "pin": 5, "fan": 80, "an": 90, "red": 9}


def reading(query: str) -> tuple[str, ...] | None:
    def together(words: Sequence[str]) -> int:
        return TOGETHER.get(tuple(words), 0)

    spelling = Spelling(COUNTS, together=together)
    spelling.follow()
    return instead(query.split(), spelling)


def test_a_word_is_read_as_what_most_items_have_with_the_rest() -> None:
    assert reading("dv player") == ("dvd", "player")
    assert reading("hot pin") == ("hot", "pan")


@pytest.mark.parametrize("query", ["hot pan", "pin", "hot fan", "hot gold", "for pan", "red pan", "", "a b c d e f g"])
def test_what_is_found_or_has_no_commoner_neighbour_stays(query: str) -> None:
    assert reading(query) is None

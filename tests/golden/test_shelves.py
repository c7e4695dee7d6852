"""The decisions that a stream of events must give."""

import json
from pathlib import Path

from tests.golden.shelves import play

GOLDEN = Path(__file__).with_name("shelves.json")


async def test_the_shelves_are_those_that_were_agreed_upon() -> None:
    assert await play() == json.loads(GOLDEN.read_text(encoding="utf-8"))


def test_the_story_tells_something() -> None:
    """Each kind of answer and of reason occurs, so that the comparison above is one."""
    told = GOLDEN.read_text(encoding="utf-8")
    for word in ("ok", "no_consent", "session_table", "popular", "view_item(i3)", "add_to_cart(i6)", "viewed"):
        assert word in told

from __future__ import annotations

from typing import Any

from serving.ranking.visit import earlier_items, session_items
from stream.signals.bought import Purchase
from stream.signals.session import Step
from stream.signals.viewed import Viewed
from stream.visitor import Visitor


def test_a_session_tells_each_item_once_by_its_newest_step() -> None:
    steps = [Step(item_id, "view_item", at, f"e{at}") for at, item_id in enumerate("abacb")]
    assert session_items(steps) == ["b", "c", "a"]
    assert session_items([]) == []


def test_earlier_items_are_what_was_viewed_or_bought_newest_first_without_this_visit() -> None:
    visitor: Any = Visitor()
    visitor.viewed.items = [Viewed("a", 9, "e9"), Viewed("b", 5, "e5"), Viewed("c", 1, "e1")]
    visitor.bought.items = {"c": Purchase(3, "e3"), "d": Purchase(7, "e7")}
    assert earlier_items(visitor) == ["a", "d", "b", "c"]
    assert earlier_items(visitor, ["a", "b"]) == ["d", "c"]
    assert earlier_items(Visitor(), ["a"]) == []

from __future__ import annotations

from typing import Any

from serving.ranking.visit import earlier_items, session_items, shared_items, viewed_items
from stream.entries import Summary, Touch
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


PHONE = Summary(viewed=[Touch("a", 8, "p8"), Touch("x", 2, "p2")], bought=[Touch("y", 6, "p6")], dismissed=[("z", 9)])
TABLET = Summary(viewed=[Touch("x", 7, "t7")], bought=[], dismissed=[])


def test_recently_viewed_is_the_union_newest_first() -> None:
    own = [Viewed("a", 9, "e9"), Viewed("b", 5, "e5")]
    assert viewed_items(own, [PHONE, TABLET]) == ["a", "x", "b"]
    assert viewed_items(own, []) == ["a", "b"]


def test_items_of_other_visitors_come_newest_first_without_those_that_are_known() -> None:
    assert shared_items([PHONE, TABLET], ["a"]) == ["x", "y"]
    assert shared_items([PHONE], []) == ["a", "y", "x"]

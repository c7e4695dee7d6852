"""An item that is drawn takes no pinned place, and obeys filters and caps like all others."""

from __future__ import annotations

from random import Random

import msgspec

from serving.decide import decide
from serving.exploration import RECOMMENDER
from serving.placement import Explore
from serving.request import Request
from serving.rules.acting import RulesHere
from serving.rules.rule import rule
from tests.serving.deployment import NOW
from tests.serving.test_exploration import EXPLORING, NEW, OLD, asked, stocked
from tests.stream.test_catalogue import record

OFTEN = msgspec.structs.replace(EXPLORING, explore=Explore(0.08))
RULES = [
    {"name": "first", "explain": "x", "then": {"pin": [{"item_id": "old7", "position": 2}]}},
    {"name": "no_0", "explain": "x", "if": {"item_id": "new0"}, "then": {"filter": "never"}},
    {"name": "few", "explain": "x", "if": {"category": "B"}, "then": {"cap": {"by": "category", "most": 1}}},
]


def test_a_draw_leaves_pins_alone_and_obeys_the_rules() -> None:
    new = [record(f"new{n}", OLD + n, title=f"New {n}", category="B", published_at=NOW - 60_000) for n in range(NEW)]
    shop, here = stocked(*new, new=0), RulesHere([rule(one, str(one["name"])) for one in RULES])
    drawn = set()
    for number in range(200):
        snapshot = msgspec.structs.replace(asked(shop, number), rules=here)
        decision = decide(Request(visitor_id=f"v{number}", n=12), snapshot, OFTEN, "", NOW, Random(0))
        assert decision.items[2].item_id == "old7"
        assert decision.explored is not None
        assert 2 not in decision.explored.places
        assert decision.explored.notes(12)[2] == "}"
        shown = [one for one in decision.items if one.item_id.startswith("new")]
        assert len(shown) <= 1
        drawn |= {one.item_id for one in shown if one.recommender == RECOMMENDER}
    assert len(drawn) > 5
    assert "new0" not in drawn

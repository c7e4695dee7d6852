"""What a decision costs without rules and with many, in CPU time: ``python -m tests.load.ruling``.

As `tests.load.deciding`: a product page in a shop of 20,000 items.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from random import Random
from typing import Any

import msgspec

from serving.decide import decide
from serving.rules.acting import RulesHere
from serving.rules.rule import Rule, rule
from tests.load.deciding import ASKED, NOW, PLACEMENT, TURNS, a_shop, asked, cpu_us, record

MANY = 50


def a_rule(n: int, then: dict[str, Any], **more: Any) -> Rule:
    return rule({"name": f"r{n}", "explain": "x", "then": then, **more}, f"r{n}")


def boosts(many: int, **when: Any) -> list[Rule]:
    return [a_rule(n, {"boost": 1.5}, **{"if": {"brand": f"B{n}"}, "when": when}) for n in range(many)]


SETS: dict[str, list[Rule]] = {
    "1 boost": boosts(1),
    f"{MANY} boosts": boosts(MANY),
    f"{MANY} boosts with hours": boosts(MANY, hours={"from": "00:00", "until": "24:00"}, time_zone="Europe/Berlin"),
    f"{MANY} filters": [a_rule(n, {"filter": "never"}, **{"if": {"brand": f"B{n}"}}) for n in range(MANY)],
    "20 pins": [a_rule(0, {"pin": [{"item_id": f"i{n}", "position": n} for n in range(20)]})],
    "2 caps": [a_rule(0, {"cap": {"by": "brand", "most": 2}}), a_rule(1, {"cap": {"by": "category", "most": 5}})],
    f"{MANY} boosts, 5 filters, 5 pins, 2 caps": [
        *boosts(MANY),
        *[a_rule(100 + n, {"filter": "never"}, **{"if": {"brand": f"B{60 + n}"}}) for n in range(5)],
        *[a_rule(200 + n, {"pin": [{"item_id": f"i{n}", "position": n}]}) for n in range(5)],
        a_rule(300, {"cap": {"by": "brand", "most": 2}}),
        a_rule(301, {"cap": {"by": "category", "most": 5}}),
    ],
}


def main() -> None:
    rng, new = Random(1), count(100)
    shop, catalogue = a_shop(rng)
    pages = [asked(shop, rng) for _ in range(ASKED)]

    def each(rules: Sequence[Rule]) -> float:
        here = RulesHere(rules) if rules else None
        wanted = [(request, msgspec.structs.replace(snapshot, rules=here)) for request, snapshot in pages]
        turn = lambda: [decide(one, snapshot, PLACEMENT, "", NOW, rng) for one, snapshot in wanted]  # noqa: E731
        return min(cpu_us(turn) for _ in range(TURNS)) / len(wanted)

    def after(rules: Sequence[Rule], name: str, value: str) -> float:
        here, (request, snapshot) = RulesHere(rules), pages[0]
        with_rules = msgspec.structs.replace(snapshot, rules=here)
        decide(request, with_rules, PLACEMENT, "", NOW, rng)
        found = []
        for n in range(20):
            catalogue.apply([record(n, **{name: f"{value}{next(new)}"})])
            found.append(cpu_us(lambda: decide(request, with_rules, PLACEMENT, "", NOW, rng)))
        return sorted(found)[len(found) // 2]

    print(f"without rules: {each(()):.0f} µs")
    for name, rules in SETS.items():
        price, brand = after(rules, "price", "1."), after(rules, "brand", "B")
        print(f"{name}: {each(rules):.0f} µs, after a price changed {price:.0f} µs, after a brand did {brand:.0f} µs")


if __name__ == "__main__":
    main()

"""A handful of rules as a shop would have: what is never shown, what is pushed, a pin, and no shelf of one kind."""

from __future__ import annotations

from http.client import HTTPConnection
from typing import Any

import orjson

from tests.load.stand import SECRET
from tests.load.warm import item_of

RULES: dict[str, dict[str, Any]] = {
    "no_clocks": {"if": {"category": "Home > Clocks"}, "then": {"filter": "never"}},
    "more_lamps": {"if": {"category": "Home > Lamps"}, "then": {"boost": 1.3}},
    "fewer_dear_ones": {"if": {"price": {"gte": "90"}}, "then": {"bury": 2}},
    "mixed": {"then": {"cap": {"by": "category", "most": 4}}},
    "the_kettle": {"then": {"pin": [{"item_id": item_of(1), "position": 2}]}},
}


def make_rules(port: int, placement: str) -> None:
    """Make all rules, for one placement; raises where one is refused."""
    more = {"explain": "As the shop wants it.", "placements": [placement]}
    put_all(port, "rules", {name: {**rule, **more} for name, rule in RULES.items()})


def put_all(port: int, plural: str, documents: dict[str, dict[str, Any]]) -> None:
    """Let these documents hold; raises where one is refused."""
    connection = HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        for name, document in documents.items():
            headers = {"authorization": f"Bearer {SECRET}", "content-type": "application/json"}
            connection.request("PUT", f"/v1/admin/{plural}/{name}", orjson.dumps(document), headers)
            answer = connection.getresponse()
            said = answer.read()
            if answer.status != 200:
                raise RuntimeError(f"{name} of the {plural} was refused: {said.decode()}")
    finally:
        connection.close()

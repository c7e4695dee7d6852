"""The decisions' log: which banners become offers, and what is refused."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import msgspec
import numpy as np
import pytest

from stream.bandits.features import WIDTH
from stream.decisions import Broken, DecisionFold
from stream.entries import BANNERS, BannerOffer
from stream.fold import Emit, Record, State
from stream.tokens import DecisionToken, decision_id
from stream.topics import TOPICS, partition_of
from tests.learners.streams import BASE_MS

CONTEXT = np.ones(WIDTH).astype("<f2").tobytes()
TOKEN = decision_id(b"key", DecisionToken("home_top", "", BASE_MS, "p" * 26, 1, 600, 300, b"nonce"))
PARTITIONS = dict.fromkeys(TOPICS, 8)


def record(**changes: Any) -> dict[str, Any]:
    banner = {
        "slot": "home_top",
        "arms": ["spring/1", "spring/2"],
        "chosen": 1,
        "probabilities": [0.25, 0.75],
        "policy": "thompson",
        "version": 7,
        "context": b64encode(CONTEXT).decode(),
        "shadow": {"policy": "contextual", "version": 7, "probabilities": [0.9, 0.1]},
    }
    return {
        "decision_id": TOKEN,
        "decided_at": BASE_MS,
        "placement": "home_top",
        "kind": "banner",
        "banner": banner | changes,
    }


def decoded(document: dict[str, Any]) -> Any:
    return DecisionFold().decode(Record("decisions", 0, 0, BASE_MS, b"v", msgspec.json.encode(document)))


def test_a_banner_becomes_an_offer_where_slots_are_learnt() -> None:
    fold, state, emit = DecisionFold(), State(DecisionFold.families), Emit(("decisions", 0), PARTITIONS)
    state.load("clock", None)
    emit.offset = 5
    made = Record("decisions", 0, 5, BASE_MS, b"v", msgspec.json.encode(record()))
    fold.fold(made, fold.decode(made), state, emit)
    ((place, out),) = emit.out.items()
    assert place == ("feedback", partition_of(BANNERS.encode(), 8))
    assert out.entries == [
        BannerOffer(5, 0, b"nonce", BASE_MS, "home_top", "spring/2", 0.75, CONTEXT, "clicks", "contextual", 0.1)
    ]


def test_without_a_shadow_there_is_none() -> None:
    found = decoded(record(shadow=None, goal="conversions"))
    assert (found.shadow_policy, found.shadow_probability, found.goal) == ("", 0.0, "conversions")


@pytest.mark.parametrize("nothing", [{"chosen": -1}, {"chosen": -1, "arms": [], "probabilities": [], "shadow": None}])
def test_where_nothing_was_shown_there_is_nothing_to_learn(nothing: dict[str, Any]) -> None:
    assert decoded(record(**nothing)) is None


@pytest.mark.parametrize(
    "broken",
    [
        {"chosen": 2},
        {"chosen": -2},
        {"probabilities": [1.0]},
        {"probabilities": [0.5, 0.6]},
        {"probabilities": [1.0, 0.0]},
        {"probabilities": [-0.5, 1.5]},
        {"shadow": {"policy": "contextual", "version": 7, "probabilities": [1.0]}},
        {"context": "AAA"},
        {"context": b64encode(b"\x00" * 66).decode()},
        {"context": b64encode(b"\x00").decode()},
        {"context": b64encode(np.full(4, np.nan, "<f2").tobytes()).decode()},
        {"goal": "fame"},
        {"slot": ""},
        {"version": -1},
    ],
)
def test_what_no_policy_says_is_refused(broken: dict[str, Any]) -> None:
    assert isinstance(decoded(record(**broken)), Broken)

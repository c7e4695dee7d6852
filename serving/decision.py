"""A decision, and its two written forms: the shelf that is answered, and the record of what was shown.

Both are put together from ready bytes: what the catalogue says of an item is encoded once per version of the item, and
what the decision says of it once for both forms.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

import msgspec
from msgspec import Struct

from serving.candidate import Candidate
from serving.ranking.learnt import Choices
from serving.recommender import Relation
from serving.recommenders import relations
from serving.request import Reason
from serving.visited import Visited

Status = Literal["ok", "fallback", "insufficient_data", "no_consent", "control", "degraded"]
Rung = Literal["live", "partial", "local", "catalogue", "empty"]
"""What an answer was made from: `live`, everything; `partial`, the visitor's own state, while something beside it is
old or missing; `local`, this process's memory and copies, nothing personal; `catalogue`, that alone; `empty`: none."""

_encode = msgspec.json.Encoder().encode


class Shown(Struct, frozen=True, gc=False):
    """One item of a shelf; its position is its place."""

    item_id: str
    score: float
    recommender: str
    because_item_id: str | None
    because: Reason | None
    evidence: float = 0.0
    rules: tuple[str, ...] = ()
    also_item_id: str | None = None
    also: Reason | None = None


class Explored(Struct, frozen=True, gc=False):
    """That a draw decided whether a new item stands on the shelf, and its probabilities (`serving/exploration.py`).

    `usual`: that the item of the order stands where it does, at the `places` where a new one may. Where one stands:
    `place`, its `propensity`, and `instead_of` which item, with the features that it was ranked by.
    """

    usual: float
    places: Sequence[int]
    place: int | None = None
    propensity: float = 1.0
    instead_of: Shown | None = None
    features: str = ""

    def notes(self, places: int) -> list[str]:
        """What the record says of each place, as the end of a JSON object."""
        notes, usual = ["}"] * places, f',"propensity":{self.usual:.9g}}}'
        for place in self.places:
            notes[place] = usual
        if self.place is not None and self.instead_of is not None:
            gone = self.instead_of
            said = {"item_id": gone.item_id, "recommender": gone.recommender, "score": gone.score}
            said |= {"features": self.features} if self.features else {}
            notes[self.place] = f',"propensity":{self.propensity:.9g},"instead_of":{_json(said)}}}'
        return notes


class Fresh(Struct, frozen=True, gc=False):
    """The newest event of the visitor that the decision knows; `met` is None if no freshness was asked for."""

    occurred_at: int | None = None
    lag_ms: int | None = None
    met: bool | None = None


class Decision(Struct, frozen=True, gc=False):
    """What is shown, and why.

    `at` in ms; `pid` is the visitor's pseudonym, empty where nothing personal was used. `candidates` counts what was
    considered; `choices` what a model ranked the items by; `rules` names the marketers' rules that acted; `explain`
    says more to who asks for it.
    """

    placement: str
    variation: str
    status: Status
    rung: Rung
    at: int
    pid: str
    nonce: bytes
    fresh: Fresh
    items: Sequence[Shown]
    candidates: int
    choices: Choices | None = None
    explain: dict[str, Any] | None = None
    rules: Sequence[str] = ()
    explored: Explored | None = None


def shown(candidate: Candidate, factor: float, reasons: dict[str, Reason], evidence: float) -> Shown:
    """A candidate, its score times `factor`, with the visitor's own events that speak for it, if there are any."""
    because, also = candidate.because_item_id, candidate.also_item_id
    reason = None if because is None else reasons.get(because)
    second = None if also is None else reasons.get(also)
    score = candidate.score * factor
    return Shown(
        candidate.item_id, score, candidate.recommender, because, reason, evidence, candidate.rules, also, second
    )


class Fragments(NamedTuple):
    """The first part of an item as JSON, up to the value of ``position``: for the shelf, and for the record."""

    shelf: str
    record: str


class Told(NamedTuple):
    """What a kind of decision says beyond a shelf, as JSON: members of the answer, of the record, of each item."""

    kind: str = "shelf"
    answer: str = ""
    record: str = ""
    items: Sequence[str] = ()


SHELF = Told()


class Written(NamedTuple):
    """A decision's two forms."""

    shelf: bytes
    record: bytes


def write(
    decision: Decision,
    decision_id: str,
    fragments: Callable[[str], Fragments],
    *,
    took_ms: float,
    asked: dict[str, Any],
    version: int,
    pid_keys: int,
    models: dict[str, int],
    visit: Visited,
    following: str | None = None,
    told: Told = SHELF,
) -> Written:
    """Both forms of a decision.

    Parameters
    ----------
    asked: what the request said, without persons; `version` of the placement's settings, `models` used with theirs.
    pid_keys: with how many keys the pseudonym was made.
    visit: where the visitor was, so that the decision can be made again (`serving/again.py`).
    following: the cursor of the next page; only the shelf has it.
    told: what another kind of decision says beyond a shelf.
    """
    at, head = decision.at, heading(decision, decision_id, took_ms)
    shelf, record = _items(decision, fragments, told.items)
    explain = "" if decision.explain is None else f',"explain":{_json(decision.explain)}'
    made_with = f'"pid_keys":{pid_keys},' if pid_keys > 1 else ""
    more = (
        f'"decided_at":{at},"kind":"{told.kind}","pid":{_text(decision.pid)},{made_with}"policy_version":{version},'
        f'"variation":"{decision.variation}","candidates":{decision.candidates},'
        f"{_acting(decision.rules)}"
        f'"request":{_json(asked)},"models":{_json(models)},{_choices(decision.choices)}"visit":{_json(visit)},'
        f"{told.record}"
    )
    page = f'"next":{_text(following)},{told.answer}'
    return Written(f'{head}{page}"items":[{shelf}]{explain}}}'.encode(), f'{head}{more}"items":[{record}]}}'.encode())


def heading(decision: Decision, decision_id: str, took_ms: float) -> str:
    """What both forms of every decision begin with, as the beginning of a JSON object."""
    fresh = decision.fresh
    return (
        f'{{"decision_id":"{decision_id}","placement":"{decision.placement}","status":"{decision.status}",'
        f'"rung":"{decision.rung}","experiment":null,"fresh_to":{{"occurred_at":{_number(fresh.occurred_at)},"lag_ms":{_number(fresh.lag_ms)},'
        f'"met":{_BOOLEAN[fresh.met]}}},"took_ms":{took_ms:.3f},'
    )


def shelf_items(decision: Decision, fragments: Callable[[str], Fragments], told: Told = SHELF) -> bytes:
    """The items of a shelf alone, as a JSON list."""
    return f"[{_items(decision, fragments, told.items)[0]}]".encode()


def _choices(choices: Choices | None) -> str:
    if choices is None:
        return ""
    return f'"choices":{{"model":"{choices.model}","version":{choices.version},"features":"{choices.packed()}"}},'


def _items(decision: Decision, fragments: Callable[[str], Fragments], more: Sequence[str] = ()) -> tuple[str, str]:
    """The items of both forms; what the decision says of an item ends both alike, and `more` the shelf's."""
    told: dict[tuple[str | None, str | None], str] = {}
    shelf, record = [], []
    at, notes = decision.at, decision.explored and decision.explored.notes(len(decision.items))
    for place, one in enumerate(decision.items):
        because = _reason(told, one, one.because_item_id, one.because, at)
        if one.also is not None:
            also = _reason(told, one, one.also_item_id, one.also, at)
            because = f"{because},{also}" if because else also
        ranked = f'{place},"score":{one.score:.6g},"recommender":"{one.recommender}","evidence":{one.evidence:.4g}'
        end = f'{ranked},"because":[{because}],"rules":{_names(one.rules)}}}'
        first = fragments(one.item_id)
        shelf.append(first.shelf + (end[:-1] + more[place] + "}" if more else end))
        record.append(first.record + (end[:-1] + notes[place] if notes else end))
    return ",".join(shelf), ",".join(record)


def relation(item_id: str, because_item_id: str | None, recommender: str) -> Relation | None:
    """How an item stands to the visitor's item that speaks for it."""
    return "itself" if item_id == because_item_id else relations().get(recommender)


def _reason(
    told: dict[tuple[str | None, str | None], str], one: Shown, item_id: str | None, reason: Reason | None, at: int
) -> str:
    """A reason of an item as JSON, the same for all items that stand alike to the visitor's; nothing without one."""
    if reason is None:
        return ""
    led = item_id, relation(one.item_id, item_id, one.recommender)
    found = told.get(led)
    if found is None:
        found = told[led] = (
            f'{{"event_id":{_json(reason.event_id)},"event":"{reason.event}","item_id":{_json(item_id)},'
            f'"seconds_ago":{max(0, at - reason.at) / 1000:.3f},"relation":"{led[1]}"}}'
        )
    return found


def _names(rules: Sequence[str]) -> str:
    return _json(rules) if rules else "[]"


def _acting(rules: Sequence[str]) -> str:
    return f'"rules":{_names(rules)},' if rules else ""


_BOOLEAN = {True: "true", False: "false", None: "null"}


def _number(value: int | None) -> str:
    return "null" if value is None else str(value)


def _text(value: str | None) -> str:
    return f'"{value}"' if value else "null"


def _json(value: object) -> str:
    return _encode(value).decode()

"""What a marketers' document changes in the answer to a query: decided without it and with it; nothing is kept.

The document is either one of searches (pins, hides, synonyms) or a rule; all others hold on both sides.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Annotated, NamedTuple

import msgspec
from msgspec import Meta, Raw, Struct

from serving.config.documents import Documents
from serving.decision import shelf_items
from serving.rules import preview as of_rules
from serving.rules.acting import RulesHere
from serving.rules.preview import Move, moved
from serving.rules.rule import Rule
from serving.search.behaviour import Behaviour, Boosts
from serving.search.curation import Curation, curated, key_of, warnings
from serving.search.decide import FALLBACKS, Given, Searched, decide
from serving.search.index import Index
from serving.search.knowing import Knowing
from serving.search.ladder import Step
from serving.search.question import SEARCH, Question
from serving.search.told import told
from serving.search.understood import Understood
from serving.snapshot import Snapshots
from serving.stage import Snapshot

SEARCH_ITEM = "#/components/schemas/search_item"
_SEED = 1


class SearchSide(Struct, frozen=True):
    """One of both answers: its status, what matches, its items as a search has them, and what marketers' say acted."""

    status: str
    total: int
    steps: Sequence[Step]
    items: Annotated[Raw, Meta(extra_json_schema={"type": "array", "items": {"$ref": SEARCH_ITEM}})]
    rules: Sequence[str]


class SearchPreview(Struct, frozen=True):
    """What a document changes; `acts`: whether it acts on this query now. `notes` say in sentences what is odd."""

    query: str
    name: str
    acts: bool
    notes: list[str]
    without: SearchSide
    with_: SearchSide = msgspec.field(name="with")
    came: list[str]
    went: list[str]
    moved: list[Move]


class _Side(NamedTuple):
    understood: Understood
    unknown: Sequence[str]
    searched: Searched

    @property
    def ids(self) -> list[str]:
        return [one.item_id for one in self.searched.decision.items]

    @property
    def matching(self) -> list[str]:
        """The items of the page that do not only fill it."""
        return [one for one, rung in zip(self.ids, self.searched.rungs, strict=True) if rung not in FALLBACKS]


class _Trial(NamedTuple):
    """A query at a time (ms), with what was read for it."""

    question: Question
    snapshot: Snapshot
    taken: Boosts
    now: int


class Previews:
    """Tries documents of searches, and rules."""

    def __init__(
        self,
        snapshots: Snapshots,
        index: Index,
        knowing: Knowing,
        behaviour: Behaviour,
        curations: Documents[Curation],
        rules: Documents[Rule],
    ) -> None:
        self._snapshots, self._index, self._knowing, self._behaviour = snapshots, index, knowing, behaviour
        self._curations, self._rules = curations, rules

    def named(self, name: str) -> Curation | None:
        """The stored document of searches of this name."""
        return self._curations.all.get(name)

    async def of(self, question: Question, tried: Curation | Rule, now: int, at: int) -> SearchPreview:
        """Both answers, and what lies between them, `at` a time (ms); a document that is off is looked at as if on."""
        snapshot = await self._snapshots.read(question.request, SEARCH, None, now)
        trial = _Trial(question, snapshot, await self._behaviour.of(question.query), at)
        curations = [one for one in self._curations.all.values() if one.document.enabled]
        rules = [one for one in self._rules.all.values() if one.at(SEARCH.name)]
        if isinstance(tried, Curation):
            others = [one for one in curations if one.document.name != tried.document.name]
            with_it = sorted([*others, tried], key=lambda one: one.document.name)
            before, after = self._side(trial, others, rules), self._side(trial, with_it, rules)
            return _preview(trial, tried.document.name, before, after, _notes(trial, tried, before, after))
        also = [one for one in rules if one.name != tried.name]
        here = not tried.document.placements or SEARCH.name in tried.document.placements
        before = self._side(trial, curations, also)
        after = self._side(trial, curations, [*also, tried]) if here else before
        return _preview(trial, tried.name, before, after, _notes_of_rule(trial, tried, before, after))

    def _side(self, trial: _Trial, curations: Sequence[Curation], rules: Sequence[Rule]) -> _Side:
        """Decided with these documents; the same seed for both sides, so that only documents make a difference."""
        question, knowing = trial.question, self._knowing
        understood = knowing.understood_with(question.query, [one for c in curations for one in c.document.synonyms])
        key, unknown = key_of(understood.query), knowing.unknown(understood)
        about = [one for one in curations if key in map(key_of, one.document.queries)]
        given = Given(
            understood, self._index, knowing.kind(understood), unknown, curated(about) if about else None, trial.taken
        )
        snapshot = msgspec.structs.replace(trial.snapshot, rules=RulesHere(rules) if rules else None)
        return _Side(understood, unknown, decide(question, snapshot, given, trial.now, Random(_SEED)))


def _preview(trial: _Trial, name: str, before: _Side, after: _Side, notes: list[str]) -> SearchPreview:
    was, now = before.ids, after.ids
    return SearchPreview(
        query=before.understood.query,
        name=name,
        acts=_acts(name, before, after),
        notes=notes,
        without=_shown(before, trial),
        with_=_shown(after, trial),
        came=[one for one in now if one not in was],
        went=[one for one in was if one not in now],
        moved=moved(was, now),
    )


def _shown(side: _Side, trial: _Trial) -> SearchSide:
    searched, shop = side.searched, trial.snapshot.shop
    beside = told(trial.question, side.understood, side.unknown, searched, shop)
    decision = searched.decision
    items = Raw(shelf_items(decision, shop.fragments, beside))
    return SearchSide(decision.status, searched.total, searched.steps, items, decision.rules)


def _acts(name: str, before: _Side, after: _Side) -> bool:
    return name in after.searched.decision.rules or before.understood != after.understood


def _notes(trial: _Trial, tried: Curation, before: _Side, after: _Side) -> list[str]:
    """What is odd about a document of searches, or why nothing is seen of it."""
    document, shop = tried.document, trial.snapshot.shop
    known: Callable[[str], bool] = lambda item_id: shop.item(item_id) is not None  # noqa: E731
    notes = [] if document.enabled else ["The document is switched off; this shows what it would do if it were on."]
    if not _acts(document.name, before, after):
        about = ", ".join(f"“{one}”" for one in document.queries)
        other = f"its pins and hides are for other queries ({about})" if about else "it has no pins and hides"
        notes.append(f"The document does not act on this query: {other}, and none of its synonyms is in it.")
    shown, most = set(after.ids), trial.question.n
    if document.name in after.searched.decision.rules:
        away = [pin for pin in document.pin if pin.item_id not in shown and known(pin.item_id)]
        notes += [_not_pinned(pin.item_id, pin.position, most) for pin in away]
    return [*notes, *_emptied("document", before, after), *warnings(tried, known)]


def _not_pinned(item_id: str, position: int, most: int) -> str:
    if position >= most:
        return f"The pin of {item_id} is not seen: a page of {most} has no place {position} (places count from 0)."
    return f"The pin of {item_id} is not seen: it is sold out, hidden, filtered out, or this visitor has it already."


def _notes_of_rule(trial: _Trial, tried: Rule, before: _Side, after: _Side) -> list[str]:
    notes = [] if tried.document.enabled else ["The rule is switched off; this shows what it would do if it were on."]
    if not _acts(tried.name, before, after):
        notes.append(_why_not(trial, tried))
    return [*notes, *_emptied("rule", before, after), *of_rules.warnings(tried, trial.snapshot.shop)]


def _why_not(trial: _Trial, tried: Rule) -> str:
    """Why a rule does not act on a query."""
    named = tried.document.placements
    if named and SEARCH.name not in named:
        return f"The rule is for other placements: {', '.join(named)}."
    if tried.action == "pin":
        return "A rule pins nothing among results: a pin belongs to a query, in a document of searches."
    if tried.action == "cap" and not named:
        return "A cap acts on results only where it names `search` among its placements."
    if not tried.schedule.open(trial.now // 1000):
        return "The rule does not act at this time: its schedule says so. `at` previews another."
    if tried.segment is not None:
        return "The rule does not act: this visitor is not in its segment, or nothing may be known of them."
    return "The rule does not act: what is asked for by its number no rule reorders."


def _emptied(what: str, before: _Side, after: _Side) -> list[str]:
    """That nothing is left of what answers the query; a page is filled all the same."""
    had, has = before.matching, after.matching
    if had and not has:
        instead = "what only fills the page is shown instead" if after.ids else "the page is empty"
        return [
            f"The {what} empties this search: without it {before.searched.total} items match, with it none; {instead}."
        ]
    return []

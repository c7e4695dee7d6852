"""The decision of a search: a pure function of a question, how it was understood, a snapshot, the index and a clock.

```
may be shown ─▶ filters ─▶ ladder ─▶ order ─▶ pins, exact item, matches ─▶ fewer words, best sellers, the visit ─▶ draw
                                 └─▶ counts over all that matches
```
What only fills the page is a shelf, with a shelf's rules.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from random import Random
from typing import Any, NamedTuple

import numpy as np
from msgspec import Struct

from serving.decide import NONCE_BYTES, acting_on, fresh_of, rung_of, status_of
from serving.decision import Decision, Explored, Shown
from serving.filters.rule import Rule
from serving.search import fallback, order
from serving.search.behaviour import NONE, Boosts
from serving.search.curation import Curated
from serving.search.explained import explained
from serving.search.exploring import POOL, explored
from serving.search.facets import Counts, Facet, Prices
from serving.search.filtered import Filtered
from serving.search.index import Index
from serving.search.ladder import Asked, Climb, Match, Rung, Step
from serving.search.page import SEARCH as FOUND
from serving.search.page import Page
from serving.search.question import SEARCH, Question
from serving.search.ranked import Ranked, Ranking
from serving.search.ruled import Ruled
from serving.search.showable import YOURS, Showable
from serving.search.understood import Understood
from serving.shop import Shop
from serving.stage import Snapshot

WHOLE: frozenset[Rung] = frozenset({"all_words", "corrected", "rejoined"})
"""Rungs whose matches have all that was asked for; a page that they do not fill goes on with fewer words."""
HAD = 12
FALLBACKS: frozenset[Rung] = frozenset({"best_sellers", "for_you"})


class Given(Struct, frozen=True, gc=False):
    """What is known of a query.

    Attributes
    ----------
    understood: what it means; `kind` lets through the items of the category that it names, `unknown` are words that
        nothing here has.
    curated: what marketers say of it; `taken` what shoppers took when they asked for the same.
    """

    understood: Understood
    index: Index
    kind: Rule | None = None
    unknown: Sequence[str] = ()
    curated: Curated | None = None
    taken: Boosts = NONE


class Searched(NamedTuple):
    """A decision with what its answer says beside the items; `rungs` has one for each of them.

    `yours`: what matches and is left out, as the visitor has it, with the reason (`showable.YOURS`).
    """

    decision: Decision
    rungs: Sequence[Rung]
    steps: Sequence[Step]
    total: int
    prices: Prices | None
    facets: Sequence[Facet]
    yours: Sequence[tuple[str, str]]
    more: bool


def decide(question: Question, snapshot: Snapshot, given: Given, now: int, rng: Random) -> Searched:
    """Answer a search at `now` (ms)."""
    return _Search(question, snapshot, given, now).answered(rng)


class _Search:
    """One search while it is decided."""

    def __init__(self, question: Question, snapshot: Snapshot, given: Given, now: int) -> None:
        self._question, self._snapshot, self._given, self._now = question, snapshot, given, now
        self._shop: Shop = snapshot.shop
        acting = acting_on(question.request, snapshot, now)
        self._ruled = Ruled(acting, ordering=question.sort == "relevance")
        curated = frozenset[str]() if given.curated is None else given.curated.hidden
        self._showable = Showable(self._shop, snapshot.visit.hidden, question.exclude, curated, self._ruled.filter)
        understood = given.understood
        self._asked = Filtered(self._shop, question.filters)
        rules = [one.rule for one in understood.filters]
        self._said = Filtered(self._shop, [*question.filters, *rules]) if rules else self._asked
        most = max(order.MOST, len(question.after) + 2 * question.n + POOL)
        numbered = self._shop.by_number
        meant = None if given.kind is None else self._shop.met(given.kind)
        self._ranking = Ranking(snapshot, understood.query, meant, given.taken, self._ruled, question.sort)
        kind = None if meant is None else numbered(meant)
        yours = None if self._showable.yours is None else numbered(self._showable.yours)
        asked = Asked(understood, given.unknown, self._asked, self._said)
        self._climb = Climb(asked, given.index, self._shop, numbered(self._showable.may), kind, yours, most)
        self._orders: list[Ranked] = []
        self._page = Page(self._shop, question.n, question.after, self._ruled.caps(self._shop))

    def answered(self, rng: Random) -> Searched:
        """Fill the page and count."""
        exact, page = self._exact(), self._page
        match = self._climb.found(fewer=exact is None)
        ranked = None if match is None else self._ranked(match, alone=exact is not None)
        if not self._question.after:
            self._pin()
            if exact is not None and page.free(exact):
                page.put(Shown(exact, 1.0, FOUND, None, None), "exact")
        if match is not None and ranked is not None:
            page.fill(ranked, match.rung, rules=ranked.rules)
        more = match is not None and page.room <= 0
        if not (more or exact or self._question.after):
            self._fill_up(match)
        page.pin(match.rung if match is not None else "for_you")
        items, drawn = self._explored(match, ranked or ()) if exact is None else (page.items, None)
        return self._told(items, drawn, match, more, rng)

    # what may be among the results

    def _lets(self, item_id: str) -> bool:
        return self._showable.lets(item_id) and self._passes(item_id)

    def _passes(self, item_id: str) -> bool:
        code = self._shop.codes.known(item_id)
        return code is not None and bool(self._asked.lets(np.array([code], np.int32))[0])

    def _yours(self) -> Sequence[tuple[str, str]]:
        """What answers the query and is the visitor's already."""
        ids = self._shop.codes.ids
        found = dict.fromkeys(ids[code] for code in self._shop.codes_of(self._climb.had).tolist())
        exact = self._given.understood.exact
        if exact is not None and self._showable.why(exact) and self._passes(exact):
            found = {exact: None} | found
        return [(item_id, self._showable.why(item_id)) for item_id in found][:HAD]

    def _exact(self) -> str | None:
        """The item that was asked for by its number, if it may be shown; that it is sold out is told."""
        item_id = self._given.understood.exact
        item = None if item_id is None else self._shop.item(item_id)
        if item_id is None or item is None:
            return None
        if self._lets(item_id):
            self._climb.steps.append(Step("exact", 1, f"“{item.title}” has exactly this number."))
            return item_id
        if (why := self._showable.why(item_id)) and self._passes(item_id):
            self._climb.steps.append(Step("yours", 1, f"“{item.title}” {YOURS[why]}."))
        elif not item.sellable and not item.hidden:
            self._climb.steps.append(Step("sold_out", 0, f"“{item.title}” is sold out at the moment."))
        return None

    def _pin(self) -> None:
        curated = self._given.curated
        for pin in () if curated is None else curated.pins:
            if self._lets(pin.item_id):
                self._page.reserve(pin.position, pin.item_id, curated.names if curated else ())

    def _ranked(self, match: Match, *, alone: bool) -> Ranked:
        ranked = self._ranking.of(match, alone=alone)
        self._orders.append(ranked)
        return ranked

    # what fills the page

    def _fill_up(self, match: Match | None) -> None:
        """Less and less of what was asked for, each step told."""
        if match is not None:
            if match.rung in WHOLE and self._question.sort == "relevance":
                fewer = self._climb.fewer()
                if fewer is not None:
                    self._page.fill(self._ranked(fewer, alone=True), fewer.rung)
            return
        self._best_sellers()
        self._picks()

    def _best_sellers(self) -> None:
        shop, page = self._shop, self._page
        among = self._showable.may.copy()
        codes = np.flatnonzero(among).astype(np.int32)
        among[codes] = self._asked.lets(codes)
        category = fallback.nearest_category(self._given.understood.words, shop, among)
        if category is None:
            return
        before = len(page.items)
        page.fill(fallback.best_sellers(category, shop, among), "best_sellers", "category_popular")
        found = len(page.items) - before
        if found:
            self._climb.steps.append(Step("best_sellers", found, f"These sell best in {category}."))

    def _picks(self) -> None:
        """Nothing is said to be for the visit that is not."""
        page = self._page
        if page.room <= 0:
            return
        above = [one.item_id for one in page.items] + page.pinned
        found = fallback.picks(self._question, self._snapshot, page.room, above, self._now)
        for shown in found:
            if page.free(shown.item_id):
                page.put(shown, "for_you")
        if found:
            self._climb.steps.append(Step("for_you", len(found), fallback.says(found)))

    def _explored(
        self, match: Match | None, ranked: Iterable[tuple[str, float]]
    ) -> tuple[list[Shown], Explored | None]:
        question, page = self._question, self._page
        if (
            match is None
            or question.sort != "relevance"
            or question.after
            or page.rungs != [match.rung] * len(page.rungs)
        ):
            return page.items, None
        pool = [item_id for item_id, _ in ranked if page.free(item_id)][:POOL]
        return explored(page.items, page.pinned, pool, self._given.understood.query, self._snapshot)

    # what is told

    def _told(
        self, items: list[Shown], drawn: Explored | None, match: Match | None, more: bool, rng: Random
    ) -> Searched:
        snapshot, page = self._snapshot, self._page
        evident = sum(rung not in FALLBACKS for rung in page.rungs)
        decision = Decision(
            placement=SEARCH.name,
            variation="",
            status=status_of(snapshot, SEARCH, evident, len(items)),
            rung=rung_of(snapshot, items),
            at=self._now,
            pid=snapshot.pid,
            nonce=rng.randbytes(NONCE_BYTES),
            fresh=fresh_of(snapshot, self._now),
            items=items,
            candidates=0 if match is None else len(match.numbers),
            rules=self._names(items, alone=any(rung == "exact" for rung in page.rungs)),
            explored=drawn,
            explain=self._explained(items) if self._question.explain else None,
        )
        total, prices, facets = self._counted(match)
        return Searched(decision, page.rungs, self._climb.steps, total, prices, facets, self._yours(), more)

    def _explained(self, items: Sequence[Shown]) -> dict[str, Any]:
        parts = [one.parts for one in self._orders if one.parts is not None]
        return explained(items, self._page.rungs, parts, self._ruled.rules, self._given.curated, self._snapshot)

    def _names(self, items: Sequence[Shown], *, alone: bool) -> Sequence[str]:
        """What marketers said that acted: documents of this query, rules, and those of the shelf that fills up."""
        curated, rules = self._given.curated, self._ruled.rules
        own = [one.name for one in rules if one.action == "filter" or not alone]
        of_items = [name for item in items for name in item.rules]
        return list(dict.fromkeys([*(() if curated is None else curated.names), *own, *of_items]))

    def _counted(self, match: Match | None) -> tuple[int, Prices | None, Sequence[Facet]]:
        if match is None:
            return int(any(rung == "exact" for rung in self._page.rungs)), None, ()
        shop, counts = self._shop, Counts(self._shop)
        codes, wide = shop.codes_of(match.numbers), shop.codes_of(match.wide)
        without = {field: wide[match.filtered.lets(wide, but=field)] for field in match.filtered.fields}
        best = shop.codes_of(match.best).tolist()
        return counts.total(codes), counts.prices(codes), counts.facets(codes, without, best)

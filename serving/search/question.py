"""What a search asks, checked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias

from msgspec import Struct

from serving.filters.rule import Rule
from serving.placement import ITEMS, Explore, Placement
from serving.request import Request

Sort: TypeAlias = Literal["relevance", "price_asc", "price_desc", "newest"]

SEARCH = Placement(
    name="search",
    title="Search",
    explain="What answers the words of a search; where nothing does, what sells in its category, then for the visit.",
    recommenders=("session_table", "profile", "category_popular", "second_step", "nearest"),
    explore=Explore(0.02),
)
"""The place of every search: its windows of attribution and its share of exploration. It is no shelf, so none can be
asked for by this name."""


class Question(Struct, frozen=True, gc=False):
    """One search. `filters` are the parts of the request's filter `rule`; what else is said is said of shelves, too.

    `personalize`: whether what is known of the visitor may order the results. `explain`: whether to say why.
    """

    query: str
    visitor_id: str = ""
    customer_id: str = ""
    session_id: str | None = None
    n: int = ITEMS
    sort: Sort = "relevance"
    rule: Rule | None = None
    filters: Sequence[Rule] = ()
    exclude: Sequence[str] = ()
    personalize: bool = True
    after: Sequence[int] = ()
    explain: bool = False

    @property
    def request(self) -> Request:
        """The same as a question for a shelf, which reads the visitor's state alike."""
        return Request(
            visitor_id=self.visitor_id,
            customer_id=self.customer_id,
            session_id=self.session_id,
            n=self.n,
            exclude=self.exclude,
            profiling=self.personalize,
            rule=self.rule,
            after=self.after,
        )

"""What a decision is made from, and what a stage between candidates and the slate is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from secrets import token_hex
from typing import Any, NamedTuple, TypeAlias

from msgspec import Struct

from serving.candidate import Candidate
from serving.placement import Placement
from serving.ranking.learnt import Chooser
from serving.ranking.row import Row
from serving.request import Request, Visit
from serving.rules.acting import Acting, RulesHere
from serving.shop import Shop
from stream.tokens import sealed
from stream.visitor import VisitorBase


class Snapshot(Struct, frozen=True, gc=False):
    """What was read for one request.

    Attributes
    ----------
    visitor: the visitor's value, None without one or without the consent to use it.
    pid: the visitor's pseudonym, empty where `visitor` is None.
    unasked: the pseudonym of one of whom nobody knows yet whether they consent; it only seals the decision's id.
    asked_for_somebody: whether the request named a visitor at all.
    visit: where the visitor is.
    rows: parsed rows of the visit's items, those that exist; `row_of` gives any that this process has read.
    vector: the session vector as it lies in Redis.
    shop: what is shared: live items, popularity, vectors.
    met: whether the freshness that was asked for was reached.
    degraded: whether something could not be read.
    models: what live models say, for `explain`.
    choosers: models of choices by goal; a goal without one is ranked as if nothing had been learnt.
    rules: the marketers' rules of the placement; None where there are none.
    """

    visitor: VisitorBase | None
    pid: str
    asked_for_somebody: bool
    visit: Visit
    rows: dict[str, Row]
    vector: bytes | None
    shop: Shop
    row_of: Callable[[str], Row | None] = lambda _: None
    met: bool | None = None
    degraded: bool = False
    models: dict[str, Any] = {}
    choosers: Mapping[str, Chooser] = {}
    rules: RulesHere | None = None
    unasked: str = ""

    def whose(self, nonce: bytes) -> str:
        """Whose a decision with this nonce is, as its id says it: after a no as before any word, but of nobody."""
        if self.pid or not self.asked_for_somebody:
            return self.pid
        return sealed(self.unasked or token_hex(), nonce)


class Context(NamedTuple):
    """What a stage may know beside the candidates; `now` in ms; `acting` are the rules that act, if any."""

    request: Request
    snapshot: Snapshot
    placement: Placement
    now: int
    acting: Acting | None = None

    @property
    def shop(self) -> Shop:
        """What all requests share."""
        return self.snapshot.shop


Stage: TypeAlias = Callable[[list[Candidate], Context], list[Candidate]]
"""Candidates in and out, best first; pure, and the argument itself where there is nothing to do."""

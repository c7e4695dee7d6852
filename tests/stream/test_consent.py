"""Consent, cell by cell: what is known, what an event says, when, what the shop's default is (`GUARANTEES.md` §4)."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from stream.entries import Seen
from tests.stream.visits import Visits
from tests.stream.worlds import NOW

Word = bool | None
BEFORE, SAME, AFTER = -1, 0, 1
TIMES = {BEFORE: "earlier", SAME: "at the same time", AFTER: "later"}


def said(**words: Word) -> dict[str, Any]:
    return {"consent": {purpose: word for purpose, word in words.items() if word is not None}}


def default(word: Word) -> dict[str, Any]:
    return {} if word is None else {"consent_default": {"analytics": word, "personalization": word}}


def known_as(word: Word) -> Visits:
    """A shop that knows this of its visitor since minute 0."""
    visits = Visits()
    if word is not None:
        visits.send("consent_update", **said(analytics=word, personalization=word))
    return visits


def known(visits: Visits, purpose: str = "personalization") -> Word:
    visitor = visits.visitor() if "visitor:ann" in visits.state._values else None
    return visitor.consent[purpose].granted if visitor and purpose in visitor.consent else None


# known × what the event says × when × whether it is a consent_update → what is known then
AFTERWARDS: dict[tuple[Word, bool, int, bool], bool] = {
    (None, True, AFTER, False): True,
    (None, True, AFTER, True): True,
    (None, False, AFTER, False): False,
    (None, False, AFTER, True): False,
    (True, True, BEFORE, False): True,
    (True, True, SAME, False): True,
    (True, True, AFTER, False): True,
    (True, True, BEFORE, True): True,
    (True, True, SAME, True): True,
    (True, True, AFTER, True): True,
    (True, False, BEFORE, False): True,  # an older no than the yes
    (True, False, SAME, False): False,  # a withdrawal wins ties
    (True, False, AFTER, False): False,
    (True, False, BEFORE, True): True,
    (True, False, SAME, True): False,
    (True, False, AFTER, True): False,
    (False, True, BEFORE, False): False,
    (False, True, SAME, False): False,
    (False, True, AFTER, False): False,  # an event's own yes never undoes a no
    (False, True, BEFORE, True): False,
    (False, True, SAME, True): False,
    (False, True, AFTER, True): True,  # only this does
    (False, False, BEFORE, False): False,
    (False, False, SAME, False): False,
    (False, False, AFTER, False): False,
    (False, False, BEFORE, True): False,
    (False, False, SAME, True): False,
    (False, False, AFTER, True): False,
}


def test_the_table_has_every_cell() -> None:
    assert len(AFTERWARDS) == 2 * 2 + 2 * 2 * 3 * 2


@pytest.mark.parametrize("shop", [None, True, False], ids=lambda word: f"default {word}")
@pytest.mark.parametrize(("cell", "expected"), AFTERWARDS.items(), ids=str)
def test_what_is_known_after_an_explicit_word(cell: tuple[Word, bool, int, bool], expected: bool, shop: Word) -> None:
    """The shop's default changes nothing in this table."""
    before, word, minute, update = cell
    visits = known_as(before)
    name = "consent_update" if update else "page_view"
    visits.send(name, minute=minute, **said(analytics=word, personalization=word), **default(shop))
    assert known(visits) is expected
    assert known(visits, "analytics") is expected


# known × the event's own word × the shop's default → may this event (a later one) be used for personalization?
@pytest.mark.parametrize(("before", "own", "shop"), list(product((None, True, False), repeat=3)))
def test_what_one_event_may_be_used_for(before: Word, own: Word, shop: Word) -> None:
    visits = known_as(before)
    visits.send("view_item", "a", minute=1, **said(personalization=own, analytics=True), **default(shop))
    if own is False:
        expected = False
    elif before is not None:
        expected = before
    elif own is True:
        expected = True
    else:
        expected = shop is True
    assert bool(visits.of(Seen)) is expected


@pytest.mark.parametrize(
    ("analytics", "personalization", "outcome", "sessions", "remembered"),
    [
        (True, True, "applied", 1, True),
        (False, True, "applied", 1, True),
        (True, False, "applied", 0, True),
        (False, False, "dropped", 0, False),
    ],
)
def test_purpose_decides_what_is_stored(
    analytics: bool, personalization: bool, outcome: str, sessions: int, remembered: bool
) -> None:
    visits = Visits()
    shop = {"analytics": analytics, "personalization": personalization}
    assert visits.send("view_item", "a", consent=None, consent_default=shop) == outcome
    assert len(visits.of(Seen)) == sessions
    visitor = visits.visitor()
    assert (visitor is not None and bool(visitor.recent)) is remembered
    if visitor is not None:
        assert bool(visitor.viewed.items) is personalization
        assert (visitor.last is not None) is personalization


@pytest.mark.parametrize("shop", [True, False, None])
def test_a_default_is_never_remembered(shop: Word) -> None:
    visits = Visits()
    visits.send("view_item", "a", consent=None, **default(shop))
    assert known(visits) is None


def test_a_default_that_is_withdrawn_or_missing_forgets_nothing() -> None:
    """A server that writes straight into Kafka stamps no default: its events are dropped, the profile stays."""
    visits = Visits()
    visits.send("view_item", "a", consent=None, **default(True))
    assert visits.send("purchase", "a", minute=1, consent=None) == "dropped"
    assert visits.send("view_item", "b", minute=2, consent=None, **default(False)) == "dropped"
    assert visits.steps() == ["a"]


def test_a_withdrawal_forgets_the_profile_and_keeps_the_rest() -> None:
    visits = known_as(True)
    for name in ("view_item", "add_to_cart", "purchase", "dismiss"):
        visits.send(name, "a", minute=1)
    visits.send("page_view", minute=2, **said(personalization=False))
    visitor = visits.visitor()
    signals = (visitor.session, visitor.cart, visitor.viewed, visitor.bought, visitor.dismissed)
    assert signals == tuple(type(signal)() for signal in signals)
    assert visitor.last is None
    assert len(visitor.recent) == 6
    assert visitor.consent["analytics"].granted
    assert visits.state.rank == {}
    assert "vector:ann" in visits.state.writes().deleted


def test_a_late_no_that_is_older_than_the_yes_forgets_nothing() -> None:
    visits = known_as(True)
    visits.send("view_item", "a", minute=1)
    visits.send("view_item", "b", minute=-1, **said(personalization=False))
    assert visits.steps() == ["a"]
    assert len(visits.of(Seen)) == 1


def test_after_a_withdrawal_nothing_is_profiled_until_a_later_consent_update() -> None:
    visits = known_as(True)
    visits.send("page_view", minute=1, **said(personalization=False))
    visits.send("view_item", "a", minute=2, **said(personalization=True))
    assert not visits.of(Seen)
    visits.send("consent_update", minute=3, **said(personalization=True))
    visits.send("view_item", "b", minute=4)
    assert [seen.item_id for seen in visits.of(Seen)] == ["b"]


def test_the_newest_no_counts_whatever_comes_late() -> None:
    """No at 0, no at 10, and then, late, the yes of 5."""
    visits = known_as(False)
    visits.send("consent_update", minute=10, **said(personalization=False))
    visits.send("consent_update", minute=5, **said(personalization=True))
    assert known(visits) is False
    visits.send("consent_update", minute=11, **said(personalization=True))
    assert known(visits) is True


def test_the_newest_yes_counts_whatever_comes_late() -> None:
    """Yes at 0, yes again at 10 after a no at 5 that comes late."""
    visits = known_as(True)
    visits.send("consent_update", minute=10, **said(personalization=True))
    visits.send("consent_update", minute=5, **said(personalization=False))
    assert known(visits) is True


def test_purposes_are_separate() -> None:
    visits = Visits()
    visits.send("consent_update", **said(analytics=True, personalization=False, marketing=True))
    consent = visits.visitor().consent
    assert {purpose: (word.granted, word.at) for purpose, word in consent.items()} == {
        "analytics": (True, NOW),
        "personalization": (False, NOW),
        "marketing": (True, NOW),
    }


def test_a_withdrawal_of_everything_is_remembered_though_the_event_is_not_stored() -> None:
    visits = Visits()
    assert visits.send("view_item", "a", **said(analytics=False, personalization=False)) == "applied"
    assert known(visits) is False
    assert not visits.visitor().recent
    assert visits.send("view_item", "a", minute=0, **said(analytics=False, personalization=False)) == "dropped"


def test_a_repeated_consent_update_is_a_duplicate() -> None:
    visits = Visits()
    assert visits.send("consent_update", event_id="x", **said(analytics=True)) == "applied"
    assert visits.send("consent_update", event_id="x", **said(analytics=True)) == "duplicates"


def test_consent_outlives_the_profile() -> None:
    visits = known_as(True)
    visits.send("view_item", "a", minute=1)
    day = 24 * 60
    visits.send("view_item", "b", minute=91 * day)
    assert visits.steps() == ["b"]
    assert [seen.item_id for seen in visits.visitor().viewed.items] == ["b"]
    assert known(visits) is True


def test_a_withdrawal_after_years_takes_the_old_visit_from_the_open_ones() -> None:
    visits = Visits()
    visits.send("view_item", "a")
    assert "ann" in visits.state.rank
    visits.send("consent_update", minute=91 * 24 * 60, **said(personalization=False))
    assert "ann" not in visits.state.rank

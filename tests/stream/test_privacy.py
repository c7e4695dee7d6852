"""Consent as a join, erasure, and the records that carry both: the order of arrival never matters."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.consent import PURPOSES, Kind, Said, Word, all_joined, withdrawn
from stream.fold import Record
from stream.privacy import (
    MARK,
    Privacy,
    consent_record,
    erase_records,
    join,
    joined,
    key_of,
    owner,
    read_record,
    unpack,
)
from stream.privacy_copy import apply
from stream.state.memory import MemoryStore
from tests.stream.visits import Visits

times = st.integers(1, 6)
kinds: st.SearchStrategy[Kind] = st.sampled_from(("withdrawn", "granted", "assumed"))


@st.composite
def words(draw: st.DrawFn) -> Word:
    at, kind = draw(times), draw(kinds)
    return Word(**{f"{kind}_at": at}, said=(Said(at, kind, "event", draw(st.sampled_from(("", "v1")))),))


privacies = st.one_of(
    st.builds(Privacy, st.just(0), st.just(0), st.just(3), st.dictionaries(st.sampled_from(PURPOSES), words())),
    st.builds(lambda at: joined(Privacy(), Privacy(at, at, 3)), times),
)


@given(privacies, privacies, privacies)
def test_what_is_known_is_a_join(one: Privacy, two: Privacy, three: Privacy) -> None:
    assert joined(one, two) == joined(two, one)
    assert joined(joined(one, two), three) == joined(one, joined(two, three))
    assert joined(joined(one, two), two) == joined(one, two)


@given(st.lists(st.tuples(times, kinds), min_size=1, max_size=6), st.randoms(use_true_random=False))
def test_a_grant_by_an_event_never_undoes_a_withdrawal_in_any_order(said: list[tuple[int, str]], rng: Any) -> None:
    """Through the fold itself: every order of the same events ends with the same consent."""
    answers = set()
    for _ in range(4):
        rng.shuffle(said)
        visits = Visits()
        for minute, kind in said:
            name = "consent_update" if kind == "granted" else "page_view"
            visits.send(name, minute=minute, consent={"analytics": True, "personalization": kind != "withdrawn"})
        answers.add(visits.visitor().consent["personalization"].granted)
    newest_no = max((at for at, kind in said if kind == "withdrawn"), default=0)
    newest_yes = max((at for at, kind in said if kind == "granted"), default=0)
    assert answers == {newest_yes > newest_no or not newest_no}


def test_history_keeps_the_newest_and_only_the_first_assumption() -> None:
    word = Word()
    for at in range(20, 0, -1):
        word = joined_words(word, Word(assumed_at=at, said=(Said(at, "assumed", "view_item"),)))
    assert word.said == (Said(1, "assumed", "view_item"),)
    for at in range(1, 40):
        word = joined_words(word, Word(granted_at=at, said=(Said(at, "granted", "consent_update", f"v{at}"),)))
    assert [said.at for said in word.said] == [1, *range(32, 40)]


def joined_words(one: Word, other: Word) -> Word:
    return all_joined({"marketing": one}, {"marketing": other})["marketing"]


def test_records_say_what_they_were_made_from() -> None:
    word = Word(5, 7, 1, (Said(5, "withdrawn", "page_view"), Said(7, "granted", "consent_update", "2026-11")))
    key, value = consent_record("p", 3, 2, "marketing", word)
    assert key == b"consent:p:marketing"
    assert read_record(value) == ("p", Privacy(2, 0, 3, {"marketing": word}))
    (erased, tombstone), *deleted = erase_records("p", 3, 4, 9)
    assert (erased, read_record(tombstone or b"")) == (b"erase:p", ("p", Privacy(4, 9, 3, withdrawn(9))))
    assert deleted == [(f"consent:p:{purpose}".encode(), None) for purpose in PURPOSES]


@pytest.mark.parametrize("order", list(permutations(range(3))))
async def test_the_copy_is_the_same_in_whatever_order_records_are_read(order: tuple[int, ...]) -> None:
    values = [
        consent_record("p", 0, 0, "personalization", Word(granted_at=3))[1],
        erase_records("p", 0, 1, 5)[0][1],
        consent_record("p", 0, 1, "personalization", Word(withdrawn_at=5, granted_at=8))[1],
    ]
    store = MemoryStore()
    for n, which in enumerate(order):
        await apply(store, 0, [Record("privacy", 0, n, 0, b"k", values[which])], n + 1)
    (packed, mark) = await store.load(owner(0), [key_of("p"), MARK])
    known = unpack(packed)
    assert mark == b"3"
    assert (known.epoch, known.erased_at) == (1, 5)
    assert {purpose: word.granted for purpose, word in known.consent.items()} == {
        "analytics": False,
        "personalization": True,
        "marketing": False,
    }


async def test_a_copy_that_loses_a_race_joins_again() -> None:
    """Another process writes between the read and the swap: nothing of either is lost."""
    store = MemoryStore()
    swap = store.swap
    raced: list[int] = []

    async def racing(tag: Any, changes: Any) -> bool:
        if not raced:
            raced.append(1)
            await join(store, 0, {key_of("p"): Privacy(consent={"analytics": Word(withdrawn_at=7)})})
        return await swap(tag, changes)

    store.swap = racing  # type: ignore[method-assign]
    await join(store, 0, {key_of("p"): Privacy(consent={"analytics": Word(granted_at=5)})})
    word = unpack((await store.load(owner(0), [key_of("p")]))[0]).consent["analytics"]
    assert (word.granted_at, word.withdrawn_at) == (5, 7)


async def test_what_is_no_record_of_ours_is_passed_over() -> None:
    store = MemoryStore()
    broken = [None, b"", b"{}", b"\xff", b'{"kind":"consent","pid":5}']
    records = [Record("privacy", 0, n, 0, b"k", value) for n, value in enumerate(broken)]
    await apply(store, 0, records, len(records))
    assert store.values[owner(0)] == {MARK: b"5"}


def test_an_erasure_leaves_a_tombstone() -> None:
    visits = Visits()
    for n, name in enumerate(("view_item", "add_to_cart", "purchase", "dismiss")):
        visits.send(name, "a", minute=n, session_id="s")
    assert visits.send("erase", minute=10, epoch=1, consent=None) == "applied"
    visitor = visits.visitor()
    assert (visitor.epoch, visitor.last, visitor.recent, visitor.session.steps) == (1, None, {}, [])
    assert visitor == type(visitor)(epoch=1, consent=visitor.consent)
    assert {word.said for word in visitor.consent.values()} == {()}
    assert visitor.lasts
    assert visits.state.rank == {}
    assert "vector:ann" in visits.state.writes().deleted
    assert visits.state.writes().values["visitor:ann"][1] == 0  # for ever


@pytest.mark.parametrize("minute", [-5, 5, 10, 15])
def test_after_an_erasure_events_are_dropped_whenever_they_happened(minute: int) -> None:
    visits = Visits()
    visits.send("view_item", "a")
    visits.send("erase", minute=10, epoch=1, consent=None)
    assert visits.send("view_item", "b", minute=minute) == "dropped"
    assert visits.steps() == []


def test_a_new_consent_after_an_erasure_begins_anew() -> None:
    visits = Visits()
    visits.send("view_item", "a")
    visits.send("erase", minute=10, epoch=1, consent=None)
    visits.send("consent_update", minute=9)  # an older one than the erasure
    assert visits.send("view_item", "b", minute=11) == "dropped"
    visits.send("consent_update", minute=12)
    assert visits.send("view_item", "b", minute=13) == "applied"
    assert visits.steps() == ["b"]
    assert visits.visitor().epoch == 1


def test_an_erasure_that_is_repeated_is_a_duplicate() -> None:
    visits = Visits()
    visits.send("erase", epoch=2, consent=None)
    assert visits.send("erase", minute=1, epoch=2, consent=None) == "duplicates"
    assert visits.send("erase", minute=2, epoch=1, consent=None) == "duplicates"
    assert visits.send("erase", minute=3, consent=None) == "applied"
    assert visits.visitor().epoch == 3


def test_a_reset_forgets_the_profile_and_keeps_the_consent() -> None:
    visits = Visits()
    visits.send("view_item", "a")
    assert visits.send("reset", minute=1) == "applied"
    assert visits.steps() == []
    visits.send("view_item", "b", minute=2)
    assert visits.steps() == ["b"]


@pytest.mark.parametrize(
    ("consent", "granted"),
    [
        ({"analytics_storage": "granted"}, {"analytics": True}),
        ({"analytics_storage": "denied"}, {"analytics": False}),
        ({"personalization_storage": "granted"}, {"personalization": True}),
        ({"analytics": True, "analytics_storage": "denied"}, {"analytics": True}),
        ({"ad_storage": "granted", "ad_user_data": "granted", "ad_personalization": "granted"}, {"marketing": True}),
        ({"ad_storage": "granted", "ad_user_data": "denied"}, {"marketing": False}),
        ({"functionality_storage": "granted"}, {}),
    ],
)
def test_consent_modes_names_mean_the_same(consent: dict[str, Any], granted: dict[str, bool]) -> None:
    visits = Visits()
    visits.send("consent_update", consent=consent)
    found = visits.visitor().consent if visits.state._values.get("visitor:ann") else {}
    assert {purpose: word.granted for purpose, word in found.items()} == granted


def test_a_privacy_value_survives_its_packing() -> None:
    one = Privacy(3, 4, 5, {"analytics": Word(1, 2, 3, (Said(1, "withdrawn", "x"),))})
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(one), type=Privacy) == one

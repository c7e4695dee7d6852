"""What every file in `stream/signals/` keeps; a new one is found and tested by lying there."""

from __future__ import annotations

import ast
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream import signals as folder
from stream.entries import Entry, PairsEntry
from stream.events import EVENT_NAMES
from stream.fold import Emit, Record, State
from stream.ingest import Accepted, admit
from stream.item import Item
from stream.signal import Signal
from stream.signals import session, signals
from stream.tokens import DecisionToken
from stream.visitor import SHORT, Visitor, VisitorFold
from tests.conformance.floods import MOST_CHARACTERS, OWNER, entry_flood, flood
from tests.simulator.profile import LONG
from tests.stream.worlds import event, records

VISITOR_SIGNALS, ITEM_SIGNALS = signals("visitor"), signals("item")
SIGNALS = (*VISITOR_SIGNALS, *ITEM_SIGNALS)
FILES = sorted(path for path in Path(folder.__path__[0]).glob("*.py") if path.name != "__init__.py")
TAGS = frozenset(str(kind.__struct_config__.tag) for kind in get_args(PairsEntry))
CONTROL_EVENTS = frozenset({"identify", "consent_update", "erase", "unmerge", "reset", "due"})
IMPURE = frozenset(
    {"asyncio", "datetime", "os", "random", "redis", "secrets", "socket", "threading", "time", "uuid", "urllib"}
)
IMPURE_OURS = ("stream.settings", "stream.state", "stream.producer", "serving", "schemas")
VISITOR_BYTES = 64 * 1024
PARTITIONS = {"events": 1, "pairs": 1, "feedback": 1, "queries": 1, "dead_letters": 1}

pack = msgspec.msgpack.Encoder().encode
each_signal = pytest.mark.parametrize("signal", SIGNALS, ids=lambda signal: signal.name)
each_visitor_signal = pytest.mark.parametrize("signal", VISITOR_SIGNALS, ids=lambda signal: signal.name)


def stored(signal: Signal[Any], state: Any) -> Any:
    """The state as a restart finds it."""
    return msgspec.msgpack.decode(pack(state), type=signal.state)


def test_every_file_of_the_folder_is_one_signal() -> None:
    assert [path.stem for path in FILES] == sorted(signal.name for signal in SIGNALS)


@each_signal
def test_it_is_a_field_of_what_its_scope_stores(signal: Signal[Any]) -> None:
    holder = Visitor() if signal.scope == "visitor" else Item()
    assert signal.of(holder) == signal.state()


@each_signal
def test_a_new_state_is_empty_and_can_be_stored(signal: Signal[Any]) -> None:
    assert stored(signal, signal.state()) == signal.state()
    assert len(pack(signal.state())) < 200


@each_signal
def test_it_folds_only_what_there_is(signal: Signal[Any]) -> None:
    assert signal.on
    assert signal.on <= (EVENT_NAMES - CONTROL_EVENTS if signal.scope == "visitor" else TAGS)


@each_signal
def test_it_explains_itself_in_one_sentence(signal: Signal[Any]) -> None:
    words = signal.explain
    assert words[0].isupper()
    assert words.endswith(".")
    assert words.count(".") == 1
    assert len(words) <= 160


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_it_knows_no_clock_no_chance_and_no_settings(path: Path) -> None:
    imported = set(_imports(ast.parse(path.read_text(encoding="utf-8"))))
    assert not {name.partition(".")[0] for name in imported} & IMPURE
    assert not {name for name in imported if name.startswith(IMPURE_OURS)}


def _imports(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


# determinism: a state stored and loaded between any two events goes on to the same bytes, and says the same to others


def accepted_events(seed: int, length: int) -> list[Accepted]:
    """A visitor's events of every name, now and then late or in another session."""
    rng = random.Random(seed)
    at, made = 1_790_000_000_000, []
    names = sorted(EVENT_NAMES - CONTROL_EVENTS)
    for n in range(length):
        at += rng.choice((0, 900, 1_000, 20_000, 61_000, 1_900_000))
        items = [f"i{rng.randrange(12)}" for _ in range(rng.choice((1, 1, 1, 2, 7)))]
        more = {"session_id": rng.choice(("s1", "s2"))} if rng.random() < 0.2 else {}
        when = at - rng.choice((0, 0, 0, 3_000, 4_000_000))
        made.append(event(rng.choice(names), "v", *items, at=when, event_id=f"e{n}", search_term="x", **more))
    return [one for one in (admit(record, 1) for record in records(made)) if isinstance(one, Accepted)]


def entries_of(seed: int, length: int) -> list[Any]:
    return list(entry_flood(seed, length, items=200))


def decided(number: int, at: int) -> DecisionToken:
    """A decision of just now, of which a few events follow."""
    return DecisionToken("home_for_you", "", at - 1_000, "p" * 26, 1, 600, 300, b"%08d" % number)


def folded(signal: Signal[Any], happened: list[Any], restarts: set[int]) -> tuple[bytes, list[Entry]]:
    """The state after all that happened, and what was emitted."""
    state, emit = signal.state(), Emit(("events", 0), PARTITIONS)
    for n, one in enumerate(happened):
        if n in restarts:
            state = stored(signal, state)
        emit.offset, emit.learning = n, True
        emit.decision = None if isinstance(one, Entry) or n % 3 else decided(n // 40, one.at)
        if isinstance(one, Entry):
            if one.__struct_config__.tag in signal.on:
                signal.fold(state, one)
        elif one.name in signal.on:
            signal.fold(state, one, emit)
    return pack(state), [entry for out in emit.out.values() for entry in out.entries]


@each_signal
@settings(max_examples=500 if LONG else 15, deadline=None)
@given(seed=st.integers(0, 10_000), length=st.integers(0, 250), restarts=st.sets(st.integers(0, 250), max_size=8))
def test_it_goes_on_the_same_after_a_restart_at_any_moment(
    signal: Signal[Any], seed: int, length: int, restarts: set[int]
) -> None:
    happened = accepted_events(seed, length) if signal.scope == "visitor" else entries_of(seed, length)
    assert folded(signal, happened, restarts) == folded(signal, happened, set())


@each_visitor_signal
def test_its_older_half_can_be_forgotten_until_nothing_is_left(signal: Signal[Any]) -> None:
    happened = accepted_events(3, 200)
    state = msgspec.msgpack.decode(folded(signal, happened, set())[0], type=signal.state)
    sizes = [len(pack(state))]
    for _ in range(10):
        signal.halve(state)
        sizes.append(len(pack(state)))
    assert sizes == sorted(sizes, reverse=True)
    assert all(not getattr(state, name, None) for name in ("items", "steps", "shelves"))


# size: bytes under the worst that the contract allows


@pytest.mark.parametrize(
    ("character", "characters"), [*((one, MOST_CHARACTERS) for one in "aé€😀"), ("a", SHORT)], ids=[*"aé€😀", "short"]
)
def test_a_visitor_stays_within_64_kib_whatever_is_sent(character: str, characters: int) -> None:
    largest, parts, visitor, shelves = 0, {}, Visitor(), 0
    fold, state = VisitorFold(lambda _: OWNER, 1), State(VisitorFold.families)
    state.load("clock", None)
    state.load(f"visitor:{OWNER}", None)
    emit = Emit(("events", 0), PARTITIONS)
    for offset, (key, value, at) in enumerate(flood(character, 900, characters)):
        record = Record("events", 0, offset, at, key, value)
        decoded = fold.decode(record)
        assert isinstance(decoded[1], Accepted), decoded[1]
        fold.fold(record, decoded, state, emit)
        emit.drain()
        visitor = state.read(f"visitor:{OWNER}")
        shelves = max(shelves, len(visitor.shelves.shelves))
        if len(pack(visitor)) > largest:
            largest = len(pack(visitor))
            parts = {signal.name: len(pack(signal.of(visitor))) for signal in VISITOR_SIGNALS}
    print(f"visitor, ids of {characters} × {character}: {largest:,} bytes {parts}")
    assert largest <= VISITOR_BYTES
    assert largest > VISITOR_BYTES // 2, "this flood is not the worst"
    assert len(visitor.session.seen) == session.ITEMS, "this flood does not fill the session's counts"
    assert shelves > 0, "this flood sees no shelf"
    assert visitor.wide is (characters > SHORT)
    assert len(visitor.taught) == session.SESSIONS_A_DAY


@pytest.mark.parametrize(("characters", "bound_bytes"), [(12, 16 * 1024), (MOST_CHARACTERS, 80 * 1024)])
def test_an_items_row_stays_bounded_whatever_is_sent(characters: int, bound_bytes: int) -> None:
    row: Any = Item()
    largest = 0
    for entry in entry_flood(1, 6_000, items=3_000, characters=characters):
        row.at = max(row.at, entry.at)
        for signal in ITEM_SIGNALS:
            if entry.__struct_config__.tag in signal.on:
                signal.fold(signal.of(row), entry)
        largest = max(largest, len(pack(row)))
    print(f"item, ids of {characters} characters: {largest:,} bytes")
    assert largest <= bound_bytes

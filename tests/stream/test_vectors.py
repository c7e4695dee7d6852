"""Title vectors and where a session is among them."""

import asyncio

import numpy as np
import pytest

from stream.catalogue import Catalogue
from stream.signals import session
from stream.signals.session import Step
from stream.title_vectors import TitleVectors
from stream.vectors import DIMENSIONS, pack, session_vector, title_vectors, unpack
from tests.stream.test_catalogue import read, record

AXES = dict(zip("abcdefghijklmno", np.eye(15, DIMENSIONS, dtype=np.float32), strict=True))


def steps(*item_ids: str, event: str = "view_item") -> list[Step]:
    return [Step(item_id, event, n, f"e{n}") for n, item_id in enumerate(item_ids)]


def test_vectors_have_unit_length_and_tell_likeness() -> None:
    pan, pot, novel = title_vectors(["cast iron pan", "iron pot with lid", "detective novel"])
    assert pan.shape == (DIMENSIONS,)
    assert pan.dtype == np.float32
    assert np.linalg.norm(pan) == pytest.approx(1, abs=1e-5)
    assert pan @ pot > pan @ novel + 0.2


@pytest.mark.parametrize("title", ["", "   ", "\n"])
def test_a_title_without_words_has_a_row_of_zeros_and_harms_no_other(title: str) -> None:
    rows = title_vectors(["pan", title])
    assert not rows[1].any()
    assert np.isfinite(rows).all()
    assert np.allclose(rows[0], title_vectors(["pan"])[0])


def test_a_very_long_title_is_cut() -> None:
    assert np.linalg.norm(title_vectors(["pan " * 100_000])[0]) == pytest.approx(1, abs=1e-5)


def test_no_titles_no_rows() -> None:
    assert title_vectors([]).shape == (0, DIMENSIONS)


def test_newer_items_weigh_more_and_a_cart_doubles() -> None:
    found = session_vector(steps("a", "b", "c"), AXES.get)
    assert found is not None
    assert np.linalg.norm(found) == pytest.approx(1, abs=1e-5)
    assert found[2] > found[1] > found[0] > 0
    carted = session_vector([*steps("a"), *steps("a", event="add_to_cart"), *steps("b")], AXES.get)
    assert carted is not None
    assert carted[0] / carted[1] == pytest.approx(2 * np.exp(-1 / 3), rel=1e-5)


def test_an_item_counts_once_and_only_the_last_ten_count() -> None:
    once, twice = session_vector(steps("a", "b"), AXES.get), session_vector(steps("b", "a", "b"), AXES.get)
    assert once is not None
    assert twice is not None
    assert np.array_equal(once, twice)
    many = session_vector(steps(*"abcdefghijklmno"), AXES.get)
    assert many is not None
    assert np.count_nonzero(many) == 10


def test_a_session_of_unknown_items_is_nowhere() -> None:
    assert session_vector(steps("x"), AXES.get) is None
    assert session_vector([], AXES.get) is None
    assert session_vector(steps("a"), lambda _: np.zeros(DIMENSIONS, np.float32)) is None


def test_a_packed_vector_is_256_bytes_and_comes_back() -> None:
    vector = title_vectors(["pan"])[0]
    assert len(pack(vector)) == 256
    found = unpack(pack(vector))
    assert found is not None
    assert np.array_equal(found, vector)


@pytest.mark.parametrize("packed", [None, b"", b"x" * 255, np.full(DIMENSIONS, np.nan, "<f4").tobytes()])
def test_what_is_no_vector_is_none(packed: bytes | None) -> None:
    assert unpack(packed) is None


def test_the_catalogues_vectors_follow_its_titles() -> None:
    catalogue = read(record("a", 0, title="cast iron pan"), record("b", 1, title="detective novel"))
    held = TitleVectors(catalogue)
    assert held.of("a") is None
    held.catch_up(100)
    pan = held.matrix[catalogue.items["a"].number].copy()
    assert np.array_equal(pan, title_vectors(["cast iron pan"])[0])
    catalogue.apply([record("a", 2, title="detective story"), record("b", 3)])
    held.catch_up(100)
    story = held.of("a")
    assert story is not None
    assert not np.array_equal(story, pan)
    assert held.of("b") is None
    assert held.of("never") is None
    assert not held.matrix[held.item_ids.index("b")].any()


def test_the_matrix_grows_with_the_catalogue() -> None:
    catalogue = Catalogue()
    held = TitleVectors(catalogue)
    read(*[record(f"i{n}", n, title=f"pan {n}") for n in range(3_000)], catalogue=catalogue)
    while held._titles:
        held.catch_up(500)
    assert len(held.matrix) >= 3_000
    assert held.item_ids[catalogue.items["i2999"].number] == "i2999"
    assert held.of("i2999") is not None


def test_a_sessions_vector_is_packed_for_redis() -> None:
    catalogue = read(record("a", 0, title="pan"))
    held = TitleVectors(catalogue)
    held.catch_up(1)
    packed = held.of_session(session.State(steps=steps("a")))
    assert packed is not None
    assert unpack(packed) is not None
    assert held.of_session(session.State(steps=steps("unknown"))) is None


async def test_vectors_are_made_in_the_background() -> None:
    catalogue = read(record("a", 0, title="pan"))
    held = TitleVectors(catalogue)
    following = asyncio.create_task(held.follow())
    async with asyncio.timeout(20):
        while held.of("a") is None:
            await asyncio.sleep(0.01)
    following.cancel()

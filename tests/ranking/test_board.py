from __future__ import annotations

import numpy as np
import pytest

from serving.ranking.board import Board
from serving.ranking.codes import Codes
from stream.signals.popularity import DAY_MS, FAST_MS, State

NOW = 1_700_000_000_000


def test_the_most_seen_come_first_and_the_unseen_not_at_all() -> None:
    board = Board(Codes(["never"]))
    for item_id, seen in (("some", 2.0), ("many", 3.0), ("few", 1.0)):
        board.put(item_id, State(NOW, seen, seen))
    assert [item_id for item_id, _ in board.top(NOW, 2)] == ["many", "some"]
    assert [item_id for item_id, _ in board.top(NOW, 10)] == ["many", "some", "few"]
    assert not board.top(NOW, 0)


def test_a_steady_stream_is_measured_in_times_a_day() -> None:
    board = Board(Codes())
    board.put("steady", State(NOW, 48 / np.log(2), 7 * 48 / np.log(2)))
    ((_, rate),) = board.top(NOW, 1)
    assert rate == pytest.approx(48)


def test_yesterdays_rush_fades_behind_a_steady_seller() -> None:
    board = Board(Codes())
    board.put("rush", State(NOW, 200.0, 200.0))
    board.put("steady", State(NOW, 60.0, 420.0))
    assert board.top(NOW, 1)[0][0] == "rush"
    board.put("steady", State(NOW + 3 * FAST_MS, 60.0, 420.0))
    assert board.top(NOW + 3 * FAST_MS, 1)[0][0] == "steady"


def test_what_is_popular_in_a_category() -> None:
    codes = Codes()
    board = Board(codes)
    for number in range(3_000):
        board.put(f"i{number}", State(NOW, float(number), float(number)))
    lamps = codes.array(["i5", "i7", "i6", "never"])
    assert [item_id for item_id, _ in board.top(NOW, 2, among=lamps)] == ["i7", "i6"]
    assert [item_id for item_id, _ in board.top(NOW, 9, among=lamps)] == ["i7", "i6", "i5"]


def test_new_counts_replace_old_ones() -> None:
    board = Board(Codes())
    board.put("a", State(NOW, 9.0, 9.0))
    board.put("b", State(NOW, 5.0, 5.0))
    board.put("a", State(NOW + DAY_MS, 0.5, 0.5))
    assert [item_id for item_id, _ in board.top(NOW + DAY_MS, 2)] == ["b", "a"]


def test_what_is_rising_comes_before_what_is_as_popular_and_falls() -> None:
    board = Board(Codes())
    steady, slow = 20 / np.log(2), 7 * 20 / np.log(2)
    board.put("steady", State(NOW, steady, slow))
    board.put("rising", State(NOW, 1.5 * steady, slow / 2))
    board.put("falling", State(NOW, steady / 2, 1.5 * slow))
    assert [item_id for item_id, _ in board.top(NOW, 3, rising=True)] == ["rising", "steady", "falling"]
    rates = dict(board.top(NOW, 3))
    assert rates["rising"] == pytest.approx(rates["steady"]) == pytest.approx(rates["falling"])


def test_a_single_view_is_no_rush() -> None:
    board = Board(Codes())
    board.put("steady", State(NOW, 5 / np.log(2), 7 * 5 / np.log(2)))
    board.put("once", State(NOW, 1.0, 1.0))
    assert [item_id for item_id, _ in board.top(NOW, 2, rising=True)] == ["steady", "once"]

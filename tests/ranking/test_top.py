from __future__ import annotations

import numpy as np

from serving.ranking.board import Board
from serving.ranking.codes import Codes
from serving.ranking.top import Top

CODES = Codes("abc")
TOP = Top(np.array([2, 0, 1], np.int32), np.array([3.0, 2.0, 1.0]), CODES.ids)


def test_a_ranking_reads_as_pairs() -> None:
    assert list(TOP) == [("c", 3.0), ("a", 2.0), ("b", 1.0)]
    assert (TOP[0], TOP[-1], len(TOP)) == (("c", 3.0), ("b", 1.0), 3)
    assert list(TOP[1:]) == [("a", 2.0), ("b", 1.0)]


def test_one_item_is_left_out_wherever_it_stands() -> None:
    assert list(TOP.without(CODES.code("a"))) == [("c", 3.0), ("b", 1.0)]
    assert list(TOP.without(CODES.code("d"))) == list(TOP)


def test_a_code_that_no_event_has_named_is_not_popular() -> None:
    codes = Codes(f"i{n}" for n in range(5_000))
    board = Board(codes)
    some = np.array([0, 1_023, 4_999], np.int32)
    fast, seen = board.of(some, 1)
    assert not fast.any()
    assert not seen.any()

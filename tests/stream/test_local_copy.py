"""Files that a process keeps for its next start: whole or not at all."""

from pathlib import Path

import msgspec
import pytest

from stream.local_copy import LocalCopy

BLOCKS = [{"a": 1}, list(range(1_000)), "x" * 100_000]


async def test_what_is_written_is_read(tmp_path: Path) -> None:
    copy = LocalCopy(tmp_path / "new folder" / "copy", "test 1")
    await copy.write(BLOCKS)
    assert [msgspec.msgpack.decode(block) for block in copy.read() or ()] == BLOCKS
    await copy.write([])
    assert copy.read() == []
    assert [path.name for path in copy.path.parent.iterdir()] == ["copy"]


async def test_no_file_and_another_kind_count_as_none(tmp_path: Path) -> None:
    assert LocalCopy(tmp_path / "copy", "test 1").read() is None
    await LocalCopy(tmp_path / "copy", "test 1").write(BLOCKS)
    assert LocalCopy(tmp_path / "copy", "test 2").read() is None


@pytest.mark.parametrize("at", [0, 20, 500, -40, -1])
async def test_one_changed_bit_makes_it_none(tmp_path: Path, at: int) -> None:
    copy = LocalCopy(tmp_path / "copy", "test 1")
    await copy.write(BLOCKS)
    damaged = bytearray(copy.path.read_bytes())
    damaged[at] ^= 1
    copy.path.write_bytes(damaged)
    assert copy.read() is None


@pytest.mark.parametrize("length", [0, 5, 40, 3_000])
async def test_a_file_that_was_cut_off_makes_it_none(tmp_path: Path, length: int) -> None:
    copy = LocalCopy(tmp_path / "copy", "test 1")
    await copy.write(BLOCKS)
    copy.path.write_bytes(copy.path.read_bytes()[:length])
    assert copy.read() is None


async def test_a_failed_write_leaves_the_old_copy(tmp_path: Path) -> None:
    copy = LocalCopy(tmp_path / "copy", "test 1")
    await copy.write(BLOCKS)
    with pytest.raises(TypeError):
        await copy.write([1, object()])
    assert [msgspec.msgpack.decode(block) for block in copy.read() or ()] == BLOCKS
    assert [path.name for path in tmp_path.iterdir()] == ["copy"]  # noqa: ASYNC240  # a test may wait

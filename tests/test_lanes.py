from pathlib import Path

from tests.lanes import LONG, OF_SYSTEMS, SYSTEMS, lane

HERE = Path(__file__).parent


def test_what_starts_systems_is_one_lane() -> None:
    assert lane("tests/faults/test_export.py::test_it[a/b]") == lane("tests/docs/test_page.py::test_x") == SYSTEMS


def test_any_other_file_is_a_lane_of_its_own() -> None:
    assert lane("tests/rules/test_schedules.py::test_x[tests/docs/y]") == "tests/rules/test_schedules.py"
    assert lane("tests/test_lanes.py::test_x") == "tests/test_lanes.py"


def test_every_folder_that_is_named_is_there() -> None:
    assert [name for name in (*OF_SYSTEMS, *LONG) if not list((HERE / name).glob("test_*.py"))] == []

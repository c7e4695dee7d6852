"""A console for each test, and the checked-in schemas as validators."""

from pathlib import Path

import pytest

from tests.console.desk import Desk
from tests.schemas.conftest import validator

__all__ = ["validator"]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)

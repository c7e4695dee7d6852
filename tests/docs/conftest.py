"""One running system for all guides, as `make up` starts it, and a browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.docs.shell import Shell, shell
from tests.e2e.system import Running, up
from tests.e2e.test_up import _run_id
from tests.web.conftest import browser

__all__ = ["browser"]


@pytest.fixture(scope="package")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with up(tmp_path_factory.mktemp("docs"), "--demo") as running:
        yield running


@pytest.fixture(autouse=True)
def patience() -> Iterator[None]:
    """The reference is a large script over a large document, and the machine may be busy."""
    expect.set_options(timeout=30_000)
    yield
    expect.set_options(timeout=5_000)


@pytest.fixture
def variables(running: Running) -> dict[str, str]:
    """What a reader has set before the first command."""
    return {
        **running.environment(),
        "API": running.info["api"],
        "PUBLISHABLE_KEY": running.info["publishable_key"],
        "SECRET_KEY": running.info["secret_key"],
        "LIVESHELF_EMBEDDED_BROKER": "1",
        "LIVESHELF_RUN_ID": _run_id(running),
    }


@pytest.fixture
def reader(tmp_path: Path, variables: dict[str, str]) -> Iterator[Shell]:
    with shell(tmp_path, variables) as started:
        yield started

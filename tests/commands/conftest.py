"""Commands as a shell runs them, with settings from the environment only."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from serving.cli import app
from stream.settings import settings

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Runs `liveshelf` with these words; its exit code and what it wrote."""
    for name in [name for name in os.environ if name.startswith("LIVESHELF_") and "_TEST_" not in name]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("LIVESHELF_DATA_DIR", str(tmp_path))

    def _run(*words: str, **env: str) -> tuple[int, str]:
        settings.cache_clear()
        done = CliRunner(env={"COLUMNS": "220", **env}).invoke(app, list(words))
        settings.cache_clear()
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done.exit_code, done.output

    return _run

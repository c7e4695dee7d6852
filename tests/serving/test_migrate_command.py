"""`liveshelf migrate` on the command line: what it asks for, what it says, and what it writes for `up`."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from serving.cli import app
from stream.keyring import FILE, development_keys, pseudonyms
from stream.migrate import CannotMigrate
from stream.settings import Settings, settings

KEY = "0123456789abcdef" * 2
REDIS = {"LIVESHELF_REDIS_URL": "redis://127.0.0.1:1/0"}


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Any]:
    """A deployment that is named, but never asked: the arguments with which its state would be moved."""
    asked: dict[str, Any] = {}

    async def migrate(conf: Settings, key: bytes, prefix: str, *, write: bool) -> dict[str, int]:
        asked.update(conf=conf, key=key, prefix=prefix, write=write)
        if asked.get("fails"):
            raise CannotMigrate("not now")
        return {"events.visitor": 3}

    monkeypatch.setattr("serving.commands.migrate.migrate", migrate)
    monkeypatch.setenv("LIVESHELF_BROKER_URL", "127.0.0.1:1")
    monkeypatch.setenv("LIVESHELF_DATA_DIR", str(tmp_path / "data"))
    (tmp_path / "new.key").write_text(KEY + "\n")
    return asked


def run(*words: str, **env: str) -> tuple[int, str]:
    settings.cache_clear()
    done = CliRunner(env={"COLUMNS": "400", **env}).invoke(app, ["migrate", *words])
    return done.exit_code, done.output


def set_keys(monkeypatch: pytest.MonkeyPatch, **more: str) -> None:
    for name, value in ({"LIVESHELF_PSEUDONYM_KEY": "k" * 32} | REDIS | more).items():
        monkeypatch.setenv(name, value)


def test_without_a_broker_it_says_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LIVESHELF_BROKER_URL", raising=False)
    code, text = run()
    assert (code, "set LIVESHELF_BROKER_URL" in text) == (1, True)


def test_without_a_key_it_says_how_to_make_one(given: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    set_keys(monkeypatch)
    code, text = run("--yes")
    assert (code, "openssl rand -hex 32" in text, given) == (1, True, {})


@pytest.mark.parametrize("key", ["", "short", f"{KEY} {KEY}", f"{KEY}\n{KEY}"])
def test_a_key_that_is_weak_or_two_is_refused(
    given: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, key: str
) -> None:
    set_keys(monkeypatch)
    (tmp_path / "bad.key").write_text(key)
    code, text = run("--pseudonym-key-file", str(tmp_path / "bad.key"), "--yes")
    assert (code, "one key of at least 32 characters" in text, given) == (1, True, {})


def test_it_is_only_said_what_would_be_done_until_yes(
    given: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    set_keys(monkeypatch)
    code, text = run("--pseudonym-key-file", str(tmp_path / "new.key"))
    assert (code, given["write"], "events.visitor: 3" in text, "--yes" in text) == (0, False, True, True)


def test_it_names_the_two_settings_to_change_and_no_key(
    given: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    set_keys(monkeypatch)
    code, text = run("--pseudonym-key-file", str(tmp_path / "new.key"), "--yes")
    assert (code, given["key"], given["prefix"], given["write"]) == (0, KEY.encode(), "ls2", True)
    assert "LIVESHELF_KEY_PREFIX=ls2" in text
    assert f"LIVESHELF_LATER_PSEUDONYM_KEYS_FILE={tmp_path / 'new.key'}" in text
    assert "liveshelf migrate --delete ls --yes" in text
    assert KEY not in text


def test_the_second_time_it_counts_on(given: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    set_keys(monkeypatch, LIVESHELF_KEY_PREFIX="ls2", LIVESHELF_LATER_PSEUDONYM_KEYS="m" * 32)
    text = run("--pseudonym-key-file", str(tmp_path / "new.key"), "--yes")[1]
    assert given["prefix"] == "ls3"
    assert "LIVESHELF_LATER_PSEUDONYM_KEYS with the new key added as the last one" in text


# the keys that `up` keeps


def kept(folder: Path) -> Settings:
    found: dict[str, Any] = {
        name.removeprefix("LIVESHELF_").lower(): value for name, value in development_keys(folder).items()
    }
    return Settings(**found)


def test_in_its_own_folder_up_finds_the_new_key_and_prefix(given: dict[str, Any], tmp_path: Path) -> None:
    folder = tmp_path / "data"
    before = kept(folder)
    for prefix, length in (("ls2", 2), ("ls3", 3)):
        code, text = run("--yes", "--json", **REDIS)
        assert (code, json.loads(text)["to"]) == (0, prefix)
        after = kept(folder)
        assert (after.key_prefix, pseudonyms(after).length) == (prefix, length)
        assert pseudonyms(given["conf"]).and_another(given["key"]).fingerprint == pseudonyms(after).fingerprint
        assert (after.pseudonym_key, after.signing_key) == (before.pseudonym_key, before.signing_key)
        assert stat.S_IMODE((folder / FILE).stat().st_mode) == 0o600


@pytest.mark.parametrize("fails", [True, False])
def test_what_was_not_moved_leaves_ups_keys_alone(given: dict[str, Any], tmp_path: Path, *, fails: bool) -> None:
    development_keys(tmp_path / "data")
    before = (tmp_path / "data" / FILE).read_bytes()
    given["fails"] = fails
    code, _ = run(*(["--yes"] if fails else []), **REDIS)
    assert (code, (tmp_path / "data" / FILE).read_bytes()) == (1 if fails else 0, before)

"""Keys: made once, kept secret, never defaulted."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from stream.keyring import (
    FILE,
    LEAST_CHARACTERS,
    NoKeys,
    add_pseudonym_key,
    development_keys,
    key_bytes,
    refuse_weak,
)
from stream.settings import Settings


def test_made_once_and_kept(tmp_path: Path) -> None:
    first = development_keys(tmp_path / "new")
    assert first == development_keys(tmp_path / "new")
    assert first["LIVESHELF_PUBLISHABLE_KEY"].startswith("pk_")
    assert first["LIVESHELF_SECRET_KEY"].startswith("sk_")
    assert len(set(first.values())) == 4


def test_only_the_owner_reads_them(tmp_path: Path) -> None:
    development_keys(tmp_path)
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600


def test_two_deployments_differ(tmp_path: Path) -> None:
    assert development_keys(tmp_path / "a") != development_keys(tmp_path / "b")


def test_a_missing_key_says_what_to_set() -> None:
    with pytest.raises(NoKeys, match="LIVESHELF_PSEUDONYM_KEY is not set"):
        key_bytes(Settings(), "pseudonym_key")


def test_a_secret_comes_from_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "key").write_text("from a file\n")
    monkeypatch.setenv("LIVESHELF_SIGNING_KEY_FILE", str(tmp_path / "key"))
    assert key_bytes(Settings(), "signing_key") == b"from a file"


STRONG: dict[str, Any] = {name: "k" * least for name, least in LEAST_CHARACTERS.items()}


def test_where_others_reach_it_a_key_that_can_be_guessed_is_refused() -> None:
    refuse_weak(Settings(**STRONG), "it is open")
    for name, key in STRONG.items():
        with pytest.raises(NoKeys, match=f"LIVESHELF_{name.upper()} has fewer than {len(key)} characters") as refused:
            refuse_weak(Settings(**STRONG | {name: key[1:]}), "it is open")
        assert key[1:] not in str(refused.value)


def test_each_of_the_later_keys_counts() -> None:
    later = f"{'a' * 32} short {'b' * 32}"
    with pytest.raises(NoKeys, match="LIVESHELF_LATER_PSEUDONYM_KEYS has fewer than 32"):
        refuse_weak(Settings(**STRONG | {"later_pseudonym_keys": later}), "it is open")


def test_another_key_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = development_keys(tmp_path)
    with monkeypatch.context() as full:
        full.setattr("stream.keyring.os.fsync", _no_space)
        with pytest.raises(OSError, match="no space"):
            add_pseudonym_key(tmp_path, "new", "ls2")
    assert development_keys(tmp_path) == before
    add_pseudonym_key(tmp_path, "new", "ls2")
    changed = {"LIVESHELF_LATER_PSEUDONYM_KEYS": "new", "LIVESHELF_KEY_PREFIX": "ls2"}
    assert development_keys(tmp_path) == before | changed
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600


def _no_space(_: int) -> None:
    raise OSError("no space left on device")


def test_a_key_that_is_not_there_opens_nothing_and_is_not_weak() -> None:
    refuse_weak(Settings(**STRONG | {"publishable_key": "", "secret_key": ""}), "it is open")


def test_the_keys_that_up_makes_are_strong(tmp_path: Path) -> None:
    made: dict[str, Any] = {
        name.removeprefix("LIVESHELF_").lower(): key for name, key in development_keys(tmp_path).items()
    }
    refuse_weak(Settings(**made), "it is open")


def test_secrets_do_not_print() -> None:
    assert "hidden" not in repr(Settings(secret_key=SecretStr("hidden")))

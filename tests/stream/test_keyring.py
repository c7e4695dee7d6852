"""Keys: made once, kept secret, never defaulted."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from pydantic import SecretStr

from stream.keyring import FILE, NoKeys, development_keys, key_bytes
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


def test_secrets_do_not_print() -> None:
    assert "hidden" not in repr(Settings(secret_key=SecretStr("hidden")))

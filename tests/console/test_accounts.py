"""The accounts file: written whole, read when it changed, trusted only if it is what its schema says."""

from __future__ import annotations

import json
import os
import stat
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from argon2 import PasswordHasher
from typer.testing import CliRunner, Result

import schemas
from serving.cli import app
from serving.commands import up
from serving.console.accounts import Account, Accounts, BadAccounts, added, change, parsed, path_of, read, removed
from serving.console.passwords import HASHER, Passwords, TooShort, hash_of
from serving.up import System
from stream.settings import Settings, settings
from tests.console.desk import CHEAP, HASH, PASSWORD

Validators = Callable[[str], jsonschema_rs.Draft202012Validator]
EXAMPLE = schemas.examples("accounts", valid=True)["two_people"]
FIELDS: list[Any] = [
    *(
        None,
        1,
        "",
        "a",
        "A",
        "a" * 64,
        "a" * 65,
        "a b",
        "a\n",
        "-a",
        "a.b_c-d",
        "mira@shop",
        "é",
        "viewer",
        "admin",
        [],
    ),
    *(HASH, HASH + "\n", HASH.replace("argon2id", "argon2i"), "$argon2id$v=19$m=1$x$y", HASHER.hash(PASSWORD)),
]


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the command line finds the accounts."""
    settings.cache_clear()
    monkeypatch.setenv("LIVESHELF_ACCOUNTS_FILE", str(tmp_path / "folder" / "accounts.json"))
    monkeypatch.setattr("serving.console.command.hash_of", lambda password: hash_of(password, CHEAP))
    return tmp_path / "folder" / "accounts.json"


def run(*words: str, text: str = "") -> Result:
    return CliRunner(env={"COLUMNS": "200"}).invoke(app, ["accounts", *words], input=text)


def whole(accounts: Any) -> bool:
    try:
        parsed(json.dumps(accounts).encode())
    except BadAccounts:
        return False
    return True


def test_code_and_schema_accept_the_same(validator: Validators) -> None:
    judged = []
    for valid in (True, False):
        for title, instance in schemas.examples("accounts", valid).items():
            assert whole(instance) is valid, title
    for field in ("name", "role", "password", "other"):
        for value in FIELDS:
            instance = {"accounts": [{**EXAMPLE["accounts"][0], field: value}]}
            judged.append(whole(instance))
            assert validator("accounts").is_valid(instance) == judged[-1], (field, value)
    assert {True, False} == set(judged)


def test_two_accounts_of_one_name_are_refused() -> None:
    with pytest.raises(BadAccounts, match="two accounts of one name"):
        parsed(json.dumps({"accounts": EXAMPLE["accounts"][:1] * 2}).encode())


def test_add_list_and_remove(path: Path) -> None:
    done = run("add", "vera", "--role", "viewer", text=f"{PASSWORD}\n{PASSWORD}\n")
    assert done.exit_code == 0, done.output
    assert PASSWORD not in done.output
    assert run("add", "otto", "--role", "owner", "--password-stdin", text=f"{PASSWORD}\n").exit_code == 0
    assert json.loads(run("list", "--json").output) == [
        {"name": "otto", "role": "owner"},
        {"name": "vera", "role": "viewer"},
    ]
    assert "argon2" not in run("list").output
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert PASSWORD not in path.read_text()
    assert run("remove", "vera").exit_code == 0
    assert set(read(path)) == {"otto"}
    assert [name.name for name in path.parent.iterdir() if "lock" not in name.name] == ["accounts.json"]


def test_a_password_from_the_command_line_is_the_one_that_signs_in(path: Path) -> None:
    run("add", "vera", "--role", "viewer", "--password-stdin", text=" spaces count too \r\n")
    assert PasswordHasher().verify(read(path)["vera"].password, " spaces count too ")


@pytest.mark.parametrize(
    ("words", "text", "said"),
    [
        (("add", "Vera", "--role", "viewer"), "", "small letters"),
        (("add", "vera", "--role", "admin"), "", "there are viewer, marketer, operator, owner"),
        (("add", "vera", "--role", "viewer", "--password-stdin"), "elevenchars\n", "12 is the least"),
        (("add", "otto", "--role", "viewer", "--password-stdin"), f"{PASSWORD}\n", "an account otto already"),
        (("remove", "vera"), "", "There is no account vera; there are otto"),
    ],
)
def test_what_cannot_be_is_said_and_not_done(path: Path, words: tuple[str, ...], text: str, said: str) -> None:
    change(path, lambda known: added(known, Account("otto", "owner", HASH)))
    before = path.read_bytes()
    done = run(*words, text=text)
    assert done.exit_code == 1
    assert said in done.output
    assert path.read_bytes() == before


def test_passwords_that_differ_are_asked_for_again(path: Path) -> None:
    done = run("add", "vera", "--role", "viewer", text=f"{PASSWORD}\nsomething else\n{PASSWORD}\n{PASSWORD}\n")
    assert done.exit_code == 0
    assert set(read(path)) == {"vera"}


def test_a_file_that_cannot_be_trusted_is_not_overwritten(path: Path) -> None:
    path.parent.mkdir()
    path.write_text('{"accounts": [{"name": "vera"}]}')
    done = run("add", "otto", "--role", "owner", "--password-stdin", text=f"{PASSWORD}\n")
    assert done.exit_code == 1
    assert "schemas/accounts.json" in done.output
    assert path.read_text() == '{"accounts": [{"name": "vera"}]}'


def test_changes_at_once_are_all_kept(tmp_path: Path) -> None:
    path = tmp_path / "accounts.json"

    def add(n: int) -> None:
        change(path, lambda known: added(known, Account(f"a{n}", "viewer", HASH)))

    threads = [threading.Thread(target=add, args=(n,)) for n in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert set(read(path)) == {f"a{n}" for n in range(16)}


def test_a_change_that_is_cut_short_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "accounts.json"
    change(path, lambda known: added(known, Account("otto", "owner", HASH)))

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(BadAccounts, match="No space left on device"):
        change(path, lambda known: removed(known, "otto"))
    assert set(read(path)) == {"otto"}
    assert sorted(one.name for one in tmp_path.iterdir()) == [".accounts.json.lock", "accounts.json"]


def test_the_file_is_read_only_when_it_changed(tmp_path: Path) -> None:
    path = tmp_path / "accounts.json"
    accounts = Accounts(path)
    assert accounts.named("otto") is None
    change(path, lambda known: added(known, Account("otto", "owner", HASH)))
    first = accounts.named("otto")
    assert first is not None
    assert accounts.named("otto") is first
    change(path, lambda known: added(known, Account("vera", "viewer", HASH)))
    assert accounts.named("vera") is not None
    assert accounts.named("otto") is not first


def test_the_file_lies_in_the_data_folder_unless_told(tmp_path: Path) -> None:
    assert path_of(Settings(data_dir=tmp_path)) == tmp_path / "accounts.json"
    assert path_of(Settings(data_dir=tmp_path, accounts_file="/run/secrets/people")) == Path("/run/secrets/people")


async def test_the_same_password_composed_otherwise_fits(tmp_path: Path) -> None:
    hashed = hash_of("größe über alles", CHEAP)
    assert await Passwords(CHEAP).fits("gro\u0308ße u\u0308ber alles".replace("gro\u0308", "grö"), hashed)
    assert not await Passwords(CHEAP).fits("grosse uber alles", hashed)
    assert not await Passwords(CHEAP).fits("größe über alles", "$argon2id$broken")
    with pytest.raises(TooShort):
        await Passwords(CHEAP).hash_of("elevenchars")


def test_real_hashes_cost_what_rfc_9106_says() -> None:
    assert hash_of(PASSWORD).startswith("$argon2id$v=19$m=65536,t=3,p=4$")


def test_up_makes_the_first_owner_once_and_shows_its_password_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    conf = Settings(data_dir=tmp_path)
    system = System("http://127.0.0.1:8080", "", "", "pk_1", "sk_1")
    up._screen(system, up._first_account(conf))
    shown = capsys.readouterr().out
    account = read(tmp_path / "accounts.json")["owner"]
    password = shown.partition("password ")[2].split(",")[0]
    assert len(password) == 20
    assert HASHER.verify(account.password, password)
    assert account.role == "owner"
    assert "http://127.0.0.1:8080/console" in shown
    assert "liveshelf accounts add" in shown
    assert password not in (tmp_path / "accounts.json").read_text()
    assert password not in json.dumps(system.as_json())
    up._screen(system, up._first_account(conf))
    assert "password" not in capsys.readouterr().out


def test_up_says_when_the_accounts_cannot_be_trusted(tmp_path: Path) -> None:
    (tmp_path / "accounts.json").write_text("{}")
    assert "schemas/accounts.json" in up._first_account(Settings(data_dir=tmp_path))[0]
    assert (tmp_path / "accounts.json").read_text() == "{}"

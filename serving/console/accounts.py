"""The console's accounts: a JSON file (`schemas/accounts.json`), read again whenever it changed.

A file that cannot be trusted opens nothing: nobody is let in before it is mended.
"""

from __future__ import annotations

import fcntl
import json
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import msgspec
import structlog
from msgspec import Meta, Struct

from serving.console.roles import ROLES, Role
from stream.settings import Settings

FILE = "accounts.json"
MOST = 1_000
# `\Z` and not `$`, which Python also matches before a line's end
Name = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}\Z")]
Hash = Annotated[
    str, Meta(pattern=r"^\$argon2id\$v=19\$[a-z0-9=,]{1,64}\$[A-Za-z0-9+/]{11,128}\$[A-Za-z0-9+/]{16,128}\Z")
]
log = structlog.get_logger()


class Person(Struct, frozen=True, forbid_unknown_fields=True):
    """Who somebody is here."""

    name: Name
    role: Role


class Account(Person, frozen=True, forbid_unknown_fields=True):
    """One person who may sign in; `password` is an argon2id hash in the usual text form."""

    password: Hash


class _File(Struct, frozen=True, forbid_unknown_fields=True):
    accounts: Annotated[list[Account], Meta(max_length=MOST)]


Known = Mapping[str, Account]


class BadAccounts(Exception):
    """The accounts cannot be read or changed; the message says why and what to do."""


def path_of(settings: Settings) -> Path:
    """Where the accounts lie."""
    return Path(settings.accounts_file) if settings.accounts_file else settings.data_dir / FILE


def read(path: Path) -> dict[str, Account]:
    """The accounts by name, none without a file; raises `BadAccounts`."""
    try:
        return parsed(path.read_bytes(), str(path))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise BadAccounts(
            f"{path} cannot be read: {error.strerror}. Correct its owner or LIVESHELF_ACCOUNTS_FILE."
        ) from None


def parsed(content: bytes, where: str = FILE) -> dict[str, Account]:
    """The accounts in a file's content; raises `BadAccounts`."""
    try:
        listed = msgspec.json.decode(content, type=_File).accounts
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BadAccounts(
            f"{where} is not what schemas/accounts.json describes, so nobody is let in: {error}"
        ) from None
    known = {account.name: account for account in listed}
    if len(known) < len(listed):
        raise BadAccounts(f"{where} has two accounts of one name, so nobody is let in: remove one of them.")
    return known


def change(path: Path, fold: Callable[[Known], Known]) -> None:
    """Replace the accounts by what `fold` makes of them: whole or not at all, one change at a time, mode 0600."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _alone(path):
            _replace(path, fold(read(path)))
    except OSError as error:
        raise BadAccounts(
            f"{path} cannot be written: {error.strerror}. Change it where it is made, or give this process the right."
        ) from None


def person(name: str, role: str) -> Person:
    """A person of this name and role; raises `BadAccounts` if they cannot be."""
    if role not in ROLES:
        raise BadAccounts(f"There is no such role; there are {', '.join(ROLES)}.")
    try:
        return msgspec.convert({"name": name, "role": role}, Person)
    except msgspec.ValidationError:
        raise BadAccounts(
            "A name has 1 to 64 small letters, digits and . _ - and begins with a letter or a digit."
        ) from None


def refuse_taken(known: Known, name: str) -> None:
    """Raise `BadAccounts` if there is an account of this name."""
    if name in known:
        raise BadAccounts(f"There is an account {name} already. Remove it first, or take another name.")


def added(known: Known, account: Account) -> Known:
    """With one more account; raises `BadAccounts` if the name is taken."""
    refuse_taken(known, account.name)
    return {**known, account.name: account}


def removed(known: Known, name: str) -> Known:
    """Without an account; raises `BadAccounts` if there is none of this name."""
    if name not in known:
        raise BadAccounts(f"There is no account {name}; there are {', '.join(sorted(known)) or 'none'}.")
    return {other: account for other, account in known.items() if other != name}


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    with path.with_name(f".{path.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _replace(path: Path, known: Known) -> None:
    content = json.dumps({"accounts": [msgspec.to_builtins(known[name]) for name in sorted(known)]}, indent=2)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mkstemp's mode is 0600
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as out:
            out.write(content + "\n")
            out.flush()
            os.fsync(out.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


class Accounts:
    """The accounts as they are now: each look asks whether the file changed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._version: tuple[int, ...] | None = None
        self._known: Known = {}

    def named(self, name: str) -> Account | None:
        """The account of this name."""
        return self.known().get(name)

    def known(self) -> Known:
        """All accounts by name; none while the file cannot be trusted."""
        version = self._version_now()
        if version != self._version:
            self._version, self._known = version, self._read()
        return self._known

    def _version_now(self) -> tuple[int, ...]:
        try:
            found = self.path.stat()
        except OSError:
            return ()
        return (found.st_mtime_ns, found.st_size, found.st_ino)

    def _read(self) -> Known:
        try:
            return read(self.path)
        except BadAccounts as error:
            log.warning("accounts_not_read", reason=str(error))
            return {}

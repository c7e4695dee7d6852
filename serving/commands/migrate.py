"""`liveshelf migrate`: after a leak, all state under another pseudonym key."""

from __future__ import annotations

import asyncio
import json
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer

from serving.commands.running import Json, out, sentences
from serving.migration import end, migrate
from stream.embedded.redis import EmbeddedRedis
from stream.keyring import FILE, LEAST_CHARACTERS, add_pseudonym_key, development_keys
from stream.migrate import CannotMigrate
from stream.settings import Settings, settings

_LATER = "LIVESHELF_LATER_PSEUDONYM_KEYS"


class Asked(NamedTuple):
    """What to do, with which settings; `folder` is `up`'s, where the keys are its own."""

    settings: Settings
    folder: Path | None
    write: bool


def migrate_(
    pseudonym_key_file: Annotated[
        Path | None, typer.Option(help="a file with the new key, and nothing else; for `up`'s own keys it is made")
    ] = None,
    prefix: Annotated[str, typer.Option(help="first part of the new Redis keys; none: as before with a number")] = "",
    delete: Annotated[
        str, typer.Option("--delete", metavar="OLD_PREFIX", help="afterwards: end what lies under the old prefix")
    ] = "",
    yes: Annotated[bool, typer.Option("--yes", help="do it; without, only say what would be done")] = False,
    as_json: Json = False,
) -> None:
    """Move all state to another pseudonym key, with the workers stopped; then, with --delete, end the old one."""
    with sentences(), _asked(write=yes) as asked:
        if delete:
            told = _end(asked, delete)
        else:
            told = _migrate(asked, pseudonym_key_file, prefix)
    if as_json:
        typer.echo(json.dumps(told))
        return
    for family, number in told["found"].items():
        out.print(f"  {family}: {number}", highlight=False)
    for line in told["next"]:
        out.print(line, highlight=False, markup=False, soft_wrap=True)


def _migrate(asked: Asked, key_file: Path | None, prefix: str) -> dict[str, Any]:
    conf, key = asked.settings, _key(asked, key_file)
    prefix = prefix or _numbered(conf)
    found = asyncio.run(migrate(conf, key.encode(), prefix, write=asked.write))
    told = {"done": asked.write, "from": conf.key_prefix, "to": prefix, "found": found}
    if not asked.write:
        return told | {"next": [f"All that is under {conf.key_prefix} would be copied to {prefix}; do it with --yes."]}
    ended = f"Then, once they run: liveshelf migrate --delete {conf.key_prefix} --yes"
    if asked.folder is not None:
        add_pseudonym_key(asked.folder, key, prefix)
        return told | {"next": [f"{asked.folder / FILE} has the new key: start `liveshelf up` again.", ended]}
    how = f"{_LATER}_FILE={key_file}"
    if conf.later_pseudonym_keys.get_secret_value():
        how = f"{_LATER} with the new key added as the last one, after a space (or in a new line of its file)"
    lines = [
        "All state is copied. Start all processes with these two settings; LIVESHELF_PSEUDONYM_KEY stays as it is:",
        f"  LIVESHELF_KEY_PREFIX={prefix}",
        f"  {how}",
        ended,
    ]
    return told | {"next": lines}


def _end(asked: Asked, old_prefix: str) -> dict[str, Any]:
    found = asyncio.run(end(asked.settings, old_prefix, write=asked.write))
    told = {"done": asked.write, "deleted": old_prefix, "found": found}
    if not asked.write:
        return told | {"next": [f"All under {old_prefix} would be deleted, for good; do it with --yes."]}
    return told | {"next": [f"Nothing is left under {old_prefix}; consents and erasures are on record by new names."]}


def _key(asked: Asked, key_file: Path | None) -> str:
    """The new key: given, or for a folder of `up`'s made."""
    if key_file is None and asked.folder is not None:
        return secrets.token_hex(32)
    if key_file is None:
        raise CannotMigrate(
            "there is no new key: make one with `(umask 077; openssl rand -hex 32 > new.key)` and name it with "
            "--pseudonym-key-file new.key."
        )
    try:
        key = key_file.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise CannotMigrate(f"{key_file} cannot be read: {error.strerror}.") from None
    if len(key) < LEAST_CHARACTERS["pseudonym_key"] or len(key.split()) > 1:
        raise CannotMigrate(
            f"{key_file} has to hold one key of at least {LEAST_CHARACTERS['pseudonym_key']} characters without "
            "spaces, such as `openssl rand -hex 32` makes."
        )
    return key


def _numbered(conf: Settings) -> str:
    """The prefix with the number of keys that its state will be made by, such as ``ls2``."""
    later = len(conf.later_pseudonym_keys.get_secret_value().split())
    base = re.sub(rf"{later + 1}$", "", conf.key_prefix) if later else conf.key_prefix
    return f"{base}{later + 2}"


@contextmanager
def _asked(*, write: bool) -> Iterator[Asked]:
    """The settings of the deployment; where only a folder of `up`'s has keys, its keys and its Redis."""
    conf = settings()
    if not conf.broker_url:
        raise CannotMigrate(
            "set LIVESHELF_BROKER_URL. What `liveshelf up` runs on its own broker ends with it: there is nothing to "
            "migrate, and new keys are made when keys.json is removed from its data folder."
        )
    folder = conf.data_dir if (conf.data_dir / FILE).exists() else None
    if conf.pseudonym_key.get_secret_value() or folder is None:
        if not conf.redis_url:
            raise CannotMigrate("set LIVESHELF_REDIS_URL, and the keys as the workers have them.")
        yield Asked(conf, None, write)
        return
    kept = {name.removeprefix("LIVESHELF_").lower(): value for name, value in development_keys(folder).items()}
    conf = Settings(**conf.model_dump() | kept)
    if conf.redis_url:
        yield Asked(conf, folder, write)
        return
    with EmbeddedRedis(folder, keep=True) as redis:
        yield Asked(conf.model_copy(update={"redis_url": redis.url}), folder, write)

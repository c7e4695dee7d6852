"""The deployment's keys: given by settings, or made once by `up` and kept in its data folder with mode 0600."""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path

from stream.pseudonyms import Pseudonyms
from stream.settings import Settings

FILE = "keys.json"
WHAT = {
    "pseudonym_key": "LIVESHELF_PSEUDONYM_KEY",
    "later_pseudonym_keys": "LIVESHELF_LATER_PSEUDONYM_KEYS",
    "signing_key": "LIVESHELF_SIGNING_KEY",
    "publishable_key": "LIVESHELF_PUBLISHABLE_KEY",
    "secret_key": "LIVESHELF_SECRET_KEY",
}


_MOVED = {"key_prefix": "LIVESHELF_KEY_PREFIX"}
_MADE = ("pseudonym_key", "signing_key", "publishable_key", "secret_key")
LEAST_CHARACTERS = {
    "pseudonym_key": 32,
    "later_pseudonym_keys": 32,
    "signing_key": 32,
    "publishable_key": 20,
    "secret_key": 20,
}


class NoKeys(Exception):
    """A key is missing or can be guessed; there are no defaults."""


def key_bytes(settings: Settings, name: str) -> bytes:
    """A key as bytes; raises `NoKeys` if it is not set."""
    text = _text(settings, name)
    if not text:
        raise NoKeys(
            f"{WHAT[name]} is not set and there is no default: set it (or {WHAT[name]}_FILE), the same in every "
            "process. `liveshelf up` makes keys for a development run by itself."
        )
    return text.encode()


def pseudonyms(settings: Settings) -> Pseudonyms:
    """The chain of pseudonym keys, oldest first; raises `NoKeys` if there is none."""
    later = _text(settings, "later_pseudonym_keys").split()
    return Pseudonyms((key_bytes(settings, "pseudonym_key"), *(key.encode() for key in later)))


def refuse_weak(settings: Settings, where: str) -> None:
    """Raise `NoKeys` if the API would listen where others reach it with a key that can be guessed."""
    for name, least in LEAST_CHARACTERS.items():
        text = _text(settings, name)
        if any(0 < len(key) < least for key in (text.split() if name == "later_pseudonym_keys" else [text])):
            raise NoKeys(
                f"{WHAT[name]} has fewer than {least} characters and {where}: whoever guesses the key has all that it "
                "opens. Make one, such as with `openssl rand -hex 32` (pk_ and sk_ keys begin so), or listen on "
                "127.0.0.1 only."
            )


def _text(settings: Settings, name: str) -> str:
    value = getattr(settings, name)
    return value if isinstance(value, str) else str(value.get_secret_value())


def development_keys(data_dir: Path) -> dict[str, str]:
    """The keys of this data folder as environment variables, with the key prefix if a migration changed it.

    They are made at the first call.
    """
    path = data_dir / FILE
    if not path.exists():
        data_dir.mkdir(parents=True, exist_ok=True)
        made = {
            "pseudonym_key": secrets.token_hex(32),
            "signing_key": secrets.token_hex(32),
            "publishable_key": "pk_" + secrets.token_urlsafe(24),
            "secret_key": "sk_" + secrets.token_urlsafe(32),
        }
        _write(path, made)
    kept = kept_keys(data_dir)
    return {variable: kept[name] for name, variable in (WHAT | _MOVED).items() if name in kept}


def kept_keys(data_dir: Path) -> dict[str, str]:
    """The keys that `up` keeps in this data folder, by setting, and the key prefix if a migration changed it.

    Raises `NoKeys` if there are none.
    """
    try:
        kept = json.loads((data_dir / FILE).read_text(encoding="utf-8"))
        return {name: kept[name] for name in (*_MADE, *(WHAT | _MOVED).keys() & kept.keys())}
    except FileNotFoundError:
        raise NoKeys(f"no keys lie in {data_dir}: `liveshelf up` makes them there, or set LIVESHELF_…_KEY") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise NoKeys(f"{data_dir / FILE} is not what `liveshelf up` wrote ({error}); move it away") from None


def add_pseudonym_key(data_dir: Path, key: str, key_prefix: str) -> None:
    """Write another key and where the state lies now into this data folder's keys, both at once or not at all."""
    path = data_dir / FILE
    kept = json.loads(path.read_text(encoding="utf-8"))
    later = f"{kept.get('later_pseudonym_keys', '')} {key}".strip()
    beside = path.with_name(f"{FILE}.new")
    beside.unlink(missing_ok=True)
    _write(beside, kept | {"later_pseudonym_keys": later, "key_prefix": key_prefix})
    beside.replace(path)


def _write(path: Path, keys: dict[str, str]) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        json.dump(keys, out)
        out.flush()
        os.fsync(descriptor)

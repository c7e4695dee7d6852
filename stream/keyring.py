"""The deployment's keys: given by settings, or made once by `up` and kept in its data folder with mode 0600."""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path

from stream.settings import SECRETS, Settings

FILE = "keys.json"
WHAT = {
    "pseudonym_key": "LIVESHELF_PSEUDONYM_KEY",
    "signing_key": "LIVESHELF_SIGNING_KEY",
    "publishable_key": "LIVESHELF_PUBLISHABLE_KEY",
    "secret_key": "LIVESHELF_SECRET_KEY",
}


LEAST_CHARACTERS = {"pseudonym_key": 32, "signing_key": 32, "publishable_key": 20, "secret_key": 20}


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


def refuse_weak(settings: Settings, where: str) -> None:
    """Raise `NoKeys` if the API would listen where others reach it with a key that can be guessed."""
    for name, least in LEAST_CHARACTERS.items():
        if 0 < len(_text(settings, name)) < least:
            raise NoKeys(
                f"{WHAT[name]} has fewer than {least} characters and {where}: whoever guesses the key has all that it "
                "opens. Make one, such as with `openssl rand -hex 32` (pk_ and sk_ keys begin so), or listen on "
                "127.0.0.1 only."
            )


def _text(settings: Settings, name: str) -> str:
    value = getattr(settings, name)
    return value if isinstance(value, str) else str(value.get_secret_value())


def development_keys(data_dir: Path) -> dict[str, str]:
    """The keys of this data folder as environment variables; made at the first call."""
    path = data_dir / FILE
    if not path.exists():
        data_dir.mkdir(parents=True, exist_ok=True)
        made = {
            "pseudonym_key": secrets.token_hex(32),
            "signing_key": secrets.token_hex(32),
            "publishable_key": "pk_" + secrets.token_urlsafe(24),
            "secret_key": "sk_" + secrets.token_urlsafe(32),
        }
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as out:
            json.dump(made, out)
    return {WHAT[name]: key for name, key in kept_keys(data_dir).items()}


def kept_keys(data_dir: Path) -> dict[str, str]:
    """The keys that `up` keeps in this data folder, by setting; raises `NoKeys` if there are none."""
    try:
        kept = json.loads((data_dir / FILE).read_text(encoding="utf-8"))
        return {name: kept[name] for name in SECRETS}
    except FileNotFoundError:
        raise NoKeys(f"no keys lie in {data_dir}: `liveshelf up` makes them there, or set LIVESHELF_…_KEY") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise NoKeys(f"{data_dir / FILE} is not what `liveshelf up` wrote ({error}); move it away") from None

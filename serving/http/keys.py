"""API keys: who calls, for what, and from whose pages.

`LIVESHELF_PUBLISHABLE_KEY` (pages carry it) and `LIVESHELF_SECRET_KEY` (servers keep it) are two of them; more come
from the file that `LIVESHELF_API_KEYS_FILE` names, as `schemas/api_keys.json` describes it. Of every key this process
looks up the SHA-256 only, compared in constant time.
"""

from __future__ import annotations

import hmac
from collections import Counter
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Literal, TypeAlias, get_args

import msgspec
from msgspec import Meta, Struct

from stream.keyring import NoKeys
from stream.settings import Settings

Scope = Literal["events", "decisions", "catalog", "privacy", "ops", "admin"]
SCOPES: frozenset[Scope] = frozenset(get_args(Scope))
OF_PAGES: frozenset[Scope] = frozenset({"events", "decisions"})
"""All that a publishable key can hold: whoever opens the page has it."""
PUBLISHABLE, SECRET = "publishable", "secret"
"""The names of the two keys of the settings."""

Origin: TypeAlias = Annotated[
    str, Meta(pattern=r"^[a-z][a-z0-9+.-]*://(\[[0-9a-f:]+\]|[a-z0-9.-]+)(:[0-9]{1,5})?\Z", max_length=200)
]


class Given(Struct, frozen=True, forbid_unknown_fields=True):
    """A key as its file says it."""

    name: Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9_.-]{0,63}\Z")]
    key: Annotated[str, Meta(pattern=r"^(pk|sk)_[A-Za-z0-9_-]{17,200}\Z")]
    scopes: Annotated[list[Scope], Meta(min_length=1)]
    origins: Annotated[list[Origin], Meta(min_length=1)] | None = None


class Key(Struct, frozen=True):
    """A key as it is kept: `origins` are the pages that may use it, None: any."""

    name: str
    digest: bytes
    secret: bool
    scopes: frozenset[Scope]
    origins: frozenset[bytes] | None


class ApiKeys:
    """The deployment's keys."""

    def __init__(self, keys: Sequence[Key]) -> None:
        self.keys = tuple(keys)

    @classmethod
    def of(cls, settings: Settings) -> ApiKeys:
        """The keys of settings and file; `NoKeys` says what is wrong with them."""
        secret, path = settings.secret_key.get_secret_value(), settings.api_keys_file
        keys = [
            *_of_settings(PUBLISHABLE, settings.publishable_key, "pk_", OF_PAGES, _origins(settings.allowed_origins)),
            *_of_settings(SECRET, secret, "sk_", SCOPES, None),
            *([] if path == Path() else read(path)),
        ]
        _refuse_doubles("name", Counter(key.name for key in keys))
        if len({key.digest for key in keys}) < len(keys):
            raise NoKeys("Two API keys are the same text, so nobody can tell which one is meant. Make each anew.")
        return cls(keys)

    def find(self, token: bytes) -> Key | None:
        """The key that was sent, if it is one of ours."""
        digest, found = sha256(token).digest(), None
        for key in self.keys:
            if hmac.compare_digest(key.digest, digest):
                found = key
        return found


def read(path: Path) -> list[Key]:
    """The keys of a file; `NoKeys` if it is not as `schemas/api_keys.json` says."""
    try:
        given = msgspec.json.decode(path.read_bytes(), type=list[Given])
    except OSError as error:
        raise _bad(path, f"it cannot be read ({error.strerror})") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _bad(path, str(error)) from None
    for one in given:
        beyond = set(one.scopes) - OF_PAGES
        if one.key.startswith("pk_") and beyond:
            text = f"the publishable key `{one.name}` has {', '.join(sorted(beyond))}, which need a secret one (sk_…)"
            raise _bad(path, text)
    return [_kept(one.name, one.key, frozenset(one.scopes), one.origins) for one in given]


def _of_settings(name: str, key: str, prefix: str, scopes: frozenset[Scope], origins: list[Origin] | None) -> list[Key]:
    """The key of a setting; an empty one opens nothing."""
    if key.startswith({"pk_": "sk_", "sk_": "pk_"}[prefix]):
        raise NoKeys(f"LIVESHELF_{name.upper()}_KEY begins with {key[:3]}: the two keys of the settings are exchanged.")
    return [_kept(name, key, scopes, origins, secret=name == SECRET)] if key else []


def _kept(
    name: str, key: str, scopes: frozenset[Scope], origins: list[Origin] | None, *, secret: bool | None = None
) -> Key:
    secret = key.startswith("sk_") if secret is None else secret
    # a secret key has no business in a page, unless somebody says which
    allowed = ([] if secret else None) if origins is None else origins
    kept = None if allowed is None else frozenset(origin.encode() for origin in allowed)
    return Key(name, sha256(key.encode()).digest(), secret, scopes, kept)


def _origins(setting: str) -> list[Origin] | None:
    given = [origin.strip() for origin in setting.split(",") if origin.strip()]
    try:
        return msgspec.convert(given, list[Origin]) or None
    except msgspec.ValidationError:
        raise NoKeys(
            f"LIVESHELF_ALLOWED_ORIGINS is {setting!r}, but an origin is https://shop.example: scheme and host in "
            "small letters, a port if it is not the usual one, no path, no / at the end."
        ) from None


def _refuse_doubles(what: str, counted: Counter[str]) -> None:
    twice = [name for name, times in counted.items() if times > 1]
    if twice:
        raise NoKeys(
            f"More than one API key has the {what} {twice[0]!r}. Names tell keys apart, and `{PUBLISHABLE}` and "
            f"`{SECRET}` are those of the settings; call one of them otherwise."
        )


def _bad(path: Path, text: str) -> NoKeys:
    return NoKeys(f"LIVESHELF_API_KEYS_FILE: {path}: {text}. schemas/api_keys.json says what it holds.")

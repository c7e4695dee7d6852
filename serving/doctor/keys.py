"""Keys: there, hard to guess, each another, and readable by their owner only."""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from pydantic import SecretStr

from serving.doctor.facts import Facts
from serving.doctor.finding import Finding, bad, ok, warn
from serving.http.keys import ApiKeys
from stream.keyring import FILE, LEAST_CHARACTERS, WHAT, NoKeys
from stream.settings import SECRETS, Settings

LEAST_DIFFERENT = 8
LATER = "later_pseudonym_keys"


def present(facts: Facts) -> Finding:
    """Whether all keys are set."""
    texts = {name: key for name, key in _texts(facts.settings) if name != LATER}
    missing = [WHAT[name] for name, key in texts.items() if not key]
    if not missing:
        return ok("all keys are set.")
    if len(missing) == len(texts) and (facts.settings.data_dir / FILE).exists():
        return ok(f"no keys are set; `up` uses those that it keeps in {facts.settings.data_dir / FILE}.")
    fix = "Set them (or …_FILE), the same for every process; `openssl rand -hex 32` makes one. `up` makes its own."
    return (bad if facts.settings.broker_url else warn)(f"not set: {', '.join(missing)}.", fix)


def strong(facts: Facts) -> Finding | None:
    """Whether keys can be guessed."""
    given = [(name, key) for name, key in _texts(facts.settings) if key]
    if not given:
        return None
    if any(times > 1 for times in Counter(key for _, key in given).values()):
        return bad("two keys are the same text: who has the one has the other.", "Make each anew.")
    weak = [WHAT[name] for name, key in given if len(key) < LEAST_CHARACTERS[name] or len(set(key)) < LEAST_DIFFERENT]
    if weak:
        fix = "Make them anew with `openssl rand -hex 32` (a pseudonym key in use has to stay: visitors hang on it)."
        return bad(f"can be guessed, being short or monotonous: {', '.join(weak)}.", fix)
    return ok("no key is short or monotonous.")


def api_keys(facts: Facts) -> Finding:
    """Whether the API would take the keys and their file."""
    try:
        found = ApiKeys.of(facts.settings)
    except NoKeys as error:
        return bad(str(error), "The API does not start before.")
    return ok(f"the API would know {len(found.keys)} keys.")


def files(facts: Facts) -> Finding:
    """Whether others on this machine can read the files that hold keys."""
    open_to = [str(path) for path in _files(facts.settings) if path.exists() and _mode(path) & 0o077]
    if open_to:
        return warn(f"others on this machine can read {', '.join(open_to)}.", f"chmod 600 {' '.join(open_to)}")
    return ok("no file with keys is open to others on this machine.")


def _texts(settings: Settings) -> Iterator[tuple[str, str]]:
    for name in SECRETS:
        value = getattr(settings, name)
        text = value.get_secret_value() if isinstance(value, SecretStr) else value
        yield from ((name, key) for key in (text.split() if name == LATER else [text]))


def _files(settings: Settings) -> Iterator[Path]:
    yield settings.data_dir / FILE
    if settings.api_keys_file != Path():
        yield settings.api_keys_file
    for name in WHAT.values():
        if path := os.environ.get(f"{name}_FILE"):
            yield Path(path)


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)

"""`liveshelf config`: each setting, its value and where that came from; secrets only as set or not set."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import typer
from msgspec import Struct, to_builtins
from pydantic import ValidationError
from rich.markup import escape
from rich.table import Table

from serving.commands.running import VARIABLE, Json, err, out
from stream.keyring import FILE
from stream.settings import SECRETS, Settings

_OF_TESTS = f"{VARIABLE}TEST_"
_USERINFO = re.compile(r"(?<=://)[^/@]*@")


class Setting(Struct, frozen=True):
    """One setting; `value` is its text, or for a secret `set` or `not set`; `wrong` says what is wrong with it."""

    name: str
    value: str
    origin: str
    says: str
    wrong: str | None = None


class Unknown(Struct, frozen=True):
    """A variable that no setting reads, and the one that was probably meant."""

    name: str
    meant: str | None


def config(as_json: Json = False) -> None:
    """Show every setting, its value, and where that came from."""
    found, strangers = list(configured(os.environ)), list(unknown(os.environ))
    if as_json:
        print(json.dumps({"settings": to_builtins(found), "unknown": to_builtins(strangers)}))
    else:
        _screen(found, strangers)
    if any(one.wrong for one in found):
        raise typer.Exit(1)


def configured(environ: Mapping[str, str]) -> Iterator[Setting]:
    """Every setting as a process with this environment has it."""
    known, wrong = _read()
    given = {name.upper(): value for name, value in environ.items()}
    for name, field in Settings.model_fields.items():
        variable = f"{VARIABLE}{name.upper()}"
        value = given.get(variable) if known is None else getattr(known, name)
        origin = _origin(name, variable, given, Path(given.get(f"{VARIABLE}DATA_DIR") or field_default("data_dir")))
        default = field.default if value is None else value
        yield Setting(variable, _told(name, default), origin, field.description or "", wrong.get(name))


def field_default(name: str) -> Any:
    """What a setting is where nothing says it."""
    return Settings.model_fields[name].default


def unknown(environ: Mapping[str, str]) -> Iterator[Unknown]:
    """Variables that look like settings, but are none: probably misspelt."""
    known = [name.upper() for name in Settings.model_fields] + [f"{name.upper()}_FILE" for name in SECRETS]
    for name in sorted(environ):
        said = name.upper().removeprefix(VARIABLE)
        if name.upper().startswith(VARIABLE) and said not in known and not name.startswith(_OF_TESTS):
            near = get_close_matches(said, known, 1)
            yield Unknown(name, f"{VARIABLE}{near[0]}" if near else None)


def _read() -> tuple[Settings | None, dict[str, str]]:
    """The settings, or what is wrong by their names."""
    try:
        return Settings(), {}
    except ValidationError as error:
        return None, {str(one["loc"][0]): one["msg"] for one in error.errors()}
    except OSError as error:
        missing = [name for name in SECRETS if os.environ.get(f"{VARIABLE}{name.upper()}_FILE") == str(error.filename)]
        return None, dict.fromkeys(missing, f"{error.filename}: {error.strerror}")


def _origin(name: str, variable: str, given: Mapping[str, str], data_dir: Path) -> str:
    if variable in given:
        return "environment"
    if name not in SECRETS:
        return "default"
    if path := given.get(f"{variable}_FILE"):
        return f"file {path}"
    return f"default; `up` uses {data_dir / FILE}" if (data_dir / FILE).exists() else "default"


def _told(name: str, value: Any) -> str:
    if name in SECRETS:
        text = value if isinstance(value, str) else value.get_secret_value()
        return "set" if text else "not set"
    if value == Path():
        return ""
    return _USERINFO.sub("***@", str(value).lower() if isinstance(value, bool) else str(value))


def _screen(found: list[Setting], strangers: list[Unknown]) -> None:
    table = Table("setting", "value", "from", "is")
    for one in found:
        value = f"[red]{escape(one.value)}: {escape(one.wrong)}[/]" if one.wrong else escape(one.value) or "–"
        table.add_row(one.name, value, escape(one.origin), escape(one.says))
    out.print(table)
    for stranger in strangers:
        meant = f"; did you mean {stranger.meant}?" if stranger.meant else ""
        err.print(f"[yellow]![/] {stranger.name} is no setting, so nothing reads it{meant}", highlight=False)
    if Path(".env").exists():
        err.print(
            "[yellow]![/] liveshelf does not read the .env file that lies here; Docker Compose does", highlight=False
        )

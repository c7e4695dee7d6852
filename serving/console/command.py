"""`liveshelf accounts`: who may sign in to the console, for those with access to the server."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from serving.console.accounts import Account, BadAccounts, added, change, path_of, person, read, refuse_taken, removed
from serving.console.passwords import TooShort, hash_of
from serving.console.roles import ROLES
from stream.settings import settings

FIRST = "owner"
app = typer.Typer(no_args_is_help=True, help="Who may sign in to the console.")
out, err = Console(), Console(stderr=True)


@contextmanager
def _sentences() -> Iterator[Path]:
    """Where the accounts lie; what a user can mend becomes one sentence."""
    try:
        yield path_of(settings())
    except (BadAccounts, TooShort) as error:
        err.print(f"[bold red]✗[/] {error}", highlight=False)
        raise typer.Exit(1) from None


@app.command("add")
def add(
    name: Annotated[str, typer.Argument(help="small letters, digits and . _ -")],
    role: Annotated[str, typer.Option(help=f"{', '.join(ROLES)}: each may do more than the one before")],
    from_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="its password is the first line of stdin")
    ] = False,
) -> None:
    """Add an account; its password is asked for twice."""
    with _sentences() as path:
        who = person(name, role)
        refuse_taken(read(path), who.name)
        account = Account(who.name, who.role, hash_of(_password(from_stdin=from_stdin)))
        change(path, lambda known: added(known, account))
    out.print(f"{name} may sign in to the console now, as {role}", highlight=False)


def _password(*, from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    answer: str = typer.prompt("Password", hide_input=True, confirmation_prompt="The same again")
    return answer


@app.command("list")
def show(
    as_json: Annotated[bool, typer.Option("--json", help="one JSON document instead of the table")] = False,
) -> None:
    """Who may sign in, and as what."""
    with _sentences() as path:
        people = [{"name": account.name, "role": account.role} for _, account in sorted(read(path).items())]
    if as_json:
        out.print_json(data=people)
        return
    table = Table("name", "role")
    for one in people:
        table.add_row(one["name"], one["role"])
    out.print(table)


@app.command("remove")
def remove(name: str) -> None:
    """Remove an account; its sessions end with the next click."""
    with _sentences() as path:
        change(path, lambda known: removed(known, name))
    out.print(f"{name} can no longer sign in", highlight=False)


def first_account(path: Path) -> tuple[str, str] | None:
    """Make an owner where there is no account at all; its name and password, which are kept nowhere else."""
    if read(path):
        return None
    password = secrets.token_urlsafe(15)
    account = Account(FIRST, "owner", hash_of(password))
    change(path, lambda known: added(known, account))
    return FIRST, password

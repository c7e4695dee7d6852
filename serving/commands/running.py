"""What every command stands on: the screen, the connection, errors that end in one sentence, and signals."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Annotated, Any, NoReturn, TypeVar

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.markup import escape

from stream.cluster import BrokerAway, WrongTopic
from stream.embedded.broker import BrokerBroken
from stream.embedded.redis import RedisBroken
from stream.keyring import NoKeys, kept_keys
from stream.migrate import CannotMigrate
from stream.producer import NotAcknowledged
from stream.rebuild import CannotRebuild
from stream.replay import BadFile
from stream.settings import Settings, settings
from stream.shard import Halt
from stream.state.keys import Keys
from stream.state.redis import RedisStore
from stream.state.store import Unavailable

VARIABLE = "LIVESHELF_"
T = TypeVar("T")
out, err = Console(), Console(stderr=True)

Json = Annotated[bool, typer.Option("--json", help="one JSON document instead of the screen")]
CAN_BE_MENDED = (
    BrokerAway, WrongTopic, BrokerBroken, RedisBroken, NoKeys, NotAcknowledged, Unavailable, BadFile, CannotRebuild,
    CannotMigrate, Halt,
)  # fmt: skip


def fail(message: object, code: int = 1) -> NoReturn:
    """End the command with one sentence."""
    err.print(f"[bold red]✗[/] {escape(str(message))}", highlight=False, soft_wrap=True)
    raise typer.Exit(code)


@contextmanager
def sentences() -> Iterator[None]:
    """What a user can mend becomes one sentence."""
    try:
        yield
    except CAN_BE_MENDED as error:
        fail(error)


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run to the end, with `sentences`."""
    with sentences():
        return asyncio.run(work)


def loaded() -> Settings:
    """The settings; what is wrong with them becomes one sentence."""
    try:
        return settings()
    except ValidationError as error:
        fail("; ".join(f"{VARIABLE}{'.'.join(map(str, one['loc'])).upper()}: {one['msg']}" for one in error.errors()))
    except OSError as error:
        fail(f"a file that a LIVESHELF_…_FILE names cannot be read: {error}")


def with_kept_keys(conf: Settings) -> Settings:
    """The settings with the keys that `up` keeps, where they name none."""
    if conf.signing_key.get_secret_value():
        return conf
    try:
        kept = kept_keys(conf.data_dir)
    except NoKeys:
        return conf
    return Settings.model_validate({**conf.model_dump(), **kept})


def connected() -> Settings:
    """The settings, where they say whom to ask."""
    conf = loaded()
    if not conf.broker_url or not conf.redis_url:
        fail("set LIVESHELF_BROKER_URL and LIVESHELF_REDIS_URL (`liveshelf up` prints them when it is ready)")
    return conf


@asynccontextmanager
async def opened(conf: Settings) -> AsyncIterator[RedisStore]:
    """The store, closed at the end."""
    try:
        store = RedisStore(conf.redis_url, Keys(conf.key_prefix))
    except ValueError as error:
        fail(f"LIVESHELF_REDIS_URL is no URL of a Redis such as redis://host:6379/0: {error}")
    try:
        yield store
    finally:
        await store.close()


def stop_signal() -> asyncio.Event:
    """Set by Ctrl-C and by SIGTERM."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    return stopped

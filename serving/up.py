"""`liveshelf up`: the whole system in one command; what is not given is started, and ends with it."""

from __future__ import annotations

import asyncio
import secrets
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from serving.demo.catalogue import items as demo_items
from serving.demo.shoppers import run as shop
from serving.demo.world import World
from stream.cluster import PARTITIONS_EMBEDDED, Cluster
from stream.embedded.broker import EmbeddedBroker
from stream.embedded.redis import EmbeddedRedis
from stream.keyring import development_keys
from stream.lag import progress_of
from stream.settings import Settings
from stream.state.keys import Keys
from stream.state.pipe import Pipe
from stream.state.redis import RedisStore
from stream.state.store import Unavailable
from stream.supervisor import Part, Supervisor
from stream.topics import TOPICS

READY_WITHIN_S = 60
DEMO_SEED = 2026
DEMO_EVENTS_A_SECOND = 20.0
DEMO_FASHION_S = 20 * 60
ITEMS_AT_ONCE = 1_000


class NotReady(Exception):
    """A part of the system did not come up; the message says which and where its log is."""


@dataclass
class System:
    """What runs where, as `up --json` and the screen tell it."""

    api: str
    broker: str
    redis: str
    publishable_key: str
    secret_key: str
    embedded: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    log: Path | None = None

    def as_json(self) -> dict[str, str]:
        return {
            "api": self.api,
            "broker": self.broker,
            "redis": self.redis,
            "publishable_key": self.publishable_key,
            "secret_key": self.secret_key,
        }


@asynccontextmanager
async def system(settings: Settings, *, host: str, port: int, demo: bool) -> AsyncIterator[tuple[System, Supervisor]]:
    """Everything running and ready; leaving it ends all that it started."""
    async with AsyncExitStack() as stack:
        env = development_keys(settings.data_dir)
        run_id = secrets.token_hex(4)
        found = System("", settings.broker_url, settings.redis_url, "", "")
        if not found.redis:
            found.redis = _start_redis(stack, settings, keep=bool(found.broker))
            found.embedded.append("redis")
        if not found.broker:
            found.broker = stack.enter_context(
                EmbeddedBroker(
                    {
                        topic.name: topic.partitions or settings.partitions or PARTITIONS_EMBEDDED
                        for topic in TOPICS.values()
                    }
                )
            ).url
            found.embedded.append("broker")
            env |= {"LIVESHELF_EMBEDDED_BROKER": "1", "LIVESHELF_RUN_ID": run_id}
            if "redis" not in found.embedded:
                env["LIVESHELF_KEY_PREFIX"] = f"ls{run_id}"
                found.notes.append(
                    f"the embedded broker starts empty, so this run's keys in your Redis begin with ls{run_id}:"
                )
        env |= {"LIVESHELF_BROKER_URL": found.broker, "LIVESHELF_REDIS_URL": found.redis}
        env |= {"LIVESHELF_DATA_DIR": str(settings.data_dir)}
        found.api = f"http://{host}:{port}"
        found.publishable_key, found.secret_key = env["LIVESHELF_PUBLISHABLE_KEY"], env["LIVESHELF_SECRET_KEY"]
        supervisor = _start_parts(stack, found, settings, env, host, port, demo=demo)
        await _until_ready(found, supervisor, Settings(**_settings_of(env)))
        if demo:
            await _start_demo(stack, found)
        yield found, supervisor


def _start_redis(stack: AsyncExitStack, settings: Settings, *, keep: bool) -> str:
    """With a broker of the shop's the embedded Redis keeps its state; with the embedded one both start empty."""
    return stack.enter_context(EmbeddedRedis(settings.data_dir, keep=keep)).url


def _start_parts(
    stack: AsyncExitStack,
    found: System,
    settings: Settings,
    env: Mapping[str, str],
    host: str,
    port: int,
    *,
    demo: bool,
) -> Supervisor:
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    found.log = settings.data_dir / "up.log"
    output = stack.enter_context(found.log.open("wb"))
    supervisor = Supervisor()
    stack.push_async_callback(supervisor.stop)
    conf = Settings(**_settings_of(env))
    store = RedisStore(conf.redis_url, Keys(conf.key_prefix))
    stack.push_async_callback(store.close)
    progress = progress_of(Cluster(conf), store, lambda: time.time() * 1000)
    supervisor.run(Part("worker", [sys.executable, "-m", "stream.app"], env, progress, output=output))
    env = {**env, "LIVESHELF_DEMO": "1"} if demo else env
    env = {**env, "LIVESHELF_DRAIN_S": "0"}  # nothing else would answer
    serve = [sys.executable, "-m", "serving.cli", "serve", "--host", host, "--port", str(port)]
    supervisor.run(Part("api", serve, env, output=output))
    return supervisor


def _settings_of(env: Mapping[str, str]) -> dict[str, Any]:
    return {name.removeprefix("LIVESHELF_").lower(): value for name, value in env.items()}


async def _until_ready(found: System, supervisor: Supervisor, conf: Settings) -> None:
    """Wait until the API answers and the worker owns every partition."""
    deadline = asyncio.get_running_loop().time() + READY_WITHIN_S
    reader = Pipe(conf.redis_url, budget_s=1)
    try:
        async with aiohttp.ClientSession() as client:
            while not (await _api_ready(client, found.api) and await _worker_ready(reader, conf)):
                if supervisor.halted.done():
                    raise NotReady(f"the {supervisor.halted.result()} halted; {found.log} says why and what to do")
                if asyncio.get_running_loop().time() > deadline:
                    raise NotReady(f"not ready after {READY_WITHIN_S} s; {found.log} says what each part did")
                await asyncio.sleep(0.1)
    finally:
        await reader.close()


async def _api_ready(client: aiohttp.ClientSession, api: str) -> bool:
    try:
        async with client.get(f"{api}/readyz", timeout=aiohttp.ClientTimeout(2)) as answer:
            return answer.status == 200
    except (aiohttp.ClientError, TimeoutError, OSError):
        return False


async def _worker_ready(reader: Pipe, conf: Settings) -> bool:
    """Whether a worker's heartbeat names partitions: it names none before all that it was assigned are loaded."""
    try:
        beats = await reader.find(Keys(conf.key_prefix).worker("*"))
        found = await reader.mget(beats) if beats else []
    except Unavailable:
        return False
    return any(beat and msgspec.msgpack.decode(beat)["shards"] for beat in found)


async def _start_demo(stack: AsyncExitStack, found: System) -> None:
    """The made catalogue, and the people of the made world, who walk through it."""
    items = demo_items()
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {found.secret_key}"}) as client:
        for at in range(0, len(items), ITEMS_AT_ONCE):
            await _put(client, found.api, items[at : at + ITEMS_AT_ONCE])
    stop = asyncio.Event()
    world = World(DEMO_SEED, fashion_s=DEMO_FASHION_S)
    shoppers = asyncio.create_task(
        shop(
            found.api,
            found.publishable_key,
            secret_key=found.secret_key,
            world=world,
            rate_per_s=DEMO_EVENTS_A_SECOND,
            stop=stop,
        )
    )

    async def end() -> None:
        stop.set()
        shoppers.cancel()
        await asyncio.gather(shoppers, return_exceptions=True)

    stack.push_async_callback(end)
    found.notes.append(f"{len(items):,} made items; shoppers make about {DEMO_EVENTS_A_SECOND:.0f} events a second")


async def _put(client: aiohttp.ClientSession, api: str, items: list[dict[str, Any]]) -> None:
    async with client.put(f"{api}/v1/catalog/items", json={"items": items}) as answer:
        if answer.status >= 300:
            raise NotReady(f"the demo catalogue was refused: {answer.status} {await answer.text()}")

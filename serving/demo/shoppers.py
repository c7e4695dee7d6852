"""Simulated shoppers: they walk through the demo shop at a bounded rate and speak only the public HTTP API.

What they do is decided in `serving.demo.visits`; here it goes over the network. An event that could not be sent is
sent again under its id, so that it counts once.
"""

from __future__ import annotations

import asyncio
import random
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

import aiohttp
import structlog

from serving.demo.visits import Glance, Step, Walk, history, sessions

AT_ONCE: Final = 6
PAST_VISITS: Final = 160
BATCH: Final = 300
SHELF_ITEMS: Final = 8
MOST_WAIT_S: Final = 30.0
TIMEOUT: Final = aiohttp.ClientTimeout(total=10)

Pause = Callable[[float], Awaitable[None]]
log = structlog.get_logger(__name__)


class Unreachable(Exception):
    """The API gave no usable answer; `wait_s` is how long it asked to be left alone.

    └── Refused: it said no, and would say so again
    """

    def __init__(self, detail: str, wait_s: float = 1.0) -> None:
        super().__init__(detail)
        self.wait_s = wait_s


class Refused(Unreachable):
    """The API refused the request for what it says."""


async def run(
    api: str,
    publishable_key: str,
    *,
    rng: random.Random,
    rate_per_s: float,
    stop: asyncio.Event,
    past_visits: int = PAST_VISITS,
    pause: Pause | None = None,
) -> None:
    """Let shoppers walk through the shop until `stop` is set or the task is cancelled.

    Parameters
    ----------
    api, publishable_key
        Where the shop is, for example "http://127.0.0.1:8080", and its `pk_…`.
    rng
        Decides who comes and what they do; the same seed makes the same visits, under event ids of their own.
    rate_per_s
        Events a second, on average and at most; at most `AT_ONCE` visitors are in the shop together.
    past_visits
        So many visits are told first, as what happened in the last 20 minutes, so that a new shop has neighbours to
        show; 0 for none.
    pause
        How to wait so many seconds; by the clock unless told, and no longer than until `stop`.
    """
    pause = pause or until(stop)
    headers = {"Authorization": f"Bearer {publishable_key}"}
    async with aiohttp.ClientSession(headers=headers, timeout=TIMEOUT) as session:
        crowd = Crowd(Client(api, session), rng, secrets.token_hex(4))
        crowd.recall(past_visits, now=time.time())
        away = 0
        while not stop.is_set():
            try:
                events = await crowd.act(time.time())
            except Unreachable as error:
                away += 1
                if away == 1:
                    log.warning("shoppers.wait", reason=str(error))
                await pause(min(MOST_WAIT_S, max(error.wait_s, 2.0 ** min(away, 5) / 2)))
            else:
                away = 0
                await pause(rng.uniform(0.5, 1.5) * max(1, events) / rate_per_s)


def until(stop: asyncio.Event) -> Pause:
    """A pause that ends early when `stop` is set."""

    async def pause(seconds: float) -> None:
        try:
            await asyncio.wait_for(stop.wait(), seconds)
        except TimeoutError:
            return

    return pause


class Client:
    """The two routes that a shopper's browser calls; both raise `Unreachable`."""

    def __init__(self, api: str, session: aiohttp.ClientSession) -> None:
        self._api = api.rstrip("/")
        self._session = session

    async def send(self, events: Sequence[Mapping[str, Any]], now: float) -> None:
        """Send events in one request; `now` is the clock by which they occurred."""
        body = {"events": [{**event, "sent_at": round(now * 1000)} for event in events]}
        await self._ask("POST", "/v1/events", json=body)

    async def shelf(self, visitor_id: str, session_id: str, glance: Glance) -> Mapping[str, Any]:
        """The shelf that a visitor sees."""
        params = {"visitor_id": visitor_id, "session_id": session_id, "n": str(SHELF_ITEMS)}
        if glance.item_id is not None:
            params["item_id"] = glance.item_id
        answer: Mapping[str, Any] = await self._ask("GET", f"/v1/recommendations/{glance.placement}", params=params)
        return answer

    async def _ask(self, method: str, path: str, **more: Any) -> Any:
        try:
            async with self._session.request(method, self._api + path, **more) as answer:
                if answer.status < 300:
                    return await answer.json()
                refused = 400 <= answer.status < 500 and answer.status != 429
                detail, wait = f"{path} answered {answer.status}", answer.headers.get("Retry-After", "")
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise Unreachable(f"{path} gave no answer: {type(error).__name__}") from error
        raise (Refused if refused else Unreachable)(detail, float(wait) if wait.isdecimal() else 1.0)


class Crowd:
    """Some walks at once, of which one takes one step at a time."""

    def __init__(self, client: Client, rng: random.Random, run_id: str) -> None:
        self._client, self._rng, self._run_id = client, rng, run_id
        self._visits = sessions(rng)
        self._walks: list[Walk] = []
        self._unsent: list[dict[str, Any]] = []

    def recall(self, visits: int, *, now: float) -> None:
        """Have the past told first, in batches."""
        self._unsent = history(self._rng, self._run_id, visits, now)

    async def act(self, now: float) -> int:
        """Send what waits, or let one shopper take a step; how many events of the present that sent."""
        if self._unsent:
            await self._send(now)
            return 0
        walk, step = self._step()
        self._unsent = await self._events(walk, step, now)
        return await self._send(now) if self._unsent else 0

    async def _send(self, now: float) -> int:
        """Send a batch of what waits; it waits on if the API is away, and is gone if the API refuses it."""
        batch = self._unsent[:BATCH]
        try:
            await self._client.send(batch, now)
        except Refused:
            self._unsent = self._unsent[BATCH:]
            raise
        self._unsent = self._unsent[BATCH:]
        return len(batch)

    def _step(self) -> tuple[Walk, Step]:
        while True:
            while len(self._walks) < AT_ONCE:
                self._walks.append(Walk(next(self._visits), self._run_id))
            walk = self._rng.choice(self._walks)
            step = walk.next()
            if step is not None:
                return walk, step
            self._walks.remove(walk)

    async def _events(self, walk: Walk, step: Step, now: float) -> list[dict[str, Any]]:
        if isinstance(step, Glance):
            shelf = await self._client.shelf(walk.visit.visitor_id, walk.visit.session_id, step)
            return walk.seen(step, shelf, now)
        return walk.events(step, now)

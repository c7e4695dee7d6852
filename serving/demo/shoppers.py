"""The world live: its people walk through the demo shop at a bounded rate and speak only the public HTTP API.

What they do is decided in `serving.demo.visits`; here it goes over the network. An event that could not be sent is
sent again under its id, so that it counts once. Orders and logins are told by the shop's server, with its secret key.
"""

from __future__ import annotations

import asyncio
import random
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from itertools import takewhile
from typing import Any, Final

import aiohttp
import structlog

from serving.demo.playing import Arrivals, UnderWay, play
from serving.demo.visits import Act, Ask, Shelf, Visit
from serving.demo.world import World

AT_ONCE: Final = 24
PASSERS_BY: Final = 0.8
PAST_VISITS: Final = 240
PAST_S: Final = 20 * 60
BATCH: Final = 300
BY_THE_SERVER: Final = frozenset({"identify", "purchase"})
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
    world: World,
    rate_per_s: float,
    stop: asyncio.Event,
    secret_key: str = "",
    run_id: str | None = None,
    past_visits: int = PAST_VISITS,
    pause: Pause | None = None,
) -> None:
    """Let people walk through the shop until `stop` is set or the task is cancelled.

    Parameters
    ----------
    api, publishable_key, secret_key
        Where the shop is, for example "http://127.0.0.1:8080", its `pk_…`, and its `sk_…` for what its server tells.
    rate_per_s
        Events a second, on average and at most; at most `AT_ONCE` people are in the shop together.
    run_id
        The same world and run make the same visits; by default each run has its own.
    past_visits
        So many visits are told first, as what happened in the last 20 minutes, so that a new shop has neighbours to
        show; 0 for none.
    pause
        How to wait so many seconds; by the clock unless told, and no longer than until `stop`.
    """
    pause = pause or until(stop)
    run_id = run_id or secrets.token_hex(4)
    rng = random.Random(f"{world.seed} {run_id} pace")
    async with aiohttp.ClientSession(timeout=TIMEOUT) as session:
        client = Client(api, session, publishable_key, secret_key or publishable_key)
        crowd = Crowd(client, Arrivals(world, passers_by=PASSERS_BY, run_id=run_id), rng)
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

    def __init__(self, api: str, session: aiohttp.ClientSession, publishable_key: str, secret_key: str) -> None:
        self._api, self._session = api.rstrip("/"), session
        self._page = {"Authorization": f"Bearer {publishable_key}"}
        self._server = {"Authorization": f"Bearer {secret_key}"}

    async def send(self, events: Sequence[Mapping[str, Any]], now: float, *, by_server: bool) -> None:
        """Send events in one request; `now` is the clock by which they occurred."""
        body = {"events": [{**event, "sent_at": round(now * 1000)} for event in events]}
        await self._ask("POST", "/v1/events", headers=self._server if by_server else self._page, json=body)

    async def shelf(self, visit: Visit, ask: Ask) -> Shelf:
        """The shelf that a visitor sees."""
        params = {"visitor_id": visit.visitor_id, "session_id": visit.session_id, "n": str(ask.n)}
        params |= {} if visit.personal else {"profiling": "off"}
        params |= {} if ask.item_id is None else {"item_id": ask.item_id}
        path = f"/v1/recommendations/{ask.placement}"
        answer: Mapping[str, Any] = await self._ask("GET", path, headers=self._page, params=params)
        assigned = answer.get("experiment") or {}
        return Shelf(
            answer["decision_id"], [item["item_id"] for item in answer["items"]], assigned.get("variation", "")
        )

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
    """Some visits at once, of which one takes one step at a time."""

    def __init__(self, client: Client, arrivals: Arrivals, rng: random.Random) -> None:
        self._client, self._arrivals, self._rng = client, arrivals, rng
        self._inside: list[UnderWay] = []
        self._past: list[dict[str, Any]] = []
        self._unsent: dict[str, Any] | None = None

    def recall(self, visits: int, *, now: float) -> None:
        """Have so many visits of the last `PAST_S` seconds told first; they saw no shelf.

        They are younger than the 30 minutes that close a session, so that none is late where a real click is earlier.
        """
        if visits:
            told = play(self._arrivals, start_at=now - PAST_S, an_hour=visits * 3_600 / PAST_S)
            self._past = list(takewhile(lambda event: event["occurred_at"] <= now * 1000, told))

    async def act(self, now: float) -> int:
        """Tell of the past, or let one shopper take a step; how many events of the present that sent."""
        if self._past:
            await self._tell(self._past[:BATCH], now)
            return 0
        if self._unsent is None:
            self._unsent = await self._step(now)
        await self._send(self._unsent, now)
        return 1

    async def _tell(self, batch: list[dict[str, Any]], now: float) -> None:
        """A batch waits on if the API is away, and is gone if the API refuses it."""
        try:
            await self._client.send(batch, now, by_server=True)
        except Refused:
            self._past = self._past[BATCH:]
            raise
        self._past = self._past[BATCH:]

    async def _send(self, event: dict[str, Any], now: float) -> None:
        try:
            await self._client.send([event], now, by_server=event["event"] in BY_THE_SERVER)
        except Refused:
            self._unsent = None
            raise
        self._unsent = None

    async def _step(self, now: float) -> dict[str, Any]:
        """The next event of somebody in the shop; shelves are looked at on the way to it."""
        while True:
            while len(self._inside) < AT_ONCE:
                self._inside.append(UnderWay(self._arrivals.next(now)))
            one = self._rng.choice(self._inside)
            while one.step is not None:
                one.visit.context.at = now
                if isinstance(one.step, Act):
                    event = one.event(one.step, now)
                    one.go_on()
                    if one.visit.recorded:
                        return event
                else:
                    one.go_on(await self._client.shelf(one.visit, one.step))
            self._inside.remove(one)

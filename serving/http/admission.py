"""How many requests are answered at once: as many as the event loop can take without a queue that stands.

```
request ─▶ lane: fewer in flight than its limit? ─▶ the route
                └─ no ─▶ 503 with Retry-After, before anything was read
```
A process has one loop, so what waits, waits for the loop's next turn, and a timer that fires late has measured that
wait. Where even the least lateness of an interval is above `TARGET_S`, the queue stands: CoDel's test (Nichols and
Jacobson, "Controlling Queue Delay", ACM Queue 10(5), 2012), used for servers as in Maurer, "Fail at Scale", ACM Queue
13(8), 2015. We do not drop by age what has been taken on, but lower how much is taken on, in proportion, as a turn
is as long as what is in flight; a limit that was reached while no queue stands is raised again. Up to `LEAST` nothing
is measured and nothing refused, so that a short pause of the machine costs nobody an answer.

Reads give way before writes: a shelf can do without an answer, an event that is refused has to be sent again. Health,
readiness and what operators ask have no lane.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from math import inf

from serving.http import metrics, problem
from serving.http.access import NEEDS
from serving.http.answer import Answer

TARGET_S = 0.005
INTERVAL_S = 0.1
TICK_S = 0.005
LEAST_TICKS = 3
LEAST = 64
MOST = 1_000
RAISE = 1.25
_STEEPEST = 0.25
_DETAIL = "More requests are being answered than this process can without making all of them wait. Try again soon."
# not all who were refused come back in the same second
_REFUSALS = tuple(problem.unavailable(_DETAIL, after_s).answer() for after_s in (1, 2, 3))


class Lane:
    """Requests of one kind that are being answered.

    Attributes
    ----------
    in_flight, limit: how many there are, and how many there may be; `reached` whether one was refused of late.
    """

    def __init__(self, name: str, admission: Admission) -> None:
        self.in_flight, self.limit, self.reached = 0, MOST, False
        self._admission = admission
        self._refused = metrics.REFUSED.labels(name)
        self._turn = 0

    def enter(self) -> bool:
        """Whether the request may be answered; `leave` has to follow then."""
        if self.in_flight >= self.limit:
            self.reached = True
            return False
        self.in_flight += 1
        if self.in_flight >= LEAST:
            self._admission.begin()
        return True

    def leave(self) -> None:
        self.in_flight -= 1

    def refusal(self) -> Answer:
        """The answer to who could not enter."""
        self._refused.inc()
        self._turn = (self._turn + 1) % len(_REFUSALS)
        return _REFUSALS[self._turn]

    def cut(self, factor: float) -> None:
        self.limit = max(LEAST, int(min(self.limit, self.in_flight) * factor))

    def grow(self) -> None:
        if self.reached:
            self.limit = min(MOST, int(self.limit * RAISE) + 1)
        self.reached = False


class Admission:
    """The lanes of one process, and the watch over its loop."""

    def __init__(self) -> None:
        self.reads, self.writes = Lane("reads", self), Lane("writes", self)
        self._watching = False
        self._least, self._ticks, self._until = inf, 0, 0.0

    def lane_of(self, routes: Iterable[tuple[str, str]]) -> Lane | None:
        """The lane of a path with these (method, path as described); None: never refused."""
        scopes = {NEEDS[route].scope for route in routes}
        if scopes <= {None, "ops"}:
            return None
        return self.reads if scopes <= {"decisions"} else self.writes

    def begin(self) -> None:
        """Watch the loop as long as there is something to refuse."""
        if not self._watching:
            self._watching = True
            loop = asyncio.get_running_loop()
            self._start_interval(loop.time())
            loop.call_later(TICK_S, self._tick, loop, loop.time() + TICK_S)

    def _tick(self, loop: asyncio.AbstractEventLoop, due: float) -> None:
        now = loop.time()
        self.observe(now - due, now)
        self._watching = max(self.reads.in_flight, self.writes.in_flight) >= LEAST
        if self._watching:
            loop.call_later(TICK_S, self._tick, loop, now + TICK_S)

    def observe(self, late_s: float, now: float) -> None:
        """Note how late the loop was at `now` (s), and at the end of an interval draw the conclusion."""
        self._least, self._ticks = min(self._least, late_s), self._ticks + 1
        if now >= self._until and self._ticks >= LEAST_TICKS:
            self._conclude(self._least)
            self._start_interval(now)

    def _start_interval(self, now: float) -> None:
        self._least, self._ticks, self._until = inf, 0, now + INTERVAL_S

    def _conclude(self, late_s: float) -> None:
        if late_s <= TARGET_S:
            self.reads.grow()
            self.writes.grow()
            return
        for lane in (self.reads, self.writes):
            lane.reached = False
            if lane.in_flight > LEAST:
                lane.cut(max(_STEEPEST, TARGET_S / late_s))
                return

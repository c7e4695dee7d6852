"""The Faust app on our transport, and the process that runs it."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from typing import Any

import faust
import uvloop
from faust.app.base import BootStrategy
from faust.types import TopicT
from mode.supervisors import CrashingSupervisor
from yarl import URL

from stream.transport import Seams, Transport, Tuning


class _Services(BootStrategy):
    enable_kafka_producer = False  # `stream.producer` sends


class App(faust.App):
    """A Faust app whose agents get batches; see `faust_app`."""

    BootStrategy = _Services
    deadline: threading.Timer | None = None

    def __init__(self, *args: Any, seams: Seams, tuning: Tuning, **kwargs: Any) -> None:
        self.seams, self.tuning = seams, tuning
        super().__init__(*args, **kwargs)

    def _new_transport(self) -> Transport:
        return Transport(self.conf.broker_consumer, self)

    def _create_directories(self) -> None:
        """Nothing is kept on disk."""

    def raw_topic(self, name: str) -> TopicT:
        """The topic `name`, bytes as they lie in the log."""
        return self.topic(name, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw")

    async def on_stop(self) -> None:
        self.hurry(int(self.crashed))
        await super().on_stop()

    def hurry(self, code: int) -> None:
        """End the process in three seconds, even if Faust's stop hangs: what is not committed is read again."""
        if self.in_worker and self.deadline is None:
            self.deadline = threading.Timer(3, os._exit, (code,))
            self.deadline.daemon = True
            self.deadline.start()


def faust_app(
    group: str, broker: str, seams: Seams, *, member: str = "", web_port: int = 0, tuning: Tuning | None = None
) -> App:
    """The app of consumer group `group` on `broker` ("host:port,host:port"); its agents read `app.raw_topic(name)`.

    Runs by `serve` or `run` in our own process, and by ``faust -A module:app -L uvloop worker``. A `member` name that
    outlives the process (KIP-345) gives a killed worker its partitions back at once, instead of after the session
    timeout; two processes must not have the same one, and a worker that is gone for good is missed for that long.
    """
    return App(
        group,
        seams=seams,
        tuning=tuning or Tuning(),
        broker=[URL(f"kafka://{server.strip()}") for server in broker.split(",")],
        agent_supervisor=CrashingSupervisor,  # the default restarts an agent whose batch was lost
        autodiscover=False,
        broker_commit_interval=1.0,
        broker_heartbeat_interval=2.0,
        broker_max_poll_interval=60.0,
        broker_max_poll_records=2000,
        broker_rebalance_timeout=10.0,
        broker_request_timeout=20.0,
        broker_session_timeout=6.0,
        consumer_group_instance_id=member or None,
        consumer_max_fetch_size=512 * 1024,
        store="memory://",
        stream_buffer_maxsize=1_000_000,  # never full: `Tuning.buffer_bytes` bounds what is in it
        stream_wait_empty=False,
        table_standby_replicas=0,  # plain round robin
        topic_allow_declare=False,
        topic_disable_leader=True,
        web_bind="127.0.0.1",
        web_enabled=bool(web_port),
        web_port=web_port or 6066,
    )


async def serve(app: App) -> None:
    """Run `app` in a process of its own until SIGTERM or SIGINT; raises what it crashed with."""
    loop, asked = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked.set)
    app.in_worker = True
    tasks = asyncio.ensure_future(_live(app)), asyncio.ensure_future(asked.wait())
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    error = app.crash_reason or (tasks[0].exception() if tasks[0] in done else None)
    app.hurry(int(error is not None))
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await app.stop()  # also after a crash: a member that does not say goodbye keeps its partitions for a session
    if error is not None:
        raise error


async def _live(app: App) -> None:
    await app.start()
    await app.wait_until_stopped()


def run(app: App) -> int:
    """`serve` in a loop of its own (uvloop: a fifth less CPU); gives the exit code after an orderly stop."""
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())  # for the consumer's thread, too
    asyncio.run(serve(app))
    return 0

"""Where benches run: a real Kafka, a real Redis, and our processes beside them, all ended with the bench."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient
from pydantic import SecretStr
from redis import Redis

from stream.cluster import Cluster
from stream.embedded.tether import tethered
from stream.settings import Settings
from stream.state.keys import Keys, Tag
from stream.state.store import Position
from stream.topics import TOPICS
from tests.backends import KafkaServer, RedisServer, free_port, new_kafka, new_redis, wipe_kafka

PARTITIONS = 4
PUBLISHABLE, SECRET = "pk_bench", "sk_bench"
READY_S = 60.0
LOOK_S = 0.02
_TICKS_S = os.sysconf("SC_CLK_TCK")
ROOT = Path(__file__).resolve().parents[2]


class Stand:
    """The servers' addresses, and everything of the project that is started on them."""

    def __init__(self, kafka: KafkaServer, redis: RedisServer, folder: Path) -> None:
        self.folder = folder
        self.servers = kafka, redis
        self.redis: Redis = Redis.from_url(redis.url)
        self._started = 0
        self.settings = Settings(
            broker_url=kafka.url,
            redis_url=redis.url,
            partitions=PARTITIONS,
            data_dir=folder / "data",
            pseudonym_key=SecretStr("bench pseudonyms"),
            signing_key=SecretStr("bench signatures"),
            publishable_key=PUBLISHABLE,
            secret_key=SecretStr(SECRET),
        )

    @property
    def env(self) -> dict[str, str]:
        conf = self.settings
        return {
            "LIVESHELF_BROKER_URL": conf.broker_url,
            "LIVESHELF_REDIS_URL": conf.redis_url,
            "LIVESHELF_PARTITIONS": str(conf.partitions),
            "LIVESHELF_DATA_DIR": str(conf.data_dir),
            "LIVESHELF_PSEUDONYM_KEY": conf.pseudonym_key.get_secret_value(),
            "LIVESHELF_SIGNING_KEY": conf.signing_key.get_secret_value(),
            "LIVESHELF_PUBLISHABLE_KEY": conf.publishable_key,
            "LIVESHELF_SECRET_KEY": conf.secret_key.get_secret_value(),
            "LIVESHELF_LOG_LEVEL": "WARNING",
        }

    def empty(self) -> Cluster:
        """No keys, and every topic new."""
        self.redis.flushall()
        wipe_kafka(self.settings.broker_url)
        cluster = Cluster(self.settings)
        cluster.partitions()
        return cluster

    @contextmanager
    def process(self, module: str, *arguments: str, **env: str) -> Iterator[subprocess.Popen[bytes]]:
        """`python -m module arguments…` for as long as the context lasts; its words are in the stand's folder."""
        self._started += 1
        path = self.folder / f"{self._started}-{module}.log"
        with path.open("wb") as log:
            running = subprocess.Popen(
                tethered([sys.executable, "-m", module, *arguments]),
                env={**os.environ, **self.env, **env},
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        try:
            yield running
        except Exception as error:
            error.add_note(f"{module} said: {path.read_text(errors='replace')[-2000:]}")
            raise
        finally:
            _end(running)

    @contextmanager
    def serving(self) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
        """One serving process as `liveshelf serve` starts it, ready, and its port."""
        port = free_port()
        with self.process("serving.cli", "serve", "--port", str(port)) as server:
            wait_for(server, lambda: answers(port, "/readyz"), "serving is ready")
            yield server, port

    def positions(self, noun: str) -> list[int]:
        """The next offset of each partition of a topic, as stored with the state; 0 where nothing is."""
        keys = Keys(self.settings.key_prefix)
        found: Any = self.redis.mget([keys.position(Tag(noun, partition)) for partition in range(PARTITIONS)])
        return [Position.parse(one.decode()).offset if one else 0 for one in found]

    def forget_records(self, *nouns: str) -> None:
        """Delete all records of these topics."""
        ends = Cluster(self.settings).offsets([(noun, p) for noun in nouns for p in range(PARTITIONS)])
        places = [TopicPartition(TOPICS[noun].name, p, offsets.end) for (noun, p), offsets in ends.items()]
        admin = AdminClient({"bootstrap.servers": self.settings.broker_url})
        for deleted in admin.delete_records(places).values():
            deleted.result(20)


@contextmanager
def stand(folder: Path) -> Iterator[Stand]:
    """A stand on servers of its own; raises `tests.backends.Unavailable`."""
    with ExitStack() as stack:
        kafka, redis = new_kafka(folder / "kafka"), new_redis(folder / "redis")
        for server in (kafka, redis):
            stack.callback(server.stop)
            server.start()
        yield Stand(kafka, redis, folder)


def cpu_s(process: subprocess.Popen[bytes]) -> float:
    """User and system time of a process with all its threads so far (Linux)."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS_S


def wait_for(process: subprocess.Popen[bytes], true: Callable[[], bool], what: str, within_s: float = READY_S) -> None:
    """Poll until `true()`; fails with `what` when the process ends or the time is over."""
    end = time.monotonic() + within_s
    while not true():
        if process.poll() is not None:
            raise RuntimeError(f"{what}: the process ended with exit code {process.returncode}")
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: not within {within_s} s")
        time.sleep(LOOK_S)


def answers(port: int, path: str) -> bool:
    """Whether 200 comes back."""
    connection = HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (HTTPException, OSError):
        return False
    finally:
        connection.close()


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()

"""The real Kafka and the real Redis that tests run against, and the faults that can be done to them.

Where a Docker engine answers they are containers (testcontainers), elsewhere processes of this machine; the same tests
run on both. Each keeps its address and its data over `kill` and `start`.
"""

import contextlib
import ctypes
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NoReturn, Protocol

import pytest
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from redis import Redis
from redis.exceptions import RedisError

from stream.embedded.broker import EmbeddedBroker
from stream.embedded.redis import EmbeddedRedis, RedisMissing, find_program
from stream.embedded.tether import tethered

KAFKA_IMAGE = "apache/kafka:4.1.1"
REDIS_IMAGE = "redis:7.2-alpine"
KAFKA_HEAP = "-Xmx384m"
READY_S = 60.0
LOOK_S = 0.05


class Server(Protocol):
    """A server under test."""

    url: str

    def start(self) -> None:
        """Start it, or start it again after `kill`; returns when it answers."""

    def kill(self) -> None:
        """End it as `kill -9` does."""

    def pause(self) -> None:
        """Stop it answering without closing anything."""

    def resume(self) -> None:
        """Undo `pause`."""

    def stop(self) -> None:
        """End it for good and remove its data."""


class KafkaServer(Server, Protocol):
    """A single-node Apache Kafka (KRaft). What connects to `proxied_url` sees only that address, so that a proxy in
    front of `behind_proxy` is in the way of everything."""

    proxied_url: str
    behind_proxy: str


class RedisServer(Server, Protocol):
    """A Redis with AOF."""

    def backup(self) -> Path:
        """A copy of the data as it is now."""

    def restart_from(self, backup: Path) -> None:
        """Kill it and start it with the older data: a Redis that lost its tail."""


class Unavailable(Exception):
    """This machine can't run the server; says why and what to do."""


def unavailable(reason: str) -> NoReturn:
    """A missing back end is a failure in CI, elsewhere a skip."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"CI must have every back end: {reason}")
    pytest.skip(reason)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until(true: Callable[[], bool], what: str, deadline_s: float = READY_S) -> None:
    """Poll until `true()`; fails with `what` after the deadline."""
    end = time.monotonic() + deadline_s
    while not true():
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: not within {deadline_s} s")
        time.sleep(LOOK_S)


def kafka_answers(url: str) -> bool:
    try:
        return bool(AdminClient({"bootstrap.servers": url, "log_level": 0}).list_topics(timeout=1).brokers)
    except KafkaException:
        return False


def redis_answers(url: str) -> bool:
    try:
        with Redis.from_url(url, socket_timeout=1) as client:
            return bool(client.ping())
    except RedisError:
        return False


def wipe_kafka(url: str) -> None:
    """Delete every topic that a test made."""
    admin = AdminClient({"bootstrap.servers": url, "log_level": 0})

    def topics() -> list[str]:
        return [name for name in admin.list_topics(timeout=10).topics if not name.startswith("__")]

    if names := topics():
        for deleted in admin.delete_topics(names).values():
            deleted.result(timeout=20)
        wait_until(lambda: not topics(), "topics are deleted", 20)


# ------------------------------------------------------------------------------------------------ processes


def kafka_lib() -> Path:
    """The folder of Kafka's jars, that `make kafka` fills."""
    cache_home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(os.environ.get("LIVESHELF_TEST_KAFKA_LIB") or cache_home / "liveshelf-tests/kafka-4.1.1/lib")


class KafkaProcess:
    """Apache Kafka from its jars, below a folder of its own."""

    def __init__(self, folder: Path) -> None:
        if not list(kafka_lib().glob("kafka_*.jar")):
            raise Unavailable(f"no Docker engine answers and there is no Kafka in {kafka_lib()}: run 'make kafka'")
        if shutil.which("java") is None:
            raise Unavailable("no Docker engine answers and there is no Java on the PATH for Kafka")
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        broker, proxied, proxy, controller = (f"127.0.0.1:{free_port()}" for _ in range(4))
        self.url, self.behind_proxy, self.proxied_url = broker, proxied, proxy
        self._properties = folder / "server.properties"
        folder.mkdir(parents=True, exist_ok=True)
        lines = _kafka_settings(broker, proxied, proxy, controller) | {"log.dirs": str(folder / "data")}
        self._properties.write_text("".join(f"{name}={value}\n" for name, value in lines.items()))
        self._format()

    def start(self) -> None:
        with (self._folder / "kafka.log").open("ab") as log:
            command = tethered([*_java("kafka.Kafka"), str(self._properties)], last=signal.SIGKILL)
            self._process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        wait_until(self._started, f"Kafka answers (its log: {self._folder / 'kafka.log'})")

    def kill(self) -> None:
        self._signal(signal.SIGKILL)
        self._wait()

    def pause(self) -> None:
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def stop(self) -> None:
        self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _started(self) -> bool:
        if self._process is not None and self._process.poll() is not None:
            log = (self._folder / "kafka.log").read_text()[-2000:]
            raise RuntimeError(f"Kafka ended with exit code {self._process.returncode}: {log}")
        return kafka_answers(self.url)

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)

    def _wait(self) -> None:
        if self._process is not None:
            self._process.wait()

    def _format(self) -> None:
        cluster_id = urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode()
        if cluster_id.startswith("-"):  # it would be read as an option
            cluster_id = "A" + cluster_id[1:]
        command = [*_java("kafka.tools.StorageTool"), "format", "-t", cluster_id, "-c", str(self._properties)]
        subprocess.run(command, check=True, capture_output=True)


def _java(main: str) -> list[str]:
    quick = ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", KAFKA_HEAP]
    return ["java", *quick, "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", f"{kafka_lib()}/*", main]


def _kafka_settings(broker: str, proxied: str, proxy: str, controller: str) -> dict[str, str]:
    """One node for everything, quick at starting, rebalancing and retention; small buffers for the small heap."""
    return {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.voters": f"1@{controller}",
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "DIRECT",
        "listeners": f"DIRECT://{broker},PROXIED://{proxied},CONTROLLER://{controller}",
        "advertised.listeners": f"DIRECT://{broker},PROXIED://{proxy}",
        "listener.security.protocol.map": "DIRECT:PLAINTEXT,PROXIED:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "num.partitions": "4",
        "offsets.topic.replication.factor": "1",
        "offsets.topic.num.partitions": "4",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "transaction.state.log.num.partitions": "4",
        "share.coordinator.state.topic.replication.factor": "1",
        "share.coordinator.state.topic.min.isr": "1",
        "broker.session.timeout.ms": "2000",  # a killed broker may come back after that
        "broker.heartbeat.interval.ms": "500",
        "group.initial.rebalance.delay.ms": "0",
        "group.min.session.timeout.ms": "1000",
        "log.retention.check.interval.ms": "1000",
        "log.cleaner.dedupe.buffer.size": "4194304",
        "log.cleaner.backoff.ms": "500",
        "log.initial.task.delay.ms": "500",
        "file.delete.delay.ms": "1000",
    }


class RedisProcess:
    """A `redis-server` of this machine, as `liveshelf up` starts it."""

    def __init__(self, folder: Path) -> None:
        try:
            find_program()
        except RedisMissing as missing:
            raise Unavailable(f"no Docker engine answers and {missing}") from missing
        self._folder = folder
        self._server = EmbeddedRedis(folder, keep=True)
        self.url = ""

    def start(self) -> None:
        self._server.start()
        self.url = self._server.url

    def kill(self) -> None:
        if (pid := self._server.pid) is not None:
            os.kill(pid, signal.SIGKILL)
            os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)

    def pause(self) -> None:
        if (pid := self._server.pid) is not None:
            os.kill(pid, signal.SIGSTOP)

    def resume(self) -> None:
        if (pid := self._server.pid) is not None:
            os.kill(pid, signal.SIGCONT)

    def stop(self) -> None:
        self.kill()
        self._server.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def backup(self) -> Path:
        return _copied_aof(self._server.folder)

    def restart_from(self, backup: Path) -> None:
        self.kill()
        _replace_aof(self._server.folder, backup)
        self.start()


def _copied_aof(folder: Path) -> Path:
    return shutil.copytree(folder / "appendonlydir", Path(tempfile.mkdtemp(prefix="liveshelf-aof-")) / "appendonlydir")


def _replace_aof(folder: Path, backup: Path) -> None:
    shutil.rmtree(folder / "appendonlydir")
    shutil.copytree(backup, folder / "appendonlydir")


class MockBroker(EmbeddedBroker):
    """The embedded broker, with faults."""

    def down(self) -> None:
        """Close every connection and accept none."""
        self._fault("rd_kafka_mock_broker_set_down", -1)

    def up(self) -> None:
        """Undo `down`."""
        self._fault("rd_kafka_mock_broker_set_up", -1)

    def slow(self, ms: int) -> None:
        """Delay every answer."""
        self._fault("rd_kafka_mock_broker_set_rtt", -1, ms)

    def _fault(self, name: str, *numbers: int) -> None:
        function = getattr(self._library, name)
        function.restype, function.argtypes = ctypes.c_int, [ctypes.c_void_p, *[ctypes.c_int32] * len(numbers)]
        assert function(self._running(), *numbers) == 0


# ----------------------------------------------------------------------------------------------- containers


@cache
def docker_engine() -> bool:
    """Whether a Docker engine answers within two seconds."""
    import docker
    from docker.errors import DockerException

    url = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
    if url.startswith("unix://") and not _listens(url.removeprefix("unix://")):
        return False
    try:
        with contextlib.closing(docker.from_env(timeout=2)) as client:
            return bool(client.ping())
    except DockerException:
        return False


def _listens(path: str) -> bool:
    """Whether something listens there; asked first, since docker's client loses the socket of a failed attempt."""
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(2)
        return probe.connect_ex(path) == 0


class Container:
    """A container at a fixed port of loopback, that keeps its data over `kill` and `start`."""

    def __init__(self, image: str, ports: dict[int, int], environment: dict[str, str], **more: Any) -> None:
        from testcontainers.core.container import DockerContainer

        self._container = DockerContainer(image, **more)
        on_loopback: Any = {f"{inside}/tcp": ("127.0.0.1", outside) for inside, outside in ports.items()}
        self._container.ports.update(on_loopback)
        for name, value in environment.items():
            self._container.with_env(name, value)
        self._running = False

    def _answers(self) -> bool:
        raise NotImplementedError

    def start(self) -> None:
        if self._running:
            self._container.get_wrapped_container().start()
        else:
            self._container.start()
            self._running = True
        wait_until(self._answers, "the container answers")

    def kill(self) -> None:
        self._container.get_wrapped_container().kill()

    def pause(self) -> None:
        self._container.get_wrapped_container().pause()

    def resume(self) -> None:
        self._container.get_wrapped_container().unpause()

    def stop(self) -> None:
        self._container.stop()


class KafkaContainer(Container):
    """Apache Kafka's own image."""

    def __init__(self) -> None:
        ports = {inside: free_port() for inside in (9092, 9093)}
        self.url, self.behind_proxy = (f"127.0.0.1:{port}" for port in ports.values())
        self.proxied_url = f"127.0.0.1:{free_port()}"
        lines = _kafka_settings("0.0.0.0:9092", "0.0.0.0:9093", self.proxied_url, "127.0.0.1:9094")
        lines["advertised.listeners"] = f"DIRECT://{self.url},PROXIED://{self.proxied_url}"
        environment = {f"KAFKA_{name.replace('.', '_').upper()}": value for name, value in lines.items()}
        super().__init__(KAFKA_IMAGE, ports, environment | {"KAFKA_HEAP_OPTS": KAFKA_HEAP})

    def _answers(self) -> bool:
        return kafka_answers(self.url)


class RedisContainer(Container):
    """Redis's own image, its data in a folder of this machine."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        port = free_port()
        self.url = f"redis://127.0.0.1:{port}/0"
        command = "redis-server --appendonly yes --appendfsync everysec --save '' --maxmemory-policy noeviction"
        super().__init__(REDIS_IMAGE, {6379: port}, {}, command=command, user=f"{os.getuid()}:{os.getgid()}")
        self._container.with_volume_mapping(str(folder), "/data", "rw")

    def _answers(self) -> bool:
        return redis_answers(self.url)

    def backup(self) -> Path:
        return _copied_aof(self._folder)

    def restart_from(self, backup: Path) -> None:
        self.kill()
        _replace_aof(self._folder, backup)
        self.start()


def new_kafka(folder: Path) -> KafkaServer:
    """A Kafka, not yet started; raises `Unavailable`."""
    return KafkaContainer() if docker_engine() else KafkaProcess(folder)


def new_redis(folder: Path) -> RedisServer:
    """A Redis, not yet started; raises `Unavailable`."""
    return RedisContainer(folder) if docker_engine() else RedisProcess(folder)

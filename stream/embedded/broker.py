"""The embedded broker: librdkafka's mock cluster, inside this process.

It speaks Kafka's protocol on a random port of 127.0.0.1 and keeps everything in memory. It is for trying out:
`stream/embedded/DESIGN.md` says what it can't do (it forgets the oldest beyond 5 MiB a partition; one member a group).

confluent-kafka has no Python names for the mock cluster's functions, and its ``test.mock.num.brokers`` starts one that
keeps every new consumer group waiting for three seconds and can't create topics. So they are called by ctypes, out of
the librdkafka that confluent-kafka has loaded anyway.
"""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from confluent_kafka import cimpl

PARTITION_BYTES = 5 * 1024 * 1024
"""What a partition keeps: beyond it whole record batches are dropped, the oldest first (librdkafka's constant)."""

_PRODUCER = 0
_NO_ERROR = 0
_TOPIC_ALREADY_EXISTS = 36
_INVALID_PARTITIONS = 37
_ERROR_BYTES = 256
_CONFIGURATION = {"client.id": "liveshelf-embedded-broker", "log_level": "2"}

_Handle = ctypes.c_void_p
_SIGNATURES: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "rd_kafka_conf_new": (_Handle, ()),
    "rd_kafka_conf_set": (
        ctypes.c_int,
        (_Handle, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_size_t),
    ),
    "rd_kafka_new": (_Handle, (ctypes.c_int, _Handle, ctypes.c_char_p, ctypes.c_size_t)),
    "rd_kafka_destroy": (None, (_Handle,)),
    "rd_kafka_mock_cluster_new": (_Handle, (_Handle, ctypes.c_int)),
    "rd_kafka_mock_cluster_destroy": (None, (_Handle,)),
    "rd_kafka_mock_cluster_bootstraps": (ctypes.c_char_p, (_Handle,)),
    "rd_kafka_mock_group_initial_rebalance_delay_ms": (None, (_Handle, ctypes.c_int32)),
    "rd_kafka_mock_topic_create": (ctypes.c_int, (_Handle, ctypes.c_char_p, ctypes.c_int, ctypes.c_int)),
}


class BrokerBroken(Exception):
    """The embedded broker can't do what was asked: it didn't start, was stopped, or refused a topic."""


def librdkafka() -> ctypes.CDLL:
    """The librdkafka of confluent-kafka, its functions typed; raises `BrokerBroken` when it has no mock cluster."""
    library = ctypes.CDLL(cimpl.__file__)  # a look-up through it reaches the libraries that it is linked with
    try:
        for name, (result, arguments) in _SIGNATURES.items():
            function = getattr(library, name)
            function.restype, function.argtypes = result, arguments
    except AttributeError as missing:
        raise BrokerBroken(
            f"the installed confluent-kafka has no embedded broker ({missing}): run 'make install' for the version that"
            " has it, or name a Kafka with --broker"
        ) from missing
    return library


class EmbeddedBroker:
    """One broker on loopback, for as long as this object is started; `topics` maps topic names to partitions.

    A topic that isn't among them appears with 4 partitions when a client first asks for it.
    """

    def __init__(self, topics: Mapping[str, int] | None = None) -> None:
        self._topics = dict(topics or {})
        self._library = librdkafka()
        self._client: int | None = None
        self._cluster: int | None = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def start(self) -> Self:
        """Open the port and create the topics; a started broker stays as it is."""
        if self._cluster is None:
            self._client = self._new_client()
            self._cluster = self._library.rd_kafka_mock_cluster_new(self._client, 1)
            if not self._cluster:
                self.stop()
                raise BrokerBroken("the embedded broker found no free port on 127.0.0.1")
            self._library.rd_kafka_mock_group_initial_rebalance_delay_ms(self._cluster, 0)
            for name, partitions in self._topics.items():
                self.create_topic(name, partitions)
        return self

    def stop(self) -> None:
        """Close all connections and forget all records; may be called again."""
        if self._cluster is not None:
            self._library.rd_kafka_mock_cluster_destroy(self._cluster)
            self._cluster = None
        if self._client is not None:
            self._library.rd_kafka_destroy(self._client)
            self._client = None

    @property
    def url(self) -> str:
        """`host:port`, for ``bootstrap.servers``."""
        bootstraps: bytes = self._library.rd_kafka_mock_cluster_bootstraps(self._running())
        return bootstraps.decode()

    def create_topic(self, name: str, partitions: int) -> None:
        """Create a topic; one that exists stays as it is."""
        cluster = self._running()
        error = (
            self._library.rd_kafka_mock_topic_create(cluster, name.encode(), partitions, 1) if partitions > 0 else -1
        )
        if error not in {_NO_ERROR, _TOPIC_ALREADY_EXISTS}:
            raise BrokerBroken(f"the embedded broker refused topic {name} with {partitions} partitions (error {error})")

    def _running(self) -> int:
        if self._cluster is None:
            raise BrokerBroken("the embedded broker is not running: start() it first")
        return self._cluster

    def _new_client(self) -> int:
        """The librdkafka client that hosts the cluster; it connects to nothing."""
        configuration = self._library.rd_kafka_conf_new()
        error = ctypes.create_string_buffer(_ERROR_BYTES)
        for name, value in _CONFIGURATION.items():
            if self._library.rd_kafka_conf_set(configuration, name.encode(), value.encode(), error, _ERROR_BYTES):
                raise BrokerBroken(f"the embedded broker's librdkafka refused {name}: {error.value.decode()}")
        client: int | None = self._library.rd_kafka_new(_PRODUCER, configuration, error, _ERROR_BYTES)
        if client is None:
            raise BrokerBroken(f"the embedded broker did not start: {error.value.decode()}")
        return client

"""The producers of the Kafka guide, run against the embedded broker."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

from stream.cluster import Cluster
from stream.ingest import Accepted, admit
from stream.settings import Settings
from stream.topics import partition_of
from tests.backends import KafkaServer, kafka_lib
from tests.docs.reading import Block, blocks
from tests.docs.shell import Shell
from tests.e2e.system import Running

pytestmark = pytest.mark.timeout(300)
PYTHON = [block for block in blocks("kafka", "run") if block.language == "python" and "dead_letters" not in block.marks]
LETTERS = blocks("kafka", "run", "dead_letters")[0].text
ARRIVED = next(block for block in blocks("kafka", "run") if block.language == "sh")
PARTITIONS = 4


@pytest.fixture
def shop(reader: Shell) -> Shell:
    """A reader whose catalogue has the pan."""
    reader.follow(blocks("http", "run")[0])
    return reader


def python(text: str, variables: dict[str, str]) -> str:
    done = subprocess.run(
        [sys.executable, "-c", text], env={**os.environ, **variables}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def arrived(visitor: str) -> Block:
    return ARRIVED._replace(text=ARRIVED.text.replace("visitor-aiokafka", visitor))


@pytest.mark.parametrize(
    ("block", "visitor"), list(zip(PYTHON, ["visitor-aiokafka", "visitor-confluent"], strict=True))
)
def test_python(block: Block, visitor: str, shop: Shell, variables: dict[str, str]) -> None:
    assert visitor in block.text
    python(block.text, variables)
    shop.follow(arrived(visitor))


def test_java(empty_kafka: KafkaServer, tmp_path: Path) -> None:
    """Against a real Kafka: the embedded broker is none for Java's client."""
    if shutil.which("java") is None or not kafka_lib().is_dir():
        pytest.skip("no Java, or no jars of Kafka's client (`make kafka`)")
    conf = Settings(broker_url=empty_kafka.url, partitions=PARTITIONS)
    cluster = Cluster(conf)
    cluster.partitions()
    source = tmp_path / "Produce.java"
    source.write_text(next(block.text for block in blocks("kafka", "run") if block.language == "java"))
    command = ["java", "-cp", f"{kafka_lib()}/*", str(source)]
    env = {**os.environ, "LIVESHELF_BROKER_URL": empty_kafka.url}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2_000:]
    logs = [record for n in range(PARTITIONS) for batch in cluster.read("events", n, 0, 1) for record in batch]
    assert [type(admit(record, PARTITIONS)) for record in logs] == [Accepted]


@pytest.mark.skipif(shutil.which("node") is None, reason="no Node")
def test_node_can_read_it(tmp_path: Path) -> None:
    source = tmp_path / "produce.js"
    source.write_text(next(block.text for block in blocks("kafka") if block.language == "js"))
    subprocess.run(["node", "--check", str(source)], check=True)


def test_the_other_partitioner_makes_dead_letters(running: Running, variables: dict[str, str]) -> None:
    visitor = next(name for name in (f"stray-{n}" for n in range(99)) if strays(name.encode()))
    text = next(block.text for block in PYTHON if "confluent" in block.text).replace("visitor-confluent", visitor)
    lines = [line for line in text.splitlines() if "partitioner" not in line]
    assert len(lines) == len(text.splitlines()) - 1
    python("\n".join(lines), variables)
    assert "wrong_partition" in python(LETTERS, variables)


def strays(key: bytes) -> bool:
    """Whether librdkafka's own default, CRC32, puts the key elsewhere."""
    return zlib.crc32(key) % PARTITIONS != partition_of(key, PARTITIONS)

"""The real Kafka and Redis of the tests keep address and data through every fault that tests do to them."""

import asyncio
import shutil
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from redis import Redis
from redis.exceptions import RedisError

from tests.backends import (
    KafkaServer,
    MockBroker,
    RedisServer,
    Unavailable,
    docker_engine,
    kafka_answers,
    kafka_lib,
    new_kafka,
    redis_answers,
    unavailable,
    wait_until,
    wipe_kafka,
)
from tests.proxy import ToxicProxy


def produce(url: str, topic: str, count: int) -> None:
    producer = Producer({"bootstrap.servers": url, "log_level": 0})
    for number in range(count):
        producer.produce(topic, str(number), partition=0)
    assert producer.flush(20) == 0


def end_offset(url: str, topic: str) -> int:
    consumer = Consumer({"bootstrap.servers": url, "group.id": "end", "log_level": 0})
    try:
        return int(consumer.get_watermark_offsets(TopicPartition(topic, 0), timeout=10)[1])
    finally:
        consumer.close()


def test_kafka_keeps_its_records_through_kill_and_pause(empty_kafka: KafkaServer) -> None:
    produce(empty_kafka.url, "kept", 10)
    empty_kafka.kill()
    assert not kafka_answers(empty_kafka.url)
    empty_kafka.start()
    assert end_offset(empty_kafka.url, "kept") == 10
    empty_kafka.pause()
    assert not kafka_answers(empty_kafka.url)
    empty_kafka.resume()
    wait_until(lambda: kafka_answers(empty_kafka.url), "Kafka is back")
    produce(empty_kafka.url, "kept", 5)
    assert end_offset(empty_kafka.url, "kept") == 15


def test_an_empty_kafka_has_no_topics(empty_kafka: KafkaServer) -> None:
    produce(empty_kafka.url, "left.by.another.test", 1)
    wipe_kafka(empty_kafka.url)
    produce(empty_kafka.url, "left.by.another.test", 1)
    assert end_offset(empty_kafka.url, "left.by.another.test") == 1


async def test_nothing_gets_round_a_proxy_before_kafka(empty_kafka: KafkaServer) -> None:
    port = int(empty_kafka.proxied_url.rpartition(":")[2])
    async with ToxicProxy(empty_kafka.behind_proxy, port=port) as proxy:
        assert proxy.url == empty_kafka.proxied_url
        await asyncio.to_thread(produce, proxy.url, "proxied", 3)
        proxy.blackhole = True
        assert not await asyncio.to_thread(kafka_answers, proxy.url)
    assert end_offset(empty_kafka.url, "proxied") == 3


def test_redis_keeps_its_keys_through_kill_and_pause(empty_redis: RedisServer) -> None:
    with Redis.from_url(empty_redis.url, decode_responses=True, socket_timeout=0.2) as client:
        client.set("a", "1")
        wait_until(lambda: client.info("persistence")["aof_buffer_length"] == 0, "the key is in the file")
        empty_redis.kill()
        with pytest.raises(RedisError):
            client.ping()
        empty_redis.start()
        assert client.get("a") == "1"
        empty_redis.pause()
        with pytest.raises(RedisError):
            client.ping()
        empty_redis.resume()
        assert client.get("a") == "1"


def test_redis_comes_back_older(empty_redis: RedisServer) -> None:
    with Redis.from_url(empty_redis.url, decode_responses=True) as client:
        client.set("a", "1")
        wait_until(lambda: client.info("persistence")["aof_buffer_length"] == 0, "the key is in the file")
        backup = empty_redis.backup()
        client.set("a", "2")
    empty_redis.restart_from(backup)
    with Redis.from_url(empty_redis.url, decode_responses=True) as client:
        assert client.get("a") == "1"
    shutil.rmtree(backup.parent)


def test_an_empty_redis_is_empty_and_answers_again(redis_server: RedisServer, request: pytest.FixtureRequest) -> None:
    with Redis.from_url(redis_server.url) as client:
        client.set("left", "by another test")
    redis_server.kill()
    empty: RedisServer = request.getfixturevalue("empty_redis")
    assert redis_answers(empty.url)
    with Redis.from_url(empty.url) as client:
        assert client.dbsize() == 0


def test_the_mock_broker_goes_down_and_comes_up(mock_broker: MockBroker) -> None:
    assert kafka_answers(mock_broker.url)
    mock_broker.down()
    assert not kafka_answers(mock_broker.url)
    mock_broker.up()
    wait_until(lambda: kafka_answers(mock_broker.url), "the mock broker is up", 10)
    mock_broker.slow(1500)
    assert not kafka_answers(mock_broker.url)


@pytest.mark.parametrize("host", ["unix:///nowhere/docker.sock", "tcp://127.0.0.1:1"])
def test_no_docker_engine_is_told_at_once(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    monkeypatch.setenv("DOCKER_HOST", host)
    assert not docker_engine.__wrapped__()


def test_a_missing_kafka_says_how_to_have_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.backends.docker_engine", lambda: False)
    monkeypatch.setenv("LIVESHELF_TEST_KAFKA_LIB", str(tmp_path / "nothing"))
    assert kafka_lib() == tmp_path / "nothing"
    with pytest.raises(Unavailable, match="make kafka"):
        new_kafka(tmp_path / "node")


def test_a_missing_back_end_fails_in_ci_and_skips_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="no Kafka here"):
        unavailable("no Kafka here")
    monkeypatch.delenv("CI")
    with pytest.raises(pytest.skip.Exception, match="no Kafka here"):
        unavailable("no Kafka here")

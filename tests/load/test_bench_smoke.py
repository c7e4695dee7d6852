from pathlib import Path

import pytest

from tests.backends import KafkaServer, RedisServer
from tests.load import cpu_per_event, freshness, shelf
from tests.load.figures import Figure, percentile
from tests.load.stand import Stand


@pytest.fixture
def small(empty_kafka: KafkaServer, empty_redis: RedisServer, tmp_path: Path) -> Stand:
    return Stand(empty_kafka, empty_redis, tmp_path)


def named(figures: list[Figure]) -> dict[str, float]:
    return {one.name: one.value for one in figures}


def test_cpu_per_event_counts_both_sides(small: Stand) -> None:
    found = named(cpu_per_event.bench(small, print, events=3_000, runs=1))
    assert found["visitor and item agents"] > 0
    assert found["default no-op agent"] > 0
    assert small.redis.dbsize() > 100  # the agents did write


def test_freshness_sees_every_watched_event_on_both_ways_in(small: Stand) -> None:
    found = named(freshness.bench(small, print, rate=100, seconds=2))
    for way in ("Kafka", "HTTP"):
        assert found[f"{way}, events watched"] == 8  # every 25th of 200
        assert 0 < found[f"{way}, 100 events/s max"] < freshness.PATIENCE_S * 1000


def test_shelf_loads_the_server_and_its_reference(small: Stand) -> None:
    found = named(shelf.bench(small, print, items=400, visitors=50, rates=(50,), seconds=1, turns=1))
    assert found["shelf, 50/s p50"] > 0
    assert found["shelf, flat out"] > 0
    assert found["shelf, 50/s answers not right"] <= 5  # a busy machine may exceed the budget of a read now and then
    assert found["learnt shelf with rules, 50/s p50"] > 0
    assert found["banner, 50/s p50"] > 0
    assert found["FastAPI route with one GET, flat out"] > 0


def test_percentiles_are_values_that_were_measured() -> None:
    assert [percentile([4, 1, 3, 2], share) for share in (0.0, 0.25, 0.5, 0.99, 1.0)] == [1, 1, 2, 4, 4]

"""An item that was put into the catalogue a moment ago: by broker and follower into the candidates by content."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from confluent_kafka import Producer

from serving.candidates import known_of
from serving.history import History
from serving.placement import Placement
from serving.placements import placements
from serving.recommender import Known
from serving.recommenders import new_arrivals, similar, undiscovered
from serving.request import Request, visit
from serving.shop import Shop
from stream.catalogue_copy import CatalogueCopy
from stream.settings import Settings
from stream.topics import TOPICS
from tests.backends import MockBroker

TOPIC = TOPICS["catalog"].name
PAGE = placements()["pdp_similar"]
PAN = {"title": "Iron pan 24 cm", "category": "Kitchen > Pans", "brand": "Ironworks", "price": "40.00"}


class Followed:
    """A shop whose catalogue comes from a broker."""

    def __init__(self, broker: MockBroker, folder: Path) -> None:
        self.copy = CatalogueCopy(Settings(broker_url=broker.url, data_dir=folder, embedded_broker=True))
        self.shop = Shop(self.copy.catalogue, self.copy.vectors)
        self._producer = Producer({"bootstrap.servers": broker.url, "linger.ms": 0})

    def put(self, item_id: str, **item: Any) -> None:
        document = {"item_id": item_id, "currency": "EUR", "availability": "in_stock", **item}
        self._producer.produce(TOPIC, orjson.dumps(document), item_id.encode())
        assert self._producer.flush(10) == 0

    async def known(self, *item_ids: str) -> None:
        """Wait until these items are there, with their vectors."""
        async with asyncio.timeout(40):
            while any(self.shop.vector_of(item_id) is None for item_id in item_ids):
                await asyncio.sleep(0.005)
        self.shop.refresh(int(time.time() * 1000))

    def on_the_page_of(self, item_id: str, placement: Placement = PAGE) -> Known:
        now = int(time.time() * 1000)
        where = visit(Request(item_ids=[item_id]), placement, None, now)
        snapshot = History(self.shop).snapshot(None, where)
        return known_of(snapshot, placement, self.shop, now, located=True)


@pytest.fixture
async def followed(tmp_path: Path) -> AsyncIterator[Followed]:
    with MockBroker({TOPIC: 2}) as broker:
        shop = Followed(broker, tmp_path)
        shop.put("pan", **PAN)
        shop.put("book", title="The art of bread", category="Books", brand="Press", price="20.00")
        shop.copy.start()
        await shop.known("pan", "book")
        yield shop
        await shop.copy.stop()


async def test_what_was_put_in_a_moment_ago_is_similar_undiscovered_and_new(followed: Followed) -> None:
    assert similar.RECOMMENDER.candidates(followed.on_the_page_of("pan"), 9) == []
    followed.put("new pan", **PAN | {"title": "Iron pan 28 cm", "price": "45.00"})
    await followed.known("new pan")
    known = followed.on_the_page_of("pan")
    for one in (similar, undiscovered):
        assert [c.item_id for c in one.RECOMMENDER.candidates(known, 9)] == ["new pan"], one.__name__
    assert new_arrivals.RECOMMENDER.candidates(known, 9)[0].item_id == "new pan"
    assert [c.item_id for c in similar.RECOMMENDER.candidates(followed.on_the_page_of("new pan"), 9)] == ["pan"]


async def test_a_new_title_makes_it_similar_to_something_else(followed: Followed) -> None:
    followed.put("novelty", title="Garden hose", category="Garden", brand="Hoser")
    await followed.known("novelty")
    assert similar.RECOMMENDER.candidates(followed.on_the_page_of("pan"), 9) == []
    before = followed.shop.vector_of("novelty")
    assert before is not None
    before = before.copy()
    followed.put("novelty", **PAN | {"title": "Iron pan 20 cm"})
    async with asyncio.timeout(40):
        while (now := followed.shop.vector_of("novelty")) is None or bool((now == before).all()):
            await asyncio.sleep(0.005)
    assert [c.item_id for c in similar.RECOMMENDER.candidates(followed.on_the_page_of("pan"), 9)] == ["novelty"]

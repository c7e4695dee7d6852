"""When a process is ready to search."""

from __future__ import annotations

import json

from stream.fold import Record
from tests.serving.deployment import Deployment, item


async def test_a_process_is_ready_once_the_index_has_the_catalogue() -> None:
    shop = Deployment()
    values = [item(f"i{n}") for n in range(3)]
    shop.catalogue.apply(
        [Record("catalog", 0, n, 0, one["item_id"].encode(), json.dumps(one).encode()) for n, one in enumerate(values)]
    )
    answer = await shop.call("GET", "/readyz", key=None)
    assert answer.status_code == 503
    assert "search index" in answer.json()["detail"]
    shop.api.index.catch_up(1_000)
    assert (await shop.call("GET", "/readyz", key=None)).status_code == 503
    shop.api.knowing.catch_up()
    assert (await shop.call("GET", "/readyz", key=None)).status_code == 200


async def test_a_change_does_not_take_a_process_out_of_service() -> None:
    shop = Deployment()
    assert (await shop.call("GET", "/readyz", key=None)).status_code == 200
    one = item("new")
    shop.catalogue.apply([Record("catalog", 0, 0, 0, b"new", json.dumps(one).encode())])
    assert shop.api.index.waiting
    assert (await shop.call("GET", "/readyz", key=None)).status_code == 200

"""What operators see."""

import logging
from collections.abc import Sequence

import msgspec
import pytest

from serving.http.access_log import guard
from stream.runner import BUCKETS_MS
from tests.serving.deployment import SECRET, Deployment, item


async def test_the_lag_names_every_partition_and_the_worst_verdict(shop: Deployment) -> None:
    found = (await shop.call("GET", "/v1/ops/lag", key=SECRET)).json()
    assert (found["verdict"], found["records"]) == ("behind", 2)
    row = found["partitions"][0]
    assert {"topic", "partition", "position", "end", "records", "seconds", "verdict"} <= set(row)


async def test_the_lag_is_asked_at_most_once_a_second(shop: Deployment) -> None:
    asked = []
    lag = shop.api.operations._lag

    async def counted() -> Sequence[object]:
        asked.append(1)
        return await lag()

    shop.api.operations._lag = counted  # type: ignore[assignment]
    for _ in range(3):
        await shop.call("GET", "/v1/ops/lag", key=SECRET)
    assert len(asked) == 1
    shop.now += 1_000
    await shop.call("GET", "/v1/ops/lag", key=SECRET)
    assert len(asked) == 2


async def test_freshness_is_summed_over_the_workers(shop: Deployment) -> None:
    counts = [0] * (len(BUCKETS_MS) + 1)
    counts[1], counts[-1] = 3, 1
    beat = msgspec.msgpack.encode({"at": 1, "freshness": counts, "freshness_sum_ms": 60_000.0, "lost": 2})

    async def find(_: str) -> list[str]:
        return ["one", "two", "broken"]

    async def mget(keys: Sequence[str]) -> list[bytes | None]:
        values: list[bytes | None] = [beat, beat, b"\xc1"]
        return values[: len(keys)]

    shop.redis.find, shop.redis.mget = find, mget  # type: ignore[method-assign, assignment]
    found = (await shop.call("GET", "/v1/ops/lag", key=SECRET)).json()
    assert found["freshness"]["upto_ms"][str(BUCKETS_MS[1])] == 6
    assert found["freshness"]["sum_ms"] == 120_000.0
    assert found["lost"] == 4
    metrics = (await shop.call("GET", "/metrics", key=SECRET)).text
    assert 'liveshelf_freshness_seconds_bucket{le="+Inf"} 8.0' in metrics
    assert "liveshelf_events_lost 4.0" in metrics


async def test_ready_means_that_a_catalogue_was_read(shop: Deployment) -> None:
    assert (await shop.call("GET", "/readyz", key=None)).status_code == 200
    shop.catalogue.ready.clear()
    answer = await shop.call("GET", "/readyz", key=None)
    assert answer.status_code == 503
    assert "retry-after" in answer.headers
    assert (await shop.call("GET", "/healthz", key=None)).status_code == 200


async def test_what_was_answered_is_counted(shop: Deployment) -> None:
    await shop.stock(item("a"))
    await shop.settle()
    await shop.shelf("trending")
    await shop.view("me", "a")
    metrics = (await shop.call("GET", "/metrics", key=SECRET)).text
    assert 'liveshelf_decisions_total{placement="trending",status="fallback"}' in metrics
    assert 'liveshelf_events_total{reason="",status="accepted"}' in metrics
    assert 'liveshelf_requests_total{route="/v1/recommendations/{placement}",status="200"}' in metrics
    assert 'liveshelf_request_seconds_count{route="/v1/events"}' in metrics
    assert "liveshelf_catalogue_items 1.0" in metrics
    assert 'liveshelf_source_up{source="redis"} 1.0' in metrics


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/v1/recommendations/trending?visitor_id=someone&n=3", "/v1/recommendations/trending"),
        ("/v1/catalog/items/secret-thing", "/v1/catalog/items/…"),
        ("/v1/visitors/somebody/token", "/v1/visitors/…/token"),
        ("/v1/visitors/some/body/token?x=1", "/v1/visitors/…/token"),
        ("/v1/visitors/some/body", "/v1/visitors/…"),
        ("/v1/catalog/items/an/id/with/slashes?x", "/v1/catalog/items/…"),
        ("/v1/no/such/route/someone@shop.example", "/v1/…"),
        ("/v1/events?key=pk_x", "/v1/events"),
    ],
)
def test_access_logs_hold_no_people(path: str, told: str, caplog: pytest.LogCaptureFixture) -> None:
    guard()
    with caplog.at_level(logging.INFO, "uvicorn.access"):
        logging.getLogger("uvicorn.access").info('%s - "%s %s HTTP/%s" %d', "1.2.3.4:5", "GET", path, "1.1", 200)
    assert caplog.messages == [f'- - "GET {told} HTTP/1.1" 200']


async def test_a_head_request_is_answered_like_a_get(shop: Deployment) -> None:
    assert (await shop.call("HEAD", "/healthz", key=None)).status_code == 200
    assert (await shop.call("HEAD", "/v1/catalog/items/a", key=SECRET)).status_code == 404


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/nothing", "/v1/recommendations/a/b", "/docs"])
async def test_an_unknown_path_is_a_problem(shop: Deployment, path: str) -> None:
    answer = await shop.call("GET", path)
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


async def test_another_method_is_a_problem_that_names_the_methods(shop: Deployment) -> None:
    answer = await shop.call("DELETE", "/v1/recommendations/trending")
    assert (answer.status_code, answer.headers["content-type"]) == (405, "application/problem+json")
    assert {"GET", "POST"} <= set(answer.headers["allow"].split(", "))


@pytest.mark.parametrize("path", ["/healthz", "/v1/recommendations/trending", "/nowhere", "/openapi.json"])
async def test_every_answer_says_how_browsers_shall_treat_it(shop: Deployment, path: str) -> None:
    headers = (await shop.call("GET", path)).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in headers["content-security-policy"]
    assert headers["referrer-policy"] == "no-referrer"


async def test_a_mistake_of_ours_is_a_problem_without_its_details(shop: Deployment) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("the reason")

    shop.api.shop.fragments = broken  # type: ignore[method-assign, assignment]
    await shop.stock(item("a"))
    await shop.settle()
    answer = await shop.call("GET", "/v1/recommendations/trending")
    assert (answer.status_code, answer.headers["content-type"]) == (500, "application/problem+json")
    assert "the reason" not in answer.text

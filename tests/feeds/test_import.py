"""`liveshelf import`, the command, against the embedded broker and a real Kafka."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from serving.cli import app
from stream.catalogue import Catalogue
from stream.cluster import Cluster
from stream.feeds.known import followed
from stream.settings import Settings, settings
from stream.topics import TOPICS
from tests.backends import KafkaServer, MockBroker
from tests.feeds.shop import ITEMS, item, json_lines, merchant_table, merchant_xml, shopify

CATALOG = TOPICS["catalog"].name


@pytest.fixture(autouse=True)
def _fresh_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    settings.cache_clear()
    monkeypatch.delenv("LIVESHELF_BROKER_URL", raising=False)


@pytest.fixture
def embedded() -> Iterator[str]:
    with MockBroker({CATALOG: 4}) as broker:
        yield broker.url


@pytest.fixture
def real(empty_kafka: KafkaServer) -> str:
    Cluster(Settings(broker_url=empty_kafka.url, partitions=4)).partitions()
    return empty_kafka.url


@pytest.fixture(params=["embedded", "real"])
def broker(request: pytest.FixtureRequest) -> str:
    url: str = request.getfixturevalue(request.param)
    return url


def run(*words: object) -> tuple[int, str]:
    done = CliRunner(env={"COLUMNS": "300"}).invoke(app, ["import", *map(str, words)])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, done.output


def document(*words: object) -> tuple[int, dict[str, Any]]:
    code, text = run(*words, "--json")
    found: dict[str, Any] = json.loads(text)
    return code, found


def catalogue(url: str) -> dict[str, dict[str, Any]]:
    """What anybody who reads the topic from its start knows."""

    async def read() -> Catalogue:
        async with followed(url) as (found, _):
            return found

    return {item_id: json.loads(one.raw) for item_id, one in asyncio.run(read()).items.items()}


def written(folder: Path, content: bytes, name: str = "feed") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def test_a_feed_becomes_the_catalogue_and_again_sends_nothing(broker: str, tmp_path: Path) -> None:
    path = written(tmp_path, gzip.compress(merchant_xml(ITEMS)))
    code, found = document(path, "--broker", broker)
    assert (code, found["new"], found["acknowledged"], found["errors"]) == (0, 12, 12, [])
    assert catalogue(broker).keys() == {one["item_id"] for one in ITEMS}
    code, found = document(path, "--broker", broker, "--full")
    assert (code, found["acknowledged"], found["unchanged"]) == (0, 0, 12)


def test_changes_and_removals_reach_every_reader_of_the_topic(broker: str, tmp_path: Path) -> None:
    document(written(tmp_path, merchant_table(ITEMS)), "--broker", broker)
    later = [{**one, "price": "1.00", "sale_price": None} for one in ITEMS[:-1]]
    code, found = document(written(tmp_path, merchant_table(later)), "--broker", broker, "--full")
    assert (code, found["changed"], found["removed"]) == (0, 11, 1)
    known = catalogue(broker)
    assert {one["price"] for one in known.values()} == {"1.00"}
    assert not any("sale_price" in one for one in known.values())
    assert len(known) == 11


def test_a_feed_that_would_wipe_the_shop_is_refused(embedded: str, tmp_path: Path) -> None:
    items = [item(f"i{n}") for n in range(60)]
    document(written(tmp_path, json_lines(items)), "--broker", embedded)
    path = written(tmp_path, json_lines(items[:20]))
    code, found = document(path, "--broker", embedded, "--full")
    assert (code, found["acknowledged"]) == (1, 0)
    assert "40 of 60 items for sale" in found["error"]
    assert "--allow-shrink" in found["error"]
    assert len(catalogue(embedded)) == 60
    assert document(path, "--broker", embedded, "--full", "--allow-shrink")[0] == 0
    assert len(catalogue(embedded)) == 20


def test_a_feed_that_breaks_off_changes_nothing(embedded: str, tmp_path: Path) -> None:
    good, broken = written(tmp_path, merchant_table(ITEMS), "good"), written(tmp_path, merchant_xml(ITEMS)[:-90], "bad")
    code, text = run(good, broken, "--broker", embedded)
    assert code == 1
    assert "bad: it is no longer XML" in text
    assert catalogue(embedded) == {}


def test_rows_that_are_wrong_are_told_like_a_compiler_does_and_the_others_go(embedded: str, tmp_path: Path) -> None:
    content = merchant_table(ITEMS).replace(b"0.99 EUR", b"0,999 EUR")
    path = written(tmp_path, content)
    code, text = run(path, "--broker", embedded)
    assert code == 3
    assert f"{path}:14: price '0,999 EUR' it is 0999 to some and 0.999 to others: write 0999.00 or 0.9990" in text
    assert "1 × ambiguous_price" in text
    assert "12 rows, 11 valid" in text
    assert len(catalogue(embedded)) == 11


def test_a_few_errors_are_shown_all_are_in_the_file_and_in_the_document(tmp_path: Path) -> None:
    content = merchant_table(item(f"i{n}") for n in range(100)).replace(b" EUR", b" each", 45)
    path, errors = written(tmp_path, content), tmp_path / "errors.jsonl"
    code, text = run(path, "--check", "--errors", errors)
    assert code == 3
    assert text.count(": price '34.90 each'") == 20
    assert "and 25 more" in text
    assert [json.loads(line)["row"] for line in errors.read_text().splitlines()] == list(range(2, 92, 2))
    assert len(document(path, "--check")[1]["errors"]) == 45


def test_checking_needs_no_broker_and_anything_else_says_what_to_set(tmp_path: Path) -> None:
    path = written(tmp_path, shopify(ITEMS))
    assert run(path, "--check", "--currency", "eur")[0] == 0
    assert "--currency" in run(path, "--check")[1]
    code, text = run(path)
    assert code == 2
    assert "LIVESHELF_BROKER_URL" in text
    assert run(path, "--currency", "Euro")[0] == 2
    assert run(path, "--shop", "shop.example")[0] == 2


def test_a_file_that_is_not_there_or_not_a_feed(tmp_path: Path) -> None:
    assert "nothing cannot be read: No such file" in run(tmp_path / "nothing", "--check")[1]
    assert "format is not recognised" in run(written(tmp_path, b"Hello"), "--check")[1]
    assert run(tmp_path, "--check")[0] == 1


def test_a_broker_without_the_topic_and_no_broker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stream.feeds.known.PATIENCE_S", 0.5)
    path = written(tmp_path, json_lines(ITEMS))
    assert "cannot be read from 127.0.0.1:1" in run(path, "--broker", "127.0.0.1:1")[1]


def test_an_address_of_a_private_network_and_its_secrets_are_not_printed() -> None:
    code, text = run("https://me:secret@127.0.0.1/feed?token=secret", "--check")
    assert code == 1
    assert "https://127.0.0.1/feed: its host 127.0.0.1 is 127.0.0.1, which is not a public address" in text
    assert "secret" not in text


def test_markup_and_terminal_codes_in_a_feed_are_shown_as_text(tmp_path: Path) -> None:
    path = written(tmp_path, json_lines([item("a"), item("b"), item("c", availability="[bold red]\x1b[31mx")]))
    assert "[bold red]\N{REPLACEMENT CHARACTER}[31mx" in run(path, "--check")[1]


def test_five_thousand_items(broker: str, tmp_path: Path) -> None:
    path = written(tmp_path, merchant_table(item(f"i{n}") for n in range(5_000)))
    code, found = document(path, "--broker", broker)
    assert (code, found["acknowledged"]) == (0, 5_000)
    assert document(path, "--broker", broker)[1]["acknowledged"] == 0

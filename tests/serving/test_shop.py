"""What is popular, new and sold, as requests share it."""

from serving.shop import NEWEST_EVERY_MS, SMALL, Shop
from stream.signals import popularity
from tests.serving.deployment import NOW
from tests.stream.test_catalogue import read, record


def listed(shop: Shop) -> list[tuple[str, str]]:
    return [(one.item_id, one.recommender) for one in shop.fallback]


def look(shop: Shop, item_id: str, times: float) -> None:
    shop.board.put(item_id, popularity.State(at=NOW, fast=times, slow=times, seen=int(times)))


def test_popular_items_come_first_and_then_the_newest() -> None:
    shop = Shop(
        read(
            record("a", 0, title="A"),
            record("old", 1, title="O", published_at=1_000),
            record("new", 2, title="N", published_at=2_000),
        )
    )
    look(shop, "a", 3)
    shop.refresh(NOW)
    assert listed(shop) == [("a", "popular"), ("new", "newest"), ("old", "newest")]


def test_what_is_sold_out_is_neither_popular_nor_new() -> None:
    catalogue = read(record("a", 0, title="A", quantity=0), record("b", 1, title="B", category="C"))
    shop = Shop(catalogue)
    look(shop, "a", 3)
    look(shop, "b", 1)
    shop.refresh(NOW)
    assert [item_id for item_id, _ in shop.popular] == ["b"]
    assert [item_id for item_id, _ in shop.popular_in["C"]] == ["b"]
    catalogue.apply([record("a", 2, quantity=1, category="C")])
    shop.refresh(NOW)
    assert [item_id for item_id, _ in shop.popular] == ["a", "b"]
    assert [item_id for item_id, _ in shop.popular_in["C"]] == ["a", "b"]
    assert shop.popular_in.get("none") is None


def test_an_item_opens_at_its_time() -> None:
    shop = Shop(read(record("a", 0, title="A", published_at=NOW + 5_000)))
    look(shop, "a", 1)
    shop.refresh(NOW)
    assert (shop.fallback, shop.sellable("a", NOW)) == ([], False)
    shop.refresh(NOW + 5_000)
    assert listed(shop) == [("a", "popular")]
    assert shop.sellable("a", NOW + 5_000)


def test_a_large_catalogues_newest_items_are_sought_now_and_then() -> None:
    catalogue = read(*[record(f"i{n}", n, title="T") for n in range(SMALL)])
    shop = Shop(catalogue)
    shop.refresh(NOW)
    assert listed(shop)[0] == (f"i{SMALL - 1}", "newest")
    catalogue.apply([record("newer", SMALL, title="T")])
    shop.refresh(NOW + 1)
    assert listed(shop)[0] == (f"i{SMALL - 1}", "newest")
    shop.refresh(NOW + NEWEST_EVERY_MS)
    assert listed(shop)[0] == ("newer", "newest")


def test_without_a_catalogue_all_items_with_events_may_be_shown() -> None:
    shop = Shop(read())
    look(shop, "a", 1)
    shop.refresh(NOW)
    assert shop.shown is None
    assert shop.sellable("a", NOW)
    assert listed(shop) == [("a", "popular")]


def test_what_the_catalogue_says_is_encoded_once_per_version() -> None:
    catalogue = read(record("a", 0, title='A "quoted" \\ title'))
    shop = Shop(catalogue)
    first = shop.fragments("a")
    assert shop.fragments("a") is first
    catalogue.apply([record("a", 1, title="B")])
    assert '"title":"B"' in shop.fragments("a").shelf

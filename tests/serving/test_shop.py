"""What is popular, new and sold, as requests share it."""

from serving.filters.rule import compiled
from serving.shop import POPULAR, Shop
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


def test_a_newer_item_of_a_large_catalogue_is_the_newest_at_the_next_ranking() -> None:
    catalogue = read(*[record(f"i{n}", n, title="T", published_at=n) for n in range(3_000)])
    shop = Shop(catalogue)
    shop.refresh(NOW)
    assert listed(shop)[:2] == [("i2999", "newest"), ("i2998", "newest")]
    assert len(shop.fallback) == 2 * POPULAR
    catalogue.apply([record("newer", 3_000, title="T", published_at=NOW)])
    shop.refresh(NOW + 1)
    assert listed(shop)[0] == ("newer", "newest")


def test_a_filter_reaches_deeper_than_the_most_popular() -> None:
    catalogue = read(*[record(f"i{n}", n, title="T", brand="rare" if n >= 395 else "usual") for n in range(400)])
    shop = Shop(catalogue)
    for n in range(400):
        look(shop, f"i{n}", 400 - n)
    shop.refresh(NOW)
    rule = compiled({"brand": "rare"})
    assert [item_id for item_id, _ in shop.within(rule).popular] == [f"i{n}" for n in range(395, 400)]
    assert shop.within(rule) is shop.within(rule)
    before = shop.within(rule)
    catalogue.apply([record("i0", 400, brand="rare")])
    assert shop.within(rule) is not before
    assert shop.within(rule).popular[0][0] == "i0"
    catalogue.apply([record("i0", 401, quantity=0)])
    assert shop.within(rule).popular[0][0] == "i395"


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


def test_what_rises_and_what_is_new_are_listed_also_within_a_filter() -> None:
    shop = Shop(
        read(
            record("pan", 0, at=NOW - 9_000, title="Pan", category="Pans"),
            record("rush", 1, at=NOW - 8_000, title="Rush", category="Pans"),
            record("lid", 2, title="Lid", category="Lids", published_at=NOW - 7_000),
            record("gone", 3, at=NOW, title="Gone", quantity=0),
        )
    )
    shop.board.put("pan", popularity.State(at=NOW, fast=40.0, slow=280.0, seen=280))
    shop.board.put("rush", popularity.State(at=NOW, fast=60.0, slow=80.0, seen=80))
    shop.board.put("lid", popularity.State(at=NOW, fast=90.0, slow=90.0, seen=90))
    shop.refresh(NOW)
    assert [item_id for item_id, _ in shop.lists["rising"]] == ["lid", "rush", "pan"]
    assert [item_id for item_id, _ in shop.popular] == ["lid", "pan", "rush"]
    assert list(shop.lists["newest"]) == [("lid", NOW - 7_000), ("rush", NOW - 8_000), ("pan", NOW - 9_000)]
    pans = shop.within(compiled({"category": "Pans"}))
    assert [item_id for item_id, _ in pans.lists["rising"]] == ["rush", "pan"]
    assert [item_id for item_id, _ in pans.lists["newest"]] == ["rush", "pan"]
    assert shop.lists.get("none") is None

"""What a query is understood as, on a small shop."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.filters.columns import Columns
from serving.search.synonyms import Group, Synonyms
from serving.search.understanding import LONGEST, MOST_WORDS, Knowledge, cleaned, knowledge, understand
from serving.search.understood import Understood
from stream.catalogue import Catalogue
from tests.search.shelf import Vocabulary, put


def shoe(item_id: str, colour: str, brand: str, price: str, **more: Any) -> dict[str, Any]:
    title = f"{brand} trainers {colour.lower()}"
    return {
        "item_id": item_id,
        "title": title,
        "brand": brand,
        "price": price,
        "currency": "EUR",
        "category": "Shoes > Trainers",
        "attributes": {"colour": colour, "size": more.pop("size", 42)},
        **more,
    }


ITEMS = [
    shoe("shoe-1001", "Red", "Acme", "79.90", gtin="4006381333931", mpn="AC-77 X/1"),
    shoe("shoe-1002", "Blue", "Acme", "99"),
    shoe("shoe-1003", "Red,White", "Brother", "40", size=["43", "XL"]),
    {"item_id": "case-1", "title": "Case for laptop", "brand": "Case Logic", "price": "20", "currency": "EUR"},
    {"item_id": "case-2", "title": "Black case", "brand": "Acme", "price": "20", "currency": "EUR"},
    {"item_id": "case-3", "title": "Black box", "price": "20", "attributes": {"Colour": "Black"}},
    {"item_id": "head-1", "title": "Wireless headset", "price": "59", "currency": "EUR"},
    {"item_id": "gift-1", "title": "Gift for my brother", "price": "5", "currency": "EUR"},
]


def shop(*items: dict[str, Any]) -> tuple[Catalogue, Knowledge]:
    catalogue = Catalogue()
    put(catalogue, *(items or ITEMS))
    by = knowledge(catalogue, Vocabulary(catalogue))
    by.spelling.follow()
    return catalogue, by


def understood(query: str) -> Understood:
    return understand(query, shop()[1])


def found(query: str) -> set[str]:
    """The items that all filters of the query let through."""
    catalogue, by = shop()
    items = [shelved.item for shelved in catalogue.items.values()]
    columns = Columns(items.__getitem__, lambda: len(items))
    for code, item in enumerate(items):
        columns.change(code, None, item)
    met = {item.item_id for item in items}
    for one in understand(query, by).filters:
        mask = one.rule.mask(columns)
        met &= {item.item_id for item, meets in zip(items, mask.tolist(), strict=True) if meets}
    return met


def test_colour_and_price_become_filters_and_the_rest_is_searched_for() -> None:
    one = understood("Red trainers under 80")
    assert one.words == ("trainers",)
    assert [(each.subject, each.label, each.written) for each in one.filters] == [
        ("price", "under 80 EUR", "under 80"),
        ("colour", "colour: red", "red"),
    ]
    assert found("red trainers under 80") == {"shoe-1001", "shoe-1003"}


def test_a_brand_becomes_a_filter_also_when_it_is_misspelt() -> None:
    one = understood("acmee trainers")
    assert one.corrections == (("acmee", "acme"),)
    assert one.words == ("trainers",)
    assert one.written == ("acmee", "trainers")
    assert found("acmee trainers") == {"shoe-1001", "shoe-1002", "case-2"}


def test_a_brand_alone_is_still_searched_for() -> None:
    one = understood("acme")
    assert one.words == ("acme",)
    assert [each.label for each in one.filters] == ["brand: Acme"]


def test_a_word_that_many_say_without_meaning_the_name_stays_a_word() -> None:
    assert understood("black case").words == ("black", "case")  # one of two black things has it as its colour
    assert understood("gift for brother").words == ("gift", "for", "brother")
    assert not understood("gift for brother").filters


def test_a_name_of_several_words_is_one_name() -> None:
    one = understood("case logic laptop")
    assert [each.label for each in one.filters] == ["brand: Case Logic"]
    assert one.words == ("laptop",)


def test_a_size_is_read_where_it_is_named_or_looks_like_one() -> None:
    assert found("trainers size 42") == {"shoe-1001", "shoe-1002"}
    assert found("trainers größe 43") == {"shoe-1003"}
    assert found("trainers xl") == {"shoe-1003"}
    assert understood("trainers 42").filters == ()
    assert understood("trainers size 99").words == ("trainers", "size", "99")


def test_names_follow_the_catalogue() -> None:
    catalogue, by = shop()
    assert understand("green trainers", by).filters == ()
    put(catalogue, shoe("shoe-2000", "Green", "Acme", "1"))
    assert [each.label for each in understand("green trainers", by).filters] == ["colour: green"]
    put(catalogue, {"item_id": "shoe-2000"})
    assert understand("green trainers", by).filters == ()


def test_what_was_counted_is_uncounted() -> None:
    catalogue, by = shop()
    before = [dict(each) for each in (by.names._titles, by.names._having, by.names._agreeing, by.names._values)]
    put(catalogue, shoe("shoe-3000", "Mint", "Neuland", "1"), shoe("shoe-1001", "Pink", "Acme", "2"))
    put(catalogue, {"item_id": "shoe-3000"}, ITEMS[0] | {"mpn": "AC-77 X/1"})
    assert before == [dict(each) for each in (by.names._titles, by.names._having, by.names._agreeing, by.names._values)]


@pytest.mark.parametrize(
    "query",
    ["shoe-1001", "SHOE 1001", "4006381333931", "4006381-333931", "04006381333931", "ac77x1", "trainers AC-77-X/1"],
)
def test_an_items_number_finds_it_however_it_is_written(query: str) -> None:
    assert understood(query).exact == "shoe-1001"


def test_a_number_of_several_items_or_none_is_not_exact() -> None:
    catalogue, by = shop(
        {"item_id": "sku-1", "title": "One", "mpn": "X-100"}, {"item_id": "sku-2", "title": "Two", "mpn": "x100"}
    )
    assert understand("x100", by).exact is None
    put(catalogue, {"item_id": "sku-2"})
    assert understand("x100", by).exact == "sku-1"
    assert understand("4711-0815", by).exact is None


def test_words_apart_and_together_are_put_right() -> None:
    assert understood("lap top case").words == ("laptop", "case")
    assert understood("lap top case").corrections == (("lap top", "laptop"),)
    assert understood("wirelessheadset").corrections == (("wirelessheadset", "wireless headset"),)


def test_a_real_word_is_not_read_as_another_beside_words_that_are_known() -> None:
    _, by = shop({"item_id": "1", "title": "Bold teapot"}, {"item_id": "2", "title": "Bold teapot"})
    assert understand("gold teapot", by).words == ("gold", "teapot")
    assert understand("gold", by).words == ("bold",)
    assert understand("boldd teapot", by).words == ("bold", "teapot")


def test_words_that_only_join_are_not_corrected() -> None:
    _, by = shop({"item_id": "1", "title": "Fur pan"})
    assert understand("pan for fur", by).words == ("pan", "for", "fur")
    assert understand("pan für", by).words == ("pan", "für")


def test_a_real_word_is_read_as_another_where_titles_say_so() -> None:
    _, by = shop({"item_id": "1", "title": "Mouse pad"}, {"item_id": "2", "title": "Mouse pad"})
    assert understand("mouse pay", by).words == ("mouse", "pad")
    assert understand("big pay mouse", by).words == ("big", "pay", "mouse")


def test_known_words_that_the_catalogue_writes_together_are_offered_to_be_joined() -> None:
    _, by = shop(
        {"item_id": "1", "title": "headset"},
        {"item_id": "2", "title": "head cover set"},
        {"item_id": "3", "title": "head set"},
    )
    assert understand("head set", by).words == ("head", "set")
    assert understand("head set", by).rejoined == ("headset",)
    assert understand("headset", by).rejoined == ("head", "set")  # twice as often apart


def test_synonyms_expand_and_are_never_corrected() -> None:
    _, by = shop()
    by = by._replace(synonyms=Synonyms([Group(("sneaker", "trainers"))]))
    one = understand("red sneaker", by)
    assert one.corrections == ()
    assert [each.words for each in one.expanded] == [("trainers",)]


def test_pure() -> None:
    _, by = shop()
    assert understand("red trianers under 80", by) == understand("red trianers under 80", by)


@pytest.mark.parametrize(
    "query",
    [
        "",
        " ",
        "a" * 10_000,
        "abcdefgh " * 1_200,
        "under " * 2_000,
        "0-" * 5_000,
        "1.000.000" * 1_000,
        "the a of and",
        "\x00\x1b[31m\r\n\t",
        "\u202e\u05d0\u05d1 \u05d2\u202c",
        "\U0001f4a1\U0001f468\u200d\U0001f469\u200d\U0001f467\ufe0f",
        "'; DROP TABLE items; --",
        "<script>alert(1)</script>",
        "{{7*7}} ${jndi:ldap://x}",
        "\ud800",
        "ﷺ" * 500,
        "é" + "\u0301" * 5_000,
    ],
)
def test_hostile_queries_are_understood_as_something_small(query: str) -> None:
    one = understood(query)
    assert len(one.query) <= LONGEST
    assert len(one.written) <= MOST_WORDS
    one.query.encode()


@given(st.text(max_size=400))
def test_any_text_is_understood(query: str) -> None:
    one = understand(query, SHOP)
    assert cleaned(one.query) == one.query
    assert one.query.isprintable()


@given(st.lists(st.sampled_from(["red", "acme", "trainers", "under 80", "xl", "case", "black", "headset"]), max_size=8))
def test_known_words_are_never_corrected(parts: list[str]) -> None:
    assert understand(" ".join(parts), SHOP).corrections == ()


SHOP = shop()[1]

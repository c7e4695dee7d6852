"""The made catalogue: valid by the contract, varied, drawn."""

from __future__ import annotations

from decimal import Decimal
from xml.etree import ElementTree as ET

import msgspec
import pytest

from serving.demo.catalogue import assortment, items, looks
from serving.demo.pictures import drawings, mix, picture
from stream import catalog_item
from stream.strict_json import Rejected


@pytest.mark.parametrize("item", items(), ids=lambda item: item["item_id"])
def test_every_item_is_taken_by_the_gate(item: dict[str, object]) -> None:
    folded = catalog_item.fold(None, msgspec.json.encode(item), key=str(item["item_id"]).encode())
    assert folded is not None
    assert not isinstance(folded, Rejected)
    assert catalog_item.read_item(folded).title == item["title"]


def test_there_is_a_choice() -> None:
    made = items()
    assert len(made) == 120
    assert len({item["item_id"] for item in made}) == len(made)
    assert len({item["title"] for item in made}) == len(made)
    assert len({item["description"] for item in made}) == len(made)
    assert len({item["category"].split(" > ")[0] for item in made}) == 10
    assert all(4 <= Decimal(item["price"]) < 600 for item in made)


def test_a_few_are_sold_out_and_say_so_in_both_fields() -> None:
    sold_out = [item for item in items() if item["availability"] == "out_of_stock"]
    assert {item["item_id"] for item in sold_out} == assortment().out_of_stock
    assert {item["quantity"] for item in sold_out} == {0}
    assert 3 <= len(sold_out) <= 10


def test_it_is_the_same_each_time() -> None:
    assert items() == items()


def test_links_stay_on_the_host_or_go_to_the_given_one() -> None:
    assert {item["image_url"].partition("/demo/")[0] for item in items()} == {""}
    assert {item["image_url"].partition("/demo/")[0] for item in items("https://shop.example")} == {
        "https://shop.example"
    }
    assert all(item["url"] == f"https://shop.example/?item={item['item_id']}" for item in items("https://shop.example"))


@pytest.mark.parametrize("item_id", sorted(looks()))
def test_every_item_has_a_drawing_without_anything_active(item_id: str) -> None:
    drawn = picture(item_id)
    assert drawn is not None
    elements = {element.tag.rpartition("}")[2] for element in ET.fromstring(drawn).iter()}
    assert elements <= {"svg", "rect", "circle", "ellipse", "path", "g"}
    assert b"{" not in drawn


def test_drawings_of_one_kind_differ_by_colour_and_kinds_by_shape() -> None:
    assert len({picture(item_id) for item_id in looks()}) == len(looks())
    assert {kind for kind, _ in looks().values()} | {"cover"} == set(drawings().shapes)


def test_an_unknown_item_has_no_drawing() -> None:
    assert picture("pan-99") is None


def test_colours_mix_by_share() -> None:
    assert mix("#000000", "#ffffff", 0.0) == "#000000"
    assert mix("#000000", "#ffffff", 0.5) == "#808080"
    assert mix("#102030", "#ffffff", 1.0) == "#ffffff"

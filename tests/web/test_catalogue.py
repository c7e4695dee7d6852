"""The made catalogue: valid by the contract, varied, plausible, drawn, and the same for the same seed."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections import Counter, defaultdict
from itertools import pairwise
from xml.etree import ElementTree as ET

import msgspec
import pytest

from serving.demo.assortment import departments, styles
from serving.demo.catalogue import Item, charm, items, made
from serving.demo.people import kinds
from serving.demo.pictures import drawings, mix, picture
from stream import catalog_item
from stream.strict_json import Rejected


def by_kind() -> dict[str, list[Item]]:
    found: dict[str, list[Item]] = defaultdict(list)
    for item in made():
        found[item.kind].append(item)
    return found


def groups() -> dict[str, list[Item]]:
    found: dict[str, list[Item]] = defaultdict(list)
    for item in made():
        found[item.group].append(item)
    return found


def test_every_item_is_taken_by_the_gate() -> None:
    for item in items():
        folded = catalog_item.fold(None, msgspec.json.encode(item), key=str(item["item_id"]).encode())
        assert folded is not None
        assert not isinstance(folded, Rejected), folded
        assert catalog_item.read_item(folded).title == item["title"]


def test_there_is_a_choice() -> None:
    assert len(made()) >= 1_200
    assert len(departments()) >= 12
    assert len(by_kind()) >= 60
    assert min(map(len, by_kind().values())) >= 8
    assert len({item.item_id for item in made()}) == len({item.title for item in made()}) == len(made())


def test_a_group_shares_its_words_and_its_variants_differ_in_colour_or_size() -> None:
    for variants in groups().values():
        assert len({(one.description, one.brand, one.material, one.published_at_s) for one in variants}) == 1
        assert len({(one.colour, one.size) for one in variants}) == len(variants)
    assert len({variants[0].description for variants in groups().values()}) > 0.95 * len(groups())
    assert sum(len(variants) > 1 for variants in groups().values()) > 0.8 * len(groups())


def test_prices_follow_the_kind_and_look_like_prices() -> None:
    for kind in kinds():
        among = [item.price / 100 for item in by_kind()[kind.id]]
        assert 0.4 * kind.price < sorted(among)[len(among) // 2] < 2.2 * kind.price, kind.id
    assert {item.price % 100 for item in made()} <= {0, 40, 90}
    assert all(200 <= item.price < 100_000 for item in made())


def test_some_are_sold_out_and_some_reduced() -> None:
    sold_out = [item for item in items() if item["availability"] == "out_of_stock"]
    assert {item["quantity"] for item in sold_out} == {0}
    assert 0.02 * len(made()) < len(sold_out) < 0.07 * len(made())
    reduced = [item for item in made() if item.sale_price]
    assert 0.06 * len(made()) < len(reduced) < 0.2 * len(made())
    assert all(0.6 * item.price < item.sale_price < item.price for item in reduced)


def test_first_days_are_spread_over_two_years() -> None:
    days = sorted({item.published_at_s for item in made()})
    assert 700 * 86_400 < days[-1] - days[0] <= 730 * 86_400
    assert max(later - earlier for earlier, later in pairwise(days)) < 30 * 86_400


def test_the_same_seed_makes_the_same_bytes_in_another_process() -> None:
    code = (
        "import hashlib, msgspec; from serving.demo.catalogue import items; "
        "print(hashlib.sha256(msgspec.json.encode(items())).hexdigest())"
    )
    other = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert other.stdout.strip() == hashlib.sha256(msgspec.json.encode(items())).hexdigest()
    assert items(seed=1) != items(seed=2)


def test_links_stay_on_the_host_or_go_to_the_given_one() -> None:
    assert {item["image_url"].partition("/demo/")[0] for item in items()} == {""}
    named = items("https://shop.example")
    assert {item["image_url"].partition("/demo/")[0] for item in named} == {"https://shop.example"}
    assert all(item["url"] == f"https://shop.example/?item={item['item_id']}" for item in named)


def test_what_the_files_name_exists() -> None:
    known = {kind.id for kind in kinds()}
    assert len(known) == len(kinds())
    for department in departments():
        assert set(department.brands) <= set(styles().brands)
        for kind in department.kind:
            assert set(kind.complements) <= known - {kind.id}, kind.id
            own = {colour for material in kind.materials for colour in material.colours}
            assert {*kind.colours, *own} <= set(drawings().colours), kind.id
    assert {colour for colours in styles().styles.values() for colour in colours} == set(drawings().colours)
    assert Counter(brand for shop in departments() for brand in shop.brands).keys() == styles().brands.keys()


def test_texts_are_sentences() -> None:
    for kind in kinds():
        for sentence in (part.sentence for parts in (kind.forms, kind.materials) for part in parts):
            assert sentence[0].isupper(), sentence
            assert sentence.endswith("."), sentence
            assert "  " not in sentence


def test_every_item_has_a_drawing_without_anything_active() -> None:
    for item in made():
        drawn = picture(item.item_id)
        assert drawn is not None
        elements = {element.tag.rpartition("}")[2] for element in ET.fromstring(drawn).iter()}
        assert elements <= {"svg", "rect", "circle", "ellipse", "path", "g"}
        assert b"{" not in drawn


def test_drawings_differ_by_kind_and_colour() -> None:
    looks = {(item.kind, item.colour) for item in made()}
    assert len({picture(item.item_id) for item in made()}) == len(looks)
    assert {kind for kind, _ in looks} | {"cover"} == set(drawings().shapes)


def test_an_unknown_item_has_no_drawing() -> None:
    assert picture("pan-99") is None


@pytest.mark.parametrize(("cents", "written"), [(20, 90), (837, 840), (2_530, 2_490), (12_960, 12_900)])
def test_prices_end_as_shops_write_them(cents: int, written: int) -> None:
    assert charm(cents) == written


def test_colours_mix_by_share() -> None:
    assert mix("#000000", "#ffffff", 0.0) == "#000000"
    assert mix("#000000", "#ffffff", 0.5) == "#808080"
    assert mix("#102030", "#ffffff", 1.0) == "#ffffff"

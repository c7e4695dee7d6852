"""Which policy chooses in a slot: by its mode, and by how much is known."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
import pytest

from serving.banners.learnt import ENOUGH, EVERY_S, Bandits, Mode, modes
from serving.banners.policy import Chosen
from stream.bandits.features import WIDTH
from stream.bandits.published import seal
from stream.bandits.slot import Slot, published
from stream.entries import BANNERS
from stream.roster import AGENTS
from stream.state.keys import Keys, Tag
from stream.topics import partition_of

PARTITIONS = 4
CONTEXT = np.eye(WIDTH)[0]


class Reader:
    """What Redis has of slots."""

    def __init__(self) -> None:
        self.values: dict[str, bytes] = {}

    async def mget(self, keys: Sequence[str]) -> list[bytes | None]:
        return [self.values.get(key) for key in keys]

    def publish(self, name: str, views: int) -> None:
        slot = Slot()
        for n in range(views):
            view = slot.trial(f"a/{n % 2}", CONTEXT, n)
            if n % 4 == 1:
                slot.reward("a/1", CONTEXT, view, n)
        tag = Tag("feedback", partition_of(BANNERS.encode(), PARTITIONS))
        self.values[Keys().value(tag, f"policy:{name}")] = msgspec.msgpack.encode(seal(published(name, slot)))


@pytest.fixture
def reader() -> Reader:
    return Reader()


def bandits(reader: Reader, mode: Mode = "live") -> Bandits:
    return Bandits(reader, Keys(), lambda: PARTITIONS, lambda: ["home", "cart"], mode=lambda _: mode, least=0.01)


def names(chosen: Chosen) -> tuple[str, str | None]:
    return chosen.policy.name, chosen.shadow.name if chosen.shadow else None


async def test_before_anything_was_learnt_every_arm_is_shown_as_often(reader: Reader) -> None:
    found = bandits(reader)
    await found.refresh()
    assert names(found.of("home")) == ("uniform", None)
    assert found.counts("home") == {}


@pytest.mark.parametrize(
    ("mode", "few", "enough"),
    [
        ("live", ("thompson", None), ("contextual", "thompson")),
        ("shadow", ("thompson", None), ("thompson", "contextual")),
        ("uniform", ("uniform", None), ("uniform", "contextual")),
    ],
)
async def test_the_mode_says_who_chooses_and_who_is_asked_beside(
    reader: Reader, mode: Mode, few: tuple[str, str | None], enough: tuple[str, str | None]
) -> None:
    found = bandits(reader, mode)
    for views, expected in ((ENOUGH - 1, few), (ENOUGH, enough)):
        reader.publish("home", views)
        await found.refresh()
        assert names(found.of("home")) == expected
    assert found.of("home") is found.of("home")
    assert found.counts("home") == {"a/0": (ENOUGH // 2, 0, 0, 0), "a/1": (ENOUGH // 2, 0, 0, 0)}


async def test_what_cannot_be_trusted_is_refused_and_what_was_held_stays(reader: Reader) -> None:
    found = bandits(reader)
    reader.publish("home", ENOUGH)
    await found.refresh()
    before = found.of("home").policy.version
    for key, packed in reader.values.items():
        reader.values[key] = packed[:-1] + bytes([packed[-1] ^ 1])
    await found.refresh()
    assert found.of("home").policy.version == before
    reader.publish("home", ENOUGH + 10)
    await found.refresh()
    assert found.of("home").policy.version > before


def test_what_came_of_a_banner_is_known_within_a_second() -> None:
    """The longest that each may wait: the banner's own record, the learner, and who reads what it publishes."""
    assert AGENTS["decision"].flush.after_s + AGENTS["learner"].flush.after_s + EVERY_S < 1


def test_a_setting_says_the_mode_of_all_slots_and_of_single_ones() -> None:
    mode = modes("shadow,home=live,cart=uniform")
    assert [mode(slot) for slot in ("home", "cart", "other")] == ["live", "uniform", "shadow"]

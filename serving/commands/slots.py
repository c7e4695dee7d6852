"""`liveshelf slots`: what is known of each slot's banners, and what another policy would have earned."""

from __future__ import annotations

import json
from typing import Any

import msgspec
from rich.table import Table

from serving.commands.running import Json, connected, err, opened, out, run
from stream.bandits.published import Published, load_slot
from stream.cluster import Cluster
from stream.entries import BANNERS
from stream.learner import LearnerFold
from stream.published import ModelRefusedError
from stream.settings import Settings
from stream.state.keys import Tag
from stream.topics import partition_of

_COUNTED = ("views", "clicks", "dismissals", "conversions")


def slots(as_json: Json = False) -> None:
    """What each slot's banners came to, and what another policy would have earned there."""
    found = run(_slots(connected()))
    if as_json:
        print(json.dumps(found))
        return
    table = Table("slot", "version", "arm", *_COUNTED, "lately", "a view earned → would have (95 %)")
    for slot in found:
        verdicts = "\n".join(_verdict(name, one) for name, one in slot["shadows"].items())
        for arm in slot["arms"]:
            counted = [str(arm[name]) for name in _COUNTED]
            table.add_row(slot["slot"], str(slot["version"]), arm["arm"], *counted, f"{arm['rate']:.3f}", verdicts)
            verdicts = ""
    out.print(table)


async def _slots(conf: Settings) -> list[dict[str, Any]]:
    partitions = Cluster(conf).partitions()["feedback"]
    tag = Tag(LearnerFold.topic, partition_of(BANNERS.encode(), partitions))
    found = []
    async with opened(conf) as store:
        keys = sorted([key async for key in store.scan(tag) if key.startswith("policy:")])
        for key, packed in zip(keys, await store.load(tag, keys) if keys else [], strict=True):
            try:
                found += [] if packed is None else [shown(load_slot(packed))]
            except ModelRefusedError as refused:
                err.print(f"{key} cannot be trusted and is left out: {refused}", highlight=False)
    return found


def shown(slot: Published) -> dict[str, Any]:
    """A slot as the command tells of it; `rate`: rewards a view, the newest views counting most."""
    arms = [
        {"arm": arm, **dict(zip(_COUNTED, counts, strict=True)), "rate": hits / ((hits + misses) or 1.0)}
        for arm, counts, hits, misses in zip(slot.arms, slot.counts, slot.hits, slot.misses, strict=True)
    ]
    return {
        "slot": slot.slot,
        "version": slot.version,
        "views": slot.views,
        "at": slot.at,
        "arms": arms,
        "shadows": msgspec.to_builtins(slot.shadows),
    }


def _verdict(name: str, one: dict[str, float]) -> str:
    gain = f"{one['gain']:+.4f} ± {one['gain_error']:.4f}"
    return f"{name}: {one['earned']:.4f} → {one['would_earn']:.4f} ({gain}, {one['views']} views)"

"""`asyncapi.yaml` says the same about the topics as the code that creates them."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

import schemas
from stream.topics import TOPICS

DOCUMENT: dict[str, Any] = yaml.safe_load((schemas.FOLDER / "asyncapi.yaml").read_text("utf-8"))
CHANNELS: dict[str, Any] = DOCUMENT["channels"]


def test_the_channels_are_the_topics() -> None:
    assert DOCUMENT["asyncapi"] == "3.0.0"
    assert {noun: channel["address"] for noun, channel in CHANNELS.items()} == {
        noun: topic.name for noun, topic in TOPICS.items()
    }


@pytest.mark.parametrize("noun", CHANNELS)
def test_a_channel_is_kept_as_its_topic_is(noun: str) -> None:
    topic, kafka = TOPICS[noun], CHANNELS[noun]["bindings"]["kafka"]
    kept = kafka["topicConfiguration"]
    assert kafka["topic"] == topic.name
    assert kept["cleanup.policy"] == (["compact"] if topic.compacted else ["delete"])
    assert kept.get("retention.ms", 0) == topic.retention_days * 86_400_000
    assert CHANNELS[noun]["x-internal"] == topic.internal


@pytest.mark.parametrize("noun", CHANNELS)
def test_a_public_channel_names_its_key(noun: str) -> None:
    if TOPICS[noun].key.endswith("_id") and not TOPICS[noun].internal:
        assert f"`{TOPICS[noun].key}`" in CHANNELS[noun]["description"]

"""The live models as serving holds them: the newest published version of each, refreshed every second.

A version that cannot be trusted (changed, not finite, made for other features) is refused and the one before it stays
in use; an answer never waits for a model.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import structlog

from serving.ranking.learnt import Chooser
from serving.rows import Reads
from stream.entries import CHOICES
from stream.features import CHOICE_FEATURES, INTENT_FEATURES, intent_features
from stream.joining import LEARNS
from stream.published import ModelRefusedError, Published, PublishedChoices, load_choices, load_published
from stream.signals import cart, session
from stream.state.keys import Keys, Tag
from stream.state.store import Unavailable
from stream.topics import partition_of

INTENT = "intent"
EVERY_S = 1.0
_TOPIC = "feedback"
_MODELS = {INTENT: INTENT} | dict.fromkeys(LEARNS, CHOICES)
"""Model → the key by which its records are routed (`stream.estimator`)."""

log = structlog.get_logger()


class Models:
    """Published models by name; `choosers` are the models of choices as requests use them.

    Parameters
    ----------
    partitions: how many partitions the feedback topic has; 0 while that is not known.
    """

    def __init__(
        self,
        reader: Reads,
        keys: Keys,
        partitions: Callable[[], int],
        *,
        sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep,
    ) -> None:
        self.intent: Published | None = None
        self.choices: dict[str, PublishedChoices] = {}
        self.choosers: dict[str, Chooser] = {}
        self._reader, self._keys, self._partitions, self._sleep = reader, keys, partitions, sleep
        self._packed: dict[str, bytes] = {}

    async def follow(self) -> None:
        """Take new versions as they are published, for ever."""
        while True:
            with suppress(Unavailable):  # the version that is held stays in use
                await self.refresh()
            await self._sleep(EVERY_S)

    async def refresh(self) -> None:
        """Take the newest versions; raises `Unavailable`."""
        partitions = self._partitions()
        if not partitions:
            return
        keys = {
            model: self._keys.value(Tag(_TOPIC, partition_of(key.encode(), partitions)), f"model:{model}")
            for model, key in _MODELS.items()
        }
        for model, packed in zip(keys, await self._reader.mget(list(keys.values())), strict=True):
            if packed is not None and packed != self._packed.get(model):
                self._packed[model] = packed
                self._take(model, packed)

    def _take(self, model: str, packed: bytes) -> None:
        try:
            if model == INTENT:
                self.intent = load_published(packed, INTENT_FEATURES)
                return
            self.choices[model] = made = load_choices(packed, CHOICE_FEATURES)
            self.choosers[model] = Chooser(model, made.version, made.scorer)
        except ModelRefusedError as error:
            log.warning("model_refused", model=model, reason=str(error))

    @property
    def published(self) -> list[Published | PublishedChoices]:
        """All that are in use."""
        return [one for one in (self.intent, *self.choices.values()) if one is not None]

    def of_session(self, visitor: Any) -> dict[str, Any]:
        """What the models say of the visitor's running session."""
        running = session.SIGNAL.of(visitor)
        if self.intent is None or not running.last_at:
            return {}
        features = intent_features(running, cart.SIGNAL.of(visitor), running.last_at)
        return {
            INTENT: {
                "probability": round(self.intent.predict(features), 6),
                "version": self.intent.version,
                "learnt": self.intent.learnt,
                "auc": self.intent.metrics.auc,
                "because": dict(list(self.intent.contributions(features).items())[:5]),
                "explain": "How likely this visit ends in a purchase.",
            }
        }

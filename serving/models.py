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

from serving.rows import Reads
from stream.features import INTENT_FEATURES, intent_features
from stream.published import ModelRefusedError, Published, load_published
from stream.signals import cart, session
from stream.state.keys import Keys, Tag
from stream.state.store import Unavailable
from stream.topics import partition_of

INTENT = "intent"
EVERY_S = 1.0
_TOPIC = "feedback"

log = structlog.get_logger()


class Models:
    """Published models by name.

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
        self._reader, self._keys, self._partitions, self._sleep = reader, keys, partitions, sleep
        self._packed: bytes | None = None

    async def follow(self) -> None:
        """Take new versions as they are published, for ever."""
        while True:
            with suppress(Unavailable):  # the version that is held stays in use
                await self.refresh()
            await self._sleep(EVERY_S)

    async def refresh(self) -> None:
        """Take the newest version; raises `Unavailable`."""
        partitions = self._partitions()
        if not partitions:
            return
        tag = Tag(_TOPIC, partition_of(INTENT.encode(), partitions))
        packed = (await self._reader.mget([self._keys.value(tag, f"model:{INTENT}")]))[0]
        if packed is None or packed == self._packed:
            return
        self._packed = packed
        try:
            self.intent = load_published(packed, INTENT_FEATURES)
        except ModelRefusedError as error:
            log.warning("model_refused", model=INTENT, reason=str(error))

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

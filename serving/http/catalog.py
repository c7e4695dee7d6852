"""``PUT /v1/catalog/items`` and ``GET``, ``DELETE /v1/catalog/items/{id}``: the catalogue.

An item of the request is folded into what is known of it before it is produced, so that the compacted topic always
holds whole items: `{"item_id": "sku-1", "quantity": 3}` changes the stock and nothing else. An answer comes once the
broker has acknowledged all of it, and as a rule once this process shows it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from serving.http import problem
from serving.http.access import Served
from serving.http.answer import Answer
from serving.http.exchange import Exchange
from serving.sends import Sends
from stream import catalog_item
from stream.backpressure import Full
from stream.catalogue import Catalogue
from stream.producer import NotAcknowledged
from stream.strict_json import Rejected
from stream.topics import TOPICS, partition_of

MOST_ITEMS = 1_000
MOST_BYTES = 8_000_000  # twice that while it is put together: a request costs at most 20 MB of memory
OWN_COPY_S = 0.5
_TOPIC = "catalog"

_encode = msgspec.json.Encoder().encode


class _Body(Struct):
    items: list[Raw] | UnsetType = UNSET


class _Named(Struct):
    item_id: str = ""


class Refusal(Struct, frozen=True):
    """Why an item was not stored; `pointer` says where it is in the request (RFC 6901)."""

    pointer: str
    item_id: str
    reason: str
    detail: str


_split = msgspec.json.Decoder(_Body).decode
_named = msgspec.json.Decoder(_Named).decode


class Catalog:
    """The routes. `partitions`: how many partitions the topic has; 0 while that is not known, or the broker is away."""

    def __init__(self, producer: Sends, catalogue: Catalogue, partitions: Callable[[], int]) -> None:
        self._producer, self._catalogue, self._partitions = producer, catalogue, partitions

    @property
    def routes(self) -> Served:
        """What it answers."""
        return (
            ("PUT", "/v1/catalog/items", self.put),
            ("GET", "/v1/catalog/items/{item_id:id}", self.show),
            ("DELETE", "/v1/catalog/items/{item_id:id}", self.delete),
        )

    async def put(self, exchange: Exchange) -> Answer:
        """Store items; those that are not valid are named and leave the others alone."""
        values = _items(await exchange.body(MOST_BYTES))
        if not self._catalogue.ready.is_set():
            raise problem.unavailable("The catalogue is still being read; nothing was stored. Send the items again.", 2)
        wholes, errors = self._fold(values)
        if errors and not wholes:
            detail = "None of the items is valid, nothing was stored; `errors` says why."
            raise problem.Problem(422, "invalid_items", detail, errors=errors)
        await self._produce([(item_id, self._value(item_id, whole)) for item_id, whole in wholes.items()])
        return Answer(_encode({"stored": len(wholes), "rejected": len(errors), "errors": errors}))

    async def show(self, exchange: Exchange) -> Answer:
        """One item as it is known now."""
        shelved = self._catalogue.items.get(exchange.path["item_id"])
        if shelved is None:
            raise problem.not_found("The catalogue has no item of this id.")
        return Answer(shelved.raw)

    async def delete(self, exchange: Exchange) -> Answer:
        """Take one item out of the catalogue; it is no error if there is none."""
        await self._produce([(exchange.path["item_id"], None)])
        return Answer(b"", 204)

    def _fold(self, values: Sequence[bytes]) -> tuple[dict[str, bytes], list[Refusal]]:
        """The whole items by id, and what is wrong with the others."""
        wholes: dict[str, bytes] = {}
        errors: list[Refusal] = []
        for place, value in enumerate(values):
            item_id = _item_id(value)
            known = self._catalogue.items.get(item_id)
            whole = catalog_item.fold(wholes.get(item_id, known.raw if known else None), value)
            if isinstance(whole, Rejected):
                errors.append(Refusal(f"/items/{place}", item_id[:128], whole.reason, whole.detail))
            elif whole is not None:
                wholes[item_id] = whole
        return wholes, errors

    def _value(self, item_id: str, whole: bytes) -> bytes:
        known = self._catalogue.items.get(item_id)
        return catalog_item.record_of(known.raw if known else None, whole)

    async def _produce(self, items: Sequence[tuple[str, bytes | None]]) -> None:
        partitions = self._partitions()
        if not partitions:
            raise problem.unavailable("The broker cannot be reached; nothing was stored. Send the items again.")
        name = TOPICS[_TOPIC].name
        sent: list[tuple[int, Awaitable[int]]] = []
        reason: Exception | None = None
        for item_id, whole in items:
            key = item_id.encode()
            partition = partition_of(key, partitions)
            try:
                sent.append((partition, self._producer.send(name, partition, key, whole)))
            except (Full, NotAcknowledged) as error:
                reason = error
                break
        offsets = await asyncio.gather(*[awaitable for _, awaitable in sent], return_exceptions=True)
        if reason is not None or any(isinstance(offset, BaseException) for offset in offsets):
            raise problem.unavailable(
                "The broker did not acknowledge all of the items. Send all again: storing an item twice does no harm."
            )
        await self._shown({p: o for (p, _), o in zip(sent, offsets, strict=True) if isinstance(o, int)})

    async def _shown(self, offsets: dict[int, int]) -> None:
        """Wait a moment for this process's own copy, so that the next answer here knows it."""
        try:
            await asyncio.wait_for(self._catalogue.reached(offsets), OWN_COPY_S)
        except TimeoutError:
            return  # it is acknowledged, and will be shown


def _items(body: bytes) -> list[bytes]:
    try:
        found: Any = _split(body).items
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        found = UNSET
    if found is UNSET:
        raise problem.unreadable('The body is not {"items": […]} with a list; nothing was stored.')
    if len(found) > MOST_ITEMS:
        raise problem.too_large(f"There are {len(found)} items, {MOST_ITEMS} are allowed at a time; none was stored.")
    return [bytes(one) for one in found]


def _item_id(value: bytes) -> str:
    """The id of an item, empty where there is none to be read (the fold says why)."""
    try:
        return _named(value).item_id
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return ""

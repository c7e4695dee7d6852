"""`liveshelf explain`: why a decision was made, one sentence for the shopper and a table for the marketer."""

from __future__ import annotations

import json
import time
from typing import Annotated, Any
from urllib.parse import quote

import aiohttp
import msgspec
import typer
from rich.markup import escape

from serving.commands.decision_tables import told
from serving.commands.running import Json, connected, fail, loaded, opened, out, run, with_kept_keys
from serving.explain import Explanations
from stream.cluster import Cluster
from stream.keyring import key_bytes, pseudonyms
from stream.privacy import key_of, owner, unpack
from stream.settings import Settings
from stream.span import within
from stream.tokens import BadToken
from stream.topics import partition_of

PATIENCE_S = 15.0


def explain(
    decision_id: Annotated[str, typer.Argument(help="as the API gave it")],
    api: Annotated[str, typer.Option(help="ask this API (http://…:8080) instead of broker and Redis")] = "",
    as_json: Json = False,
) -> None:
    """Tell why a decision was made: what was shown, by which recommender, for which of the shopper's events."""
    if api:
        found = run(_by_api(with_kept_keys(loaded()), api, decision_id))
    else:
        found = run(_by_broker(with_kept_keys(connected()), decision_id))
    if as_json:
        print(json.dumps(found))
        return
    out.print(f"\n[bold]{escape(found['says'])}[/]\n", highlight=False)
    for one in told(found):
        out.print(one, highlight=False)


async def _by_broker(conf: Settings, decision_id: str) -> dict[str, Any]:
    names = pseudonyms(conf)
    partitions = Cluster(conf).partitions()["events"]
    async with opened(conf) as store:

        async def epoch_of(visitor_id: str) -> int:
            tag = owner(partition_of(visitor_id.encode(), partitions))
            return unpack((await store.load(tag, [key_of(names.of_visitor(visitor_id))]))[0]).epoch

        explanations = Explanations(
            lambda *span: within(conf, *span),
            epoch_of,
            key_bytes(conf, "signing_key"),
            names,
            clock=lambda: time.time() * 1000,
        )
        try:
            explanation = (await explanations.of(decision_id)).explanation
        except BadToken as error:
            fail(error)
    found: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(explanation))
    return found


async def _by_api(conf: Settings, api: str, decision_id: str) -> dict[str, Any]:
    url = f"{api.rstrip('/')}/v1/decisions/{quote(decision_id, safe='')}"
    headers = {"Authorization": f"Bearer {key_bytes(conf, 'secret_key').decode()}"}
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(PATIENCE_S)) as client,
            client.get(url, headers=headers) as answer,
        ):
            found: dict[str, Any] = await answer.json(content_type=None)
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        fail(f"{api} does not answer as liveshelf does ({type(error).__name__}): is that its address?")
    if answer.status != 200:
        fail(found.get("detail", f"the API answered {answer.status}"))
    return found

"""`liveshelf models`: the online models, and the way back."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import typer
from rich.table import Table

from serving.commands.running import Json, connected, err, fail, opened, out, run
from stream.cluster import Cluster
from stream.learner import LearnerFold, rollback_record
from stream.learners import models
from stream.live import Working, kept_versions, version_key
from stream.producer import Producer
from stream.published import ModelRefusedError, Sealed, unseal
from stream.settings import Settings
from stream.state.keys import Tag
from stream.topics import TOPICS, partition_of

app = typer.Typer(no_args_is_help=True, help="The online models: what they are worth, and the way back.")


@app.command("list")
def models_list(as_json: Json = False) -> None:
    """The models' current versions and what they are worth (progressive: tested before learnt)."""
    rows = run(_models(connected()))
    if as_json:
        print(json.dumps(rows))
        return
    table = Table("model", "version", "current", "learnt", "log loss", "AUC", "95 %", "MRR, as shown → by the model")
    for row in rows:
        found, current = row["metrics"], "●" if row["current"] else ""
        between = f"{_short(found['auc_low'])}–{_short(found['auc_high'])}" if found["auc"] is not None else "–"
        table.add_row(
            row["model"], str(row["version"]), current, str(row["learnt"]), _short(found["log_loss"]),
            _short(found["auc"]), between, _by_placement(found["placements"]),
        )  # fmt: skip
    out.print(table)
    for said in dict.fromkeys(f"{row['model']}: {row['said']}" for row in rows if row["said"]):
        out.print(said, highlight=False)


def _short(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _by_placement(placements: dict[str, dict[str, float | None]]) -> str:
    return "\n".join(
        f"{name} {_short(shelves['shown_mrr'])} → {_short(shelves['mrr'])}" for name, shelves in placements.items()
    )


async def _models(conf: Settings) -> list[dict[str, Any]]:
    partitions = Cluster(conf).partitions()["feedback"]
    rows: list[dict[str, Any]] = []
    async with opened(conf) as store:
        for model, estimator in sorted(models().items()):
            tag = Tag(LearnerFold.topic, partition_of(estimator.key.encode(), partitions))
            packed = (await store.load(tag, [f"learner:{model}"]))[0]
            if packed is None:
                continue
            working = msgspec.msgpack.decode(packed, type=Working)
            keys = [version_key(model, number) for number in kept_versions(working)]
            for sealed in await store.load(tag, keys):
                if sealed is None:
                    continue
                try:
                    version = unseal(msgspec.msgpack.decode(sealed, type=Sealed))
                except ModelRefusedError as refused:
                    err.print(f"a version of {model} cannot be trusted and is left out: {refused}", highlight=False)
                    continue
                rows.append(
                    {
                        "model": model,
                        "version": version.version,
                        "current": version.version == working.current,
                        "learnt": version.learnt,
                        "said": working.said,
                        "metrics": msgspec.to_builtins(version.metrics),
                    }
                )
    return rows


@app.command("rollback")
def models_rollback(model: str, version: int) -> None:
    """Bring an earlier version of a model back; it goes on learning from there."""
    conf = connected()
    kept = [row["version"] for row in run(_models(conf)) if row["model"] == model]
    if version not in kept:
        fail(f"version {version} of {model!r} is not kept; there are {kept or 'none'}")
    run(_roll_back(conf, model, version))
    out.print(f"{model}: version {version} is brought back within a second")


async def _roll_back(conf: Settings, model: str, version: int) -> None:
    partitions = Cluster(conf).partitions()["feedback"]
    producer = Producer.of(conf)
    try:
        key = models()[model].key.encode()
        await producer.send(
            TOPICS["feedback"].name, partition_of(key, partitions), key, rollback_record(model, version)
        )
    finally:
        producer.close()

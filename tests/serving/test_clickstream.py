"""The real clickstream of `serenade_sessions`: what the README says of quality, measured again."""

from __future__ import annotations

import gzip
import os
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from serving.evaluate import evaluate
from tests.serving.histories import view, written

pytestmark = pytest.mark.timeout(900)
DATA = Path(os.environ.get("LIVESHELF_TEST_DATA", "../shared/data")) / "serenade_sessions"


@pytest.fixture(scope="module")
def clickstream(tmp_path_factory: pytest.TempPathFactory) -> Path:
    files = sorted(DATA.glob("sessions_*.parquet"))
    if not files:
        pytest.skip(f"no sessions_*.parquet in {DATA}: set LIVESHELF_TEST_DATA to the folder of the data sets")
    pandas: Any = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    clicks = pandas.concat(pandas.read_parquet(file) for file in files)
    clicks = clicks.sort_values(["Time", "SessionId"], kind="stable")
    rows = clicks[["SessionId", "ItemId", "Time"]].itertuples(index=False)
    events = (view(n, f"s{s}", str(item), occurred_at=int(time) * 1000) for n, (s, item, time) in enumerate(rows))
    return written(tmp_path_factory.mktemp("clicks") / "events.jsonl.gz", events)


def test_a_small_part_of_it_tells_a_loss_of_quality_soon(clickstream: Path, tmp_path: Path) -> None:
    part = tmp_path / "part.jsonl.gz"
    with gzip.open(clickstream, "rt", encoding="utf-8") as rows, gzip.open(part, "wt", encoding="utf-8") as out:
        out.writelines(islice(rows, 20_000))
    found = evaluate(part, baselines=True)
    assert found["next"]["n"] == 3_177
    assert found["next"]["hr@20"] >= 0.56
    assert found["next"]["mrr@20"] >= 0.37
    assert found["no_repeats"]["hr@20"] >= 0.275
    assert found["cold_items"]["hr@20"] >= 0.5
    assert found["protocol"]["events_rejected"] == 0
    neighbours, unlearnt = found["baselines"]["vs_knn"], found["baselines"]["unlearnt"]
    assert neighbours["n"] == 3_177
    assert found["next"]["hr@20"] > neighbours["hr@20"] + 0.05
    assert unlearnt["difference"]["next"]["mrr@20"]["interval"][0] > 0

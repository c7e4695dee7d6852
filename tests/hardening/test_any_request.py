"""schemathesis asks whatever the OpenAPI document allows and forbids, of real processes.

Checked of every answer: it is described (status, type, headers, body), it refuses what the document forbids and takes
what it allows, no key means 401, no 5xx but an honest 503, and nothing of the inside in a body.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from serving.http import openapi
from tests.hardening.shop import MARK, SECRET, Shop

FOLDER = Path(__file__).parent
pytestmark = pytest.mark.timeout(300)


def test_most_of_a_minute_of_any_request(shop: Shop, tmp_path: Path) -> None:
    report = asked(shop, tmp_path, seconds=45)
    assert report["operations"]["tested"] == len(operations())
    assert report["test_cases"]["generated"] > 200
    preview(shop)
    explanation(shop)
    assert unreached(shop) == set()
    nothing_marked(shop)


@pytest.mark.chaos
def test_two_minutes_of_any_request(shop: Shop, tmp_path: Path) -> None:
    asked(shop, tmp_path, seconds=120)
    preview(shop)
    explanation(shop)
    assert unreached(shop) == set()
    nothing_marked(shop)


def test_any_request_while_redis_does_not_answer(shop: Shop, tmp_path: Path) -> None:
    shop.redis.pause()
    try:
        report = asked(shop, tmp_path, "--phases", "coverage,fuzzing", seconds=60)
    finally:
        shop.redis.resume()
    assert report["operations"]["tested"] == len(operations())
    nothing_marked(shop)


def asked(shop: Shop, folder: Path, *more: str, seconds: int) -> dict[str, Any]:
    """schemathesis's report of a run without failures."""
    report = folder / "report.json"
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "--no-color", "--config-file", str(FOLDER / "schemathesis.toml")),
        *("run", f"http://127.0.0.1:{shop.port}/openapi.json", "-H", f"Authorization: Bearer {SECRET}"),
        *("--seed", "1", "--max-time", str(seconds), "--continue-on-failure", "--no-shrink"),
        *("--suppress-health-check", "all", "--report", "json", "--report-json-path", str(report), *more),
    ]
    env = {**os.environ, "SCHEMATHESIS_HOOKS": "tests.hardening.hooks", "PYTHONPATH": str(FOLDER.parents[1])}
    done = subprocess.run(
        command, env=env, cwd=folder, capture_output=True, text=True, timeout=seconds + 60, check=False
    )
    assert done.returncode == 0, "\n".join(line[:400] for line in (done.stdout + done.stderr).splitlines())
    found: dict[str, Any] = json.loads(report.read_text())
    return found


def operations() -> set[tuple[str, str]]:
    """All but the document itself, which schemathesis reads and then leaves alone."""
    paths = {path: of_path for path, of_path in openapi.document()["paths"].items() if path != "/openapi.json"}
    return {(method, path) for path, of_path in paths.items() for method in of_path}


def unreached(shop: Shop) -> set[str]:
    """Routes that have not yet given a good answer."""
    good = re.findall(r'liveshelf_requests_total\{route="([^"]+)",status="2..".* ', shop.metrics())
    return {path for _, path in operations()} - set(good)


def preview(shop: Shop) -> None:
    """A rule's preview wants a document or the name of one that there is, which chance does not find in a minute."""
    draft = {"explain": "No more than two of a brand.", "then": {"cap": {"by": "brand", "most": 2}}}
    assert shop.call("POST", "/v1/admin/rules/preview", {"placement": "trending", "rule": draft}).status == 200


def explanation(shop: Shop) -> None:
    """It wants the id of a decision, which chance follows from a shelf only where the machine is not too busy."""
    shelf = shop.call("GET", "/v1/recommendations/trending").json()
    assert shop.call("GET", f"/v1/decisions/{shelf['decision_id']}").status == 200


def nothing_marked(shop: Shop) -> None:
    assert MARK not in shop.logs().lower()
    assert MARK not in shop.metrics().lower()

"""`make audit`: the bill of materials holds what is locked, and a vulnerability is a failure."""

from __future__ import annotations

import json
from pathlib import Path

from tests.audit import LOCK, judged, write_sbom
from tests.deploy.test_lock import names, pins

CLEAN = {"name": "redis", "version": "7.0", "vulns": []}
VULNERABLE = {"name": "river", "version": "0.22", "vulns": [{"id": "PYSEC-1", "fix_versions": ["0.23"], "aliases": []}]}
SKIPPED = {"name": "wordllama", "skip_reason": "not found"}


def test_the_bill_of_materials_holds_what_is_locked(tmp_path: Path) -> None:
    write_sbom(tmp_path / "sbom.json", "--no-validate")
    found = json.loads((tmp_path / "sbom.json").read_text())
    held = {next(iter(names([one["name"]]))): one["version"] for one in found["components"]}
    locked = pins(LOCK)
    assert found["metadata"]["component"]["name"] == "liveshelf"
    assert {"aiokafka", "faust-streaming", "redis", "river"} <= held.keys()
    assert {name for name, version in held.items() if version not in locked.get(name, {version})} == set()


def test_a_vulnerability_is_a_failure_and_names_the_version_that_has_it_not() -> None:
    lines, code = judged([CLEAN, VULNERABLE, SKIPPED])
    assert code == 1
    assert lines[0] == "river 0.22: PYSEC-1, mended in 0.23"
    assert "wordllama" in lines[1]


def test_no_vulnerability_is_none() -> None:
    assert judged([CLEAN])[1] == 0


def test_without_advisories_that_is_said_and_no_more() -> None:
    for nothing in ([], [SKIPPED]):
        lines, code = judged(nothing)
        assert (len(lines), code) == (1, 0)
        assert "nothing was looked for" in lines[0]

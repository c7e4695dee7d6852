"""`make audit`: what the locked environment holds, and which of it has known vulnerabilities.

The bill of materials (CycloneDX) is written to `reports/sbom.json`. The lock, with its hashes, is compared with the
advisories of the package index by pip-audit; a vulnerability ends with 1, and where no advisories can be had that is
said, and is no failure.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

LOCK, SBOM = Path("requirements.lock"), Path("reports/sbom.json")
PATIENCE_S = 300


def write_sbom(path: Path, *more: str) -> None:
    """The bill of materials of this environment."""
    path.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "cyclonedx_py", "environment", "--pyproject", "pyproject.toml"]
    told = ["--output-reproducible", "--output-file", str(path), *more, sys.executable]
    subprocess.run([*command, *told], check=True, capture_output=True)


def advisories(lock: Path) -> list[dict[str, Any]]:
    """What pip-audit says of each package of the lock; nothing if no source answers."""
    command = [sys.executable, "-m", "pip_audit", "--requirement", str(lock), "--require-hashes", "--disable-pip"]
    told = ["--format", "json", "--progress-spinner", "off"]
    try:
        done = subprocess.run([*command, *told], capture_output=True, text=True, timeout=PATIENCE_S, check=False)
        found: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    except (subprocess.TimeoutExpired, ValueError):
        return []
    return found


def judged(dependencies: Sequence[dict[str, Any]]) -> tuple[list[str], int]:
    """What to print, and the exit code."""
    known = [one for one in dependencies if "vulns" in one]
    bad = [(one, vulnerability) for one in known for vulnerability in one["vulns"]]
    if not known:
        return ["No advisory source answers from here, so nothing was looked for: run it where one does."], 0
    lines = [f"{one['name']} {one['version']}: {found['id']}, mended in {_fixed(found)}" for one, found in bad]
    unknown = [one["name"] for one in dependencies if "vulns" not in one]
    if unknown:
        lines.append(f"No advisories could be had of {', '.join(unknown)}.")
    return [*lines, f"{len(known)} packages looked up, {len(bad)} known vulnerabilities."], 1 if bad else 0


def _fixed(vulnerability: dict[str, Any]) -> str:
    return ", ".join(vulnerability["fix_versions"]) or "no version yet"


def main() -> int:
    """Both; the exit code is that of the advisories."""
    write_sbom(SBOM)
    print(f"{SBOM}: {len(json.loads(SBOM.read_text())['components'])} components")
    lines, code = judged(advisories(LOCK))
    print(*lines, sep="\n")
    return code


if __name__ == "__main__":
    sys.exit(main())

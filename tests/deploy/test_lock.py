"""The locks hold hashes, all that pyproject.toml asks for, and no word of where packages come from."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
ALL, IMAGE = ROOT / "requirements.lock", ROOT / "deploy/requirements.lock"


def pins(path: Path) -> dict[str, set[str]]:
    """Name → pinned versions (several where they differ by Python version)."""
    found: dict[str, set[str]] = {}
    for name, version in re.findall(r"^([A-Za-z0-9._-]+)==([^ ]+)", path.read_text(), re.MULTILINE):
        found.setdefault(_normal(name), set()).add(version)
    return found


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def names(requirements: list[Any]) -> set[str]:
    return {_normal(re.split(r"[\[<>=~! ;]", each)[0]) for each in requirements if isinstance(each, str)}


@pytest.mark.parametrize("path", [ALL, IMAGE], ids=["all", "image"])
def test_every_pin_has_hashes_and_nothing_else_is_said(path: Path) -> None:
    lines = path.read_text().splitlines()
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        assert re.fullmatch(r"[A-Za-z0-9._-]+==[^ ]+( ; .+)? \\|    --hash=sha256:[0-9a-f]{64}( \\)?", line)
        assert not line.endswith(" \\") or following.startswith("    --hash=sha256:")


def test_all_that_the_project_asks_for_is_locked(project: dict[str, Any]) -> None:
    groups = project["dependency-groups"]
    runtime, build, dev = names(project["project"]["dependencies"]), names(groups["build"]), names(groups["dev"])
    assert runtime | build | dev <= pins(ALL).keys()
    assert runtime | build <= pins(IMAGE).keys()


def test_the_image_holds_what_was_tested_and_no_test_tools(project: dict[str, Any]) -> None:
    everything, image = pins(ALL), pins(IMAGE)
    assert all(everything[name] == versions for name, versions in image.items())
    assert not {"pytest", "mypy", "ruff", "hypothesis", "playwright"} & image.keys()


@pytest.mark.parametrize("package", ["schemas", "stream", "serving"])
def test_what_a_package_imports_the_project_asks_for(package: str, project: dict[str, Any]) -> None:
    asked, carriers = names(project["project"]["dependencies"]), packages_distributions()
    ours = {"schemas", "stream", "serving"} | sys.stdlib_module_names
    undeclared = {
        module
        for path in (ROOT / package).rglob("*.py")
        for module in imported(path) - ours
        if not {_normal(name) for name in carriers.get(module, ())} & asked
    }
    assert undeclared == set()


def imported(path: Path) -> set[str]:
    """The top-level modules that a file imports."""
    nodes = list(ast.walk(ast.parse(path.read_text())))
    plain = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    from_ = [node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module]
    return {name.partition(".")[0] for name in plain + from_}

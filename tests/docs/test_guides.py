"""The guides hang together: links lead somewhere, tables are fresh, examples are valid, Markdown becomes a page."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from serving.docs import guides
from serving.docs.routes import OURS
from serving.docs.tables import TABLES, filled
from stream.ingest import Accepted, validate
from tests.docs.reading import EVERYTHING, GUIDES, README, ROOT, blocks

FOLDER = ROOT / "serving/docs"


def test_every_guide_has_its_place() -> None:
    assert {path.stem for path in FOLDER.glob("[a-z]*.md")} == set(guides.NAMES)


@pytest.mark.parametrize("name", guides.NAMES)
def test_tables_are_fresh(name: str) -> None:
    assert filled(GUIDES[name]) == GUIDES[name], "run: python -m serving.docs.tables"


def test_every_table_is_shown_once() -> None:
    shown = [name for text in GUIDES.values() for name in re.findall(r"<!-- table: (\w+) -->", text)]
    assert sorted(shown) == sorted(TABLES)


def test_a_table_that_there_is_none_of_is_an_error() -> None:
    with pytest.raises(KeyError):
        filled("<!-- table: nothing -->\n<!-- end -->\n")


@pytest.mark.parametrize("where", EVERYTHING)
def test_links_lead_somewhere(where: str) -> None:
    folder = ROOT if where == "README" else FOLDER
    for link in re.findall(r"\]\(([^)]+)\)", EVERYTHING[where]):
        file, _, anchor = link.partition("#")
        target = folder / file if file else FOLDER / f"{where}.md"
        assert target.is_file(), link
        if where != "README":
            assert target.parent == FOLDER, "a page of the documentation leads to no file outside of it"
        if anchor:
            assert anchor in {heading.anchor for heading in guides.guide("", target.read_text("utf-8")).headings}, link


@pytest.mark.parametrize("name", guides.NAMES)
def test_links_of_a_page_lead_to_pages(name: str) -> None:
    html = guides.guide(name, GUIDES[name]).html
    paths = {f"{guides.PATH}{name}" for name in guides.NAMES}
    for href in re.findall(r'href="([^"#]*)', html):
        assert not href or href in paths


@pytest.mark.parametrize("name", guides.NAMES)
def test_anchors_are_not_given_twice(name: str) -> None:
    anchors = [heading.anchor for heading in guides.guide(name, GUIDES[name]).headings]
    assert len(set(anchors)) == len(anchors)


def test_the_readme_leads_to_the_first_guides() -> None:
    for name in ("http", "page", "kafka"):
        assert f"(serving/docs/{name}.md)" in README


@pytest.mark.parametrize("block", blocks("events", "event"), ids=lambda block: json.loads(block.text)["event"])
def test_examples_are_events(block: tuple[str, ...]) -> None:
    assert isinstance(validate(block[2].encode(), timestamp=0), Accepted)


def test_what_looks_like_markup_stays_text() -> None:
    guide = guides.guide("x", "# A <b>title</b>\n\n<script>alert(1)</script>\n\n```html page\n<script>\n```\n")
    assert "<script>" not in guide.html
    assert "<b>" not in guide.html
    assert guide.html.count("&lt;script&gt;") == 2


def test_marks_of_tables_are_not_shown() -> None:
    html = "".join(guide.html for guide in guides.guides())
    assert "table:" not in html
    assert "<table" in html


def test_guides_and_their_files_are_in_the_wheel(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        held = set(wheel.namelist())
    assert {f"serving/docs/{name}.md" for name in guides.NAMES} < held
    assert {f"serving/docs/static/{name}" for name in OURS} < held

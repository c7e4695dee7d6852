"""Every command that a guide shows does what the guide says, on a running system."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.backends import free_port
from tests.docs.reading import GUIDES, Block, alike, blocks
from tests.docs.shell import Shell, until
from tests.e2e.system import Running

pytestmark = pytest.mark.timeout(300)


def commands(name: str) -> list[Block]:
    """The shell's blocks of a guide that can be run anywhere."""
    return [block for block in blocks(name, "run") if block.language == "sh" and len(block.marks) == 1]


@pytest.mark.parametrize(
    "name", ["http", "rules", "banners", "search", "offers", "prices", "keys", "privacy", "operating"]
)
def test_the_commands_of_a_guide_answer_as_it_shows(name: str, reader: Shell) -> None:
    if name == "operating" and shutil.which("redis-cli") is None:
        pytest.skip("no redis-cli on the PATH")
    for block in commands(name):
        reader.follow(block)


def test_the_commands_of_the_readme_work(reader: Shell, running: Running) -> None:
    host = running.info["api"].removeprefix("http://")
    answers = []
    for block in [block for block in blocks("README") if "curl" in block.text]:
        answers.append(json.loads(reader.type(block.text.replace("localhost:8080", host))))
        if "verdicts" in answers[-1]:
            reader.type(f"FRESH_TOKEN={answers[-1]['verdicts'][0]['fresh_token']}")
    stored, told, shelf, token = answers
    assert stored["stored"] == 2
    assert told["verdicts"][0]["status"] == "accepted"
    assert (shelf["status"], shelf["fresh_to"]["met"]) == ("ok", True)
    assert token["visitor_token"]


def test_the_same_event_again_is_a_duplicate(reader: Shell) -> None:
    again = commands("http")[1].text.replace("visitor-1", "visitor-again")

    def said() -> str:
        status: str = json.loads(reader.type(again))["verdicts"][0]["status"]
        return status

    assert said() == "accepted"
    until(lambda: said() == "duplicate")  # a repetition is known by the state, which learns of the first in a moment


def test_every_shell_block_is_run_or_has_a_reason_not_to_be() -> None:
    shown = [block.text for name in GUIDES for block in blocks(name) if block.language == "sh" and not block.marks]
    assert [text for text in shown if "…" not in text] == []


def test_the_variables_of_the_commands_are_given_first() -> None:
    given = blocks("http", "given")[0].text
    assert [line.partition("=")[0] for line in given.splitlines()] == ["API", "PUBLISHABLE_KEY", "SECRET_KEY"]


def test_doctor_looks_at_the_running_system(reader: Shell) -> None:
    printed = reader.type(blocks("operating", "doctor")[0].text.strip() + " --json || true")
    assert {check["verdict"] for check in json.loads(printed)["checks"]} <= {"ok", "warn", "bad"}


def test_an_export_is_as_the_guide_says(running: Running, reader: Shell, tmp_path: Path) -> None:
    for block in commands("privacy"):
        reader.follow(block)
        if "export.json" in block.text:
            break
    export = json.loads((tmp_path / "export.json").read_text())
    assert export["incomplete"] is None
    assert export["visitor_id"] == "visitor-2"


@pytest.mark.skipif(shutil.which("redis-server") is None, reason="no redis-server on the PATH")
def test_a_backup_can_be_restored(reader: Shell, tmp_path: Path) -> None:
    data = tmp_path / "new"
    data.mkdir()
    reader.type(f"NEW_DATA={data} NEW_PORT={free_port()}")
    positions = "redis-cli {} --scan --pattern 'ls:{{*}}:position' | sort"
    until(lambda: "position" in reader.type(positions.format('-u "$LIVESHELF_REDIS_URL"')))
    before = reader.type(positions.format('-u "$LIVESHELF_REDIS_URL"'))
    for block in [block for block in blocks("operating", "run") if "liveshelf.rdb" in block.text]:
        reader.type(block.text)
    command = ["redis-server", "--dir", str(data), "--appendonly", "yes", "--save", ""]
    port = reader.type("echo $NEW_PORT").strip()
    with subprocess.Popen([*command, "--port", port], stdout=subprocess.DEVNULL, env=os.environ) as redis:
        try:
            reader.type('until redis-cli -p "$NEW_PORT" ping 2>/dev/null | grep -q PONG; do sleep 0.1; done')
            after = reader.type(positions.format('-p "$NEW_PORT"'))
        finally:
            redis.terminate()
    assert set(before.split()) <= set(after.split())


@pytest.mark.parametrize(
    ("shown", "answered", "same"),
    [
        ({"a": "…"}, {"a": "x"}, True),
        ({"a": "…"}, {"a": "x", "b": 1}, False),
        ({"a": 1}, {"a": True}, False),
        ({"a": 1}, {"a": 2.5}, True),
        ({"a": "/x/…"}, {"a": "/y/z"}, False),
        ([1], [2, 3], True),
        ([1], [], False),
        ([], [1], False),
        ([1, 2], [1, 2, 3], False),
        (True, 1, False),
    ],
)
def test_what_is_alike(shown: object, answered: object, same: bool) -> None:
    assert alike(shown, answered) is same

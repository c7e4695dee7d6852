"""The command line: what it refuses, and in which words."""

from __future__ import annotations

import importlib
import json
import re
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from serving.cli import app
from serving.server import Server
from stream.keyring import NoKeys
from stream.settings import settings

README = Path(__file__).parents[2] / "README.md"


@pytest.fixture(autouse=True)
def _fresh_settings() -> None:
    settings.cache_clear()


def run(*words: str) -> tuple[int, str]:
    done = CliRunner(env={"COLUMNS": "200"}).invoke(app, list(words))
    return done.exit_code, done.output


Command = tuple[str, ...]


def commands() -> dict[Command, set[str]]:
    """Every command of the program, with its options."""
    found: dict[Command, set[str]] = {}

    def walk(words: Command, group: Any) -> None:
        for name, command in getattr(group, "commands", {}).items():
            walk((*words, name), command)
        if not hasattr(group, "commands"):
            found[words] = {option for parameter in group.params for option in parameter.opts}

    walk((), get_command(app))
    return found


def told() -> dict[Command, set[str]]:
    """The commands of the README's table, with the options that it names."""
    table = README.read_text(encoding="utf-8").partition("## The command line")[2].partition("\n## ")[0]
    found: dict[Command, set[str]] = {}
    for line in table.splitlines():
        if line.startswith("| `liveshelf "):
            group = ""
            for text in re.findall(r"`([^`]+)`", line.partition("` |")[0] + "`"):
                words = re.match(r"(?:[a-z][a-z-]* ?)+", text.removeprefix("liveshelf "))
                name = tuple(words[0].split()) if words else ()
                group = name[0] if len(name) > 1 else group
                found[name if len(name) > 1 or not group else (group, *name)] = set(re.findall(r"--[a-z-]+", text))
    return found


def test_the_readme_tells_every_command_and_no_other() -> None:
    assert told().keys() == commands().keys()


@pytest.mark.parametrize("command", told(), ids=" ".join)
def test_the_readmes_options_exist(command: Command) -> None:
    assert told()[command] <= commands()[command]


@pytest.mark.parametrize("command", commands(), ids=" ".join)
def test_every_command_explains_itself(command: Command) -> None:
    code, text = run(*command, "--help")
    assert code == 0
    assert len(text.splitlines()) > 3
    assert command[0] in run("--help")[1]


@pytest.mark.parametrize("command", [("lag",), ("rebuild",), ("worker",), ("serve",), ("models", "list")])
def test_without_a_broker_it_says_what_to_set(command: tuple[str, ...]) -> None:
    code, text = run(*command)
    assert code == 1
    assert "LIVESHELF_BROKER_URL" in text


@pytest.mark.parametrize("speed", ["fast", "0", "-1"])
def test_a_speed_that_is_none(speed: str, tmp_path: Path) -> None:
    code, text = run("replay", str(tmp_path / "events.jsonl"), "--speed", speed)
    assert code == 2
    assert "number above 0" in text


def test_an_agent_that_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIVESHELF_BROKER_URL", "127.0.0.1:1")
    monkeypatch.setenv("LIVESHELF_REDIS_URL", "redis://127.0.0.1:1/0")
    assert "there are visitor, item, profile, decision, learner, query" in run("rebuild", "--agent", "nobody")[1]
    assert "there are visitor, item, profile, decision, learner, query" in run("worker", "--agents", "nobody")[1]


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    code, text = run("evaluate", str(tmp_path / "nothing.jsonl"))
    assert code == 1
    assert "nothing.jsonl" in text


def test_evaluate_answers_in_json(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    rows = [
        {
            "event_id": f"{visitor}-{n}",
            "event": "view_item",
            "occurred_at": 1_700_000_000_000 + visitor * 60_000 + n * 1_000,
            "visitor_id": f"v{visitor}",
            "consent": {"analytics": True, "personalization": True},
            "items": [{"item_id": f"i{n}"}],
        }
        for visitor in range(50)
        for n in range(4)
    ]
    file.write_text("\n".join(json.dumps(row) for row in rows))
    code, text = run("evaluate", str(file), "--json")
    assert code == 0, text
    found = json.loads(text.strip().splitlines()[-1])
    assert found["next"]["n"] == 30
    assert found["next"]["hr@20"] == 1.0


WEAK = {
    "LIVESHELF_BROKER_URL": "127.0.0.1:1",
    "LIVESHELF_REDIS_URL": "redis://127.0.0.1:1/0",
    "LIVESHELF_PSEUDONYM_KEY": "p" * 32,
    "LIVESHELF_SIGNING_KEY": "s" * 32,
    "LIVESHELF_PUBLISHABLE_KEY": "pk_test",
    "LIVESHELF_SECRET_KEY": "sk_test",
}


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What uvicorn would have been started with."""
    started: list[dict[str, Any]] = []

    def start(server: Server) -> None:
        started.append(vars(server.config))
        server.started = True

    monkeypatch.setattr("serving.server.Server.run", start)
    for name, value in WEAK.items():
        monkeypatch.setenv(name, value)
    return started


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "shop.example"])
def test_keys_that_can_be_guessed_are_for_this_host_only(host: str, served: list[dict[str, Any]]) -> None:
    code, text = run("serve", "--host", host)
    assert (code, served) == (1, [])
    assert "LIVESHELF_PUBLISHABLE_KEY has fewer than 20 characters" in text
    assert host in text


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_on_this_host_any_key_will_do(host: str, served: list[dict[str, Any]]) -> None:
    assert run("serve", "--host", host)[0] == 0
    assert [one["host"] for one in served] == [host]


def test_with_good_keys_it_listens_everywhere_and_trusts_the_named_proxies(
    served: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIVESHELF_PUBLISHABLE_KEY", "pk_" + "p" * 17)
    monkeypatch.setenv("LIVESHELF_SECRET_KEY", "sk_" + "s" * 17)
    monkeypatch.setenv("LIVESHELF_TRUSTED_PROXIES", "10.0.0.0/8")
    assert run("serve", "--host", "0.0.0.0")[0] == 0
    assert [one["forwarded_allow_ips"] for one in served] == ["10.0.0.0/8"]


def test_a_keys_file_that_is_wrong_is_told_before_anything_starts(
    served: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "keys.json").write_text('[{"name": "web"}]')
    monkeypatch.setenv("LIVESHELF_API_KEYS_FILE", str(tmp_path / "keys.json"))
    code, text = run("serve")
    assert (code, served) == (1, [])
    assert "missing required field `key`" in text


async def test_another_asgi_server_may_listen_anywhere(
    served: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    application = importlib.import_module("serving.app").app
    with pytest.raises(NoKeys, match="the ASGI server may listen where others reach it"):
        async with application.router.lifespan_context(application):
            pytest.fail("it started with a key that can be guessed")

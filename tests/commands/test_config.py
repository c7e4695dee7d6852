"""`config`: every setting once, where it came from, no secret in sight, and misspelt names."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from stream.keyring import development_keys
from stream.settings import SECRETS, Settings
from tests.commands.conftest import Run

SECRET = "sk_never-to-be-seen-on-a-screen"


def read(run: Run, **env: str) -> tuple[dict[str, Any], list[Any]]:
    code, text = run("config", "--json", **env)
    assert code == 0, text
    found = json.loads(text)
    return {one["name"]: one for one in found["settings"]}, found["unknown"]


def test_every_setting_is_there_once_with_its_sentence(run: Run) -> None:
    settings, unknown = read(run)
    assert settings.keys() == {f"LIVESHELF_{name.upper()}" for name in Settings.model_fields}
    assert all(one["says"] for one in settings.values())
    assert unknown == []


def test_it_says_where_each_value_came_from(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("s" * 40)
    env = {"LIVESHELF_BROKER_URL": "kafka:9092", "LIVESHELF_SIGNING_KEY_FILE": str(file)}
    settings, _ = read(run, **env)
    told = {name.removeprefix("LIVESHELF_").lower(): (one["value"], one["origin"]) for name, one in settings.items()}
    assert told["broker_url"] == ("kafka:9092", "environment")
    assert told["signing_key"] == ("set", f"file {file}")
    assert told["group"] == ("liveshelf", "default")
    assert told["pseudonym_key"] == ("not set", "default")


def test_no_secret_is_ever_printed(run: Run) -> None:
    env = {f"LIVESHELF_{name.upper()}": SECRET for name in SECRETS}
    env["LIVESHELF_REDIS_URL"] = f"rediss://shop:{SECRET}@redis:6379/0"
    for words in (("config",), ("config", "--json")):
        text = run(*words, **env)[1]
        assert SECRET not in text
    assert read(run, **env)[0]["LIVESHELF_REDIS_URL"]["value"] == "rediss://***@redis:6379/0"


def test_keys_that_up_keeps_are_named_but_not_shown(run: Run, tmp_path: Path) -> None:
    keys = development_keys(tmp_path)
    one = read(run)[0]["LIVESHELF_SECRET_KEY"]
    assert one["value"] == "not set"
    assert one["origin"] == f"default; `up` uses {tmp_path / 'keys.json'}"
    assert keys["LIVESHELF_SECRET_KEY"] not in run("config")[1]


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("LIVESHELF_BROKERURL", "LIVESHELF_BROKER_URL"),
        ("LIVESHELF_REDIS_URI", "LIVESHELF_REDIS_URL"),
        ("LIVESHELF_SECRET_KEY_FLIE", "LIVESHELF_SECRET_KEY_FILE"),
        ("LIVESHELF_QQQQ", None),
    ],
)
def test_a_misspelt_name_is_told_with_the_nearest(run: Run, name: str, meant: str | None) -> None:
    assert read(run, **{name: "x"})[1] == [{"name": name, "meant": meant}]
    assert f"{name} is no setting" in run("config", **{name: "x"})[1]


def test_a_value_that_cannot_be_is_told_beside_the_others(run: Run) -> None:
    code, text = run("config", "--json", LIVESHELF_PARTITIONS="many", LIVESHELF_GROUP="g")
    found = {one["name"]: one for one in json.loads(text)["settings"]}
    assert code == 1
    assert "integer" in found["LIVESHELF_PARTITIONS"]["wrong"]
    assert (found["LIVESHELF_GROUP"]["value"], found["LIVESHELF_GROUP"]["wrong"]) == ("g", None)


def test_a_secrets_file_that_is_not_there(run: Run) -> None:
    code, text = run("config", LIVESHELF_SECRET_KEY_FILE="/nowhere/key")
    assert (code, "/nowhere/key: No such file" in text) == (1, True), text
    assert "/nowhere/key" in run("lag", LIVESHELF_SECRET_KEY_FILE="/nowhere/key")[1]


def test_other_commands_say_a_wrong_setting_in_one_sentence(run: Run) -> None:
    code, text = run("lag", LIVESHELF_PARTITIONS="many")
    assert (code, "LIVESHELF_PARTITIONS: Input should be a valid integer" in text) == (1, True), text

"""docker-compose.yml is valid, has no default keys, and listens on loopback only."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.backends import unavailable

ROOT = Path(__file__).resolve().parents[2]
KEYS = ("PSEUDONYM_KEY", "SIGNING_KEY", "PUBLISHABLE_KEY", "SECRET_KEY")
OURS = ("worker", "serving")


def compose_config(keys: tuple[str, ...]) -> "subprocess.CompletedProcess[str]":
    program = shutil.which("docker-compose")
    if program is None:
        unavailable("there is no docker-compose on the PATH to check docker-compose.yml with")
    environment = {"PATH": os.environ["PATH"], **{f"LIVESHELF_{key}": f"made-{key}" for key in keys}}
    command = [program, "--file", str(ROOT / "docker-compose.yml"), "config"]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def config() -> dict[str, Any]:
    done = compose_config(KEYS)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = yaml.safe_load(done.stdout)
    return found


@pytest.mark.parametrize("missing", KEYS)
def test_there_are_no_default_keys(missing: str) -> None:
    done = compose_config(tuple(key for key in KEYS if key != missing))
    assert done.returncode != 0
    assert f"LIVESHELF_{missing}" in done.stderr


def test_every_service_is_watched_and_restarted(config: dict[str, Any]) -> None:
    assert set(config["services"]) == {"kafka", "redis", *OURS}
    for service in config["services"].values():
        assert service["healthcheck"]["test"]
        assert service["restart"] == "unless-stopped"


def test_every_port_is_on_loopback(config: dict[str, Any]) -> None:
    ports = [port for service in config["services"].values() for port in service.get("ports", ())]
    assert ports
    assert all(str(port).startswith("127.0.0.1:") for port in ports)


def test_redis_is_as_workers_demand(config: dict[str, Any]) -> None:
    command = " ".join(config["services"]["redis"]["command"])
    assert "--appendonly yes" in command
    assert "--maxmemory-policy noeviction" in command


def test_our_parts_have_all_keys_and_few_rights(config: dict[str, Any]) -> None:
    for name in OURS:
        service = config["services"][name]
        assert all(service["environment"][f"LIVESHELF_{key}"] == f"made-{key}" for key in KEYS)
        assert service["cap_drop"] == ["ALL"]
        assert service["read_only"] is True


def test_the_image_is_locked_and_not_roots() -> None:
    text = (ROOT / "deploy/Dockerfile").read_text()
    assert text.count("pip install") == 2
    assert "--require-hashes --no-deps -r deploy/requirements.lock" in text
    assert re.search(r"^USER 10001", text, re.MULTILINE)


def test_all_that_the_image_copies_is_in_its_context() -> None:
    dockerfile, ignore = ((ROOT / name).read_text() for name in ("deploy/Dockerfile", ".dockerignore"))
    copied = [
        word for line in re.findall(r"^COPY (?!--from)(.+) \S+$", dockerfile, re.MULTILINE) for word in line.split()
    ]
    assert "stream" in copied
    assert {f"!{name}" for name in copied} <= set(ignore.split())

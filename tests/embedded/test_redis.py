"""The embedded Redis starts, answers, keeps what it should keep, and leaves nothing else behind."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from stream.embedded import redis as embedded
from stream.embedded.redis import EmbeddedRedis, RedisBusy, RedisMissing, RedisSilent

ABANDONED = """
import sys, time
from pathlib import Path
from stream.embedded.redis import EmbeddedRedis
server = EmbeddedRedis(Path(sys.argv[1]), keep=False).start()
print(server.pid, flush=True)
time.sleep(60)
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedRedis]:
    with EmbeddedRedis(tmp_path, keep=False) as started:
        yield started


def client(server: EmbeddedRedis) -> "Redis":
    return Redis.from_url(server.url, decode_responses=True)


def exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_it_is_durable_and_never_evicts(server: EmbeddedRedis) -> None:
    with client(server) as redis:
        settings = redis.config_get("append*", "maxmemory-policy", "bind")
    assert settings["appendonly"] == "yes"
    assert settings["appendfsync"] == "everysec"
    assert settings["maxmemory-policy"] == "noeviction"
    assert settings["bind"] == "127.0.0.1"


def test_others_on_the_machine_cannot_read_its_files(server: EmbeddedRedis) -> None:
    assert server.folder.stat().st_mode & 0o077 == 0


def test_a_killed_server_starts_again_where_it_was(server: EmbeddedRedis) -> None:
    with client(server) as redis:
        redis.set("a", "1")
    url, pid = server.url, server.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert server.pid is None
    server.start()
    assert server.url == url
    with client(server) as redis:
        assert redis.get("a") == "1"


def test_a_second_start_is_none(server: EmbeddedRedis) -> None:
    pid = server.pid
    assert server.start().pid == pid


def test_without_keep_every_run_starts_empty_and_leaves_nothing(tmp_path: Path) -> None:
    server = EmbeddedRedis(tmp_path, keep=False)
    for _ in range(2):
        with server, client(server) as redis:
            assert redis.dbsize() == 0
            redis.set("a", "1")
            pid = server.pid
        assert pid is not None
        assert not exists(pid)
        assert list(tmp_path.iterdir()) == []


def test_with_keep_the_next_run_has_the_data(tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path, keep=True) as server, client(server) as redis:
        redis.set("a", "1")
    with EmbeddedRedis(tmp_path, keep=True) as server, client(server) as redis:
        assert redis.get("a") == "1"


def test_two_at_once_in_one_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "LOCK_S", 0.0)
    with EmbeddedRedis(tmp_path, keep=True), pytest.raises(RedisBusy, match="LIVESHELF_DATA_DIR"):
        EmbeddedRedis(tmp_path, keep=True).start()


def test_two_runs_at_once_have_a_folder_each(tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path, keep=False) as one, EmbeddedRedis(tmp_path, keep=False) as other:
        assert one.folder != other.folder
        assert one.url != other.url
        with client(one) as redis:
            assert redis.ping()


def test_a_killed_parent_takes_it_along_and_the_next_run_sweeps_its_folder(tmp_path: Path) -> None:
    command = [sys.executable, "-c", ABANDONED, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert exists(pid)
        parent.kill()
    deadline = time.monotonic() + 10
    while exists(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not exists(pid)
    (left,) = tmp_path.iterdir()
    with EmbeddedRedis(tmp_path, keep=False) as server:
        assert list(tmp_path.iterdir()) == [server.folder]
        assert server.folder != left


def test_a_server_that_ends_at_once_is_quoted(tmp_path: Path) -> None:
    program = tmp_path / "broken-server"
    program.write_text("#!/bin/sh\necho no memory left; exit 3\n")
    program.chmod(0o755)
    with pytest.raises(RedisSilent, match=r"ended with exit code 3.*no memory left"):
        EmbeddedRedis(tmp_path, keep=True, program=program).start()


def test_a_server_that_never_answers_is_ended(tmp_path: Path) -> None:
    program = tmp_path / "silent-server"
    program.write_text("#!/bin/sh\nexec sleep 60\n")
    program.chmod(0o755)
    server = EmbeddedRedis(tmp_path, keep=True, program=program)
    with pytest.raises(RedisSilent, match="did not answer"):
        server.start(deadline_s=0.3)
    assert server.pid is None


def test_the_wheels_server_is_the_last_resort(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert embedded.find_program().name == "valkey-server"
    with EmbeddedRedis(tmp_path, keep=False) as server, client(server) as redis:
        assert redis.ping()


def test_with_no_server_at_all_the_error_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(RedisMissing, match=r"apt-get install redis-server.*--redis"):
        EmbeddedRedis(tmp_path, keep=False).start()

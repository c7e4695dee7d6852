"""The API as a process beside a deployment's workers."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.backends import free_port, wait_until
from tests.e2e.system import Running
from tests.faults.deployment import PARTITIONS, Deployment

KEYS = {"publishable_key": "pk_test", "secret_key": "sk_test"}


def environment(deployment: Deployment, folder: Path) -> dict[str, str]:
    """What the API and the command line beside it need."""
    return {
        "LIVESHELF_BROKER_URL": deployment.settings.broker_url,
        "LIVESHELF_REDIS_URL": deployment.settings.redis_url,
        "LIVESHELF_PARTITIONS": str(PARTITIONS),
        "LIVESHELF_PSEUDONYM_KEY": "faults",
        "LIVESHELF_SIGNING_KEY": "test",
        "LIVESHELF_PUBLISHABLE_KEY": KEYS["publishable_key"],
        "LIVESHELF_SECRET_KEY": KEYS["secret_key"],
        "LIVESHELF_DATA_DIR": str(folder),
        **deployment.more,
    }


@contextmanager
def serving(deployment: Deployment, folder: Path, **env: str) -> Iterator[Running]:
    """The API, ready; its log is `api.log` in the folder."""
    port = free_port()
    with (folder / "api.log").open("ab") as log:
        api = subprocess.Popen(
            [sys.executable, "-m", "serving.cli", "serve", "--port", str(port)],
            env={**os.environ, **environment(deployment, folder), **env},
            stdout=log,
            stderr=log,
        )
    running = Running({"api": f"http://127.0.0.1:{port}", **KEYS}, api, folder)  # type: ignore[arg-type]  # bytes or text is all the same here

    def ready() -> bool:
        try:
            return running.call("GET", "/readyz")[0] == 200
        except OSError:
            return False

    try:
        wait_until(ready, "the API answers", 60)
        yield running
    finally:
        api.terminate()
        api.wait(20)

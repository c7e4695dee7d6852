"""The machine itself: the data folder, its disk, and the API's port."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from serving.doctor.facts import Facts
from serving.doctor.finding import Finding, bad, ok, warn

LITTLE_BYTES, TOO_LITTLE_BYTES = 2 * 2**30, 200 * 2**20


def folder(facts: Facts) -> Finding:
    """Whether the data folder can be written."""
    path = facts.settings.data_dir
    if path.exists() and not path.is_dir():
        return bad(f"{path} is no folder.", "Set LIVESHELF_DATA_DIR to one.")
    there = _existing(path)
    if not os.access(there, os.W_OK | os.X_OK):
        return bad(
            f"{there} cannot be written: no local copies, so no answers while Kafka or Redis is away.",
            "Give it to the user that runs liveshelf, or set LIVESHELF_DATA_DIR.",
        )
    return ok(f"{path} can be written.")


def disk(facts: Facts) -> Finding:
    """How much room the data folder has."""
    free = shutil.disk_usage(_existing(facts.settings.data_dir)).free
    says = f"{free / 2**30:.1f} GiB are free where the data folder lies"
    if free < TOO_LITTLE_BYTES:
        return bad(f"{says}: local copies and an embedded Redis fail.", "Make room, or set LIVESHELF_DATA_DIR.")
    if free < LITTLE_BYTES:
        return warn(f"{says}.", "Make room, or set LIVESHELF_DATA_DIR.")
    return ok(f"{says}.")


def api(facts: Facts) -> Finding:
    """Whether the API answers where it should, and who else does."""
    answer, url = facts.api, facts.url
    if answer.status == 200 and '"ready"' in answer.body:
        return ok(f"the API at {url} is ready.")
    if not answer.status:
        if facts.given:
            return bad(f"nothing answers at {url}.", "Start `liveshelf serve`, or correct --api.")
        return ok(f"nothing listens at {url}, so `up` and `serve` can. (--api URL names another address.)")
    if answer.status == 503 and "urn:liveshelf" in answer.body:
        return bad(f"the API at {url} is not ready: {answer.body}", "See what is said of broker and Redis above.")
    fix = "Start `up` or `serve` with another --port, or name the API with --api URL."
    return (bad if facts.given else warn)(f"something else than liveshelf listens at {url}.", fix)


def _existing(path: Path) -> Path:
    """The folder, or the nearest above it that is there."""
    return next(one for one in (path, *path.absolute().parents) if one.exists())

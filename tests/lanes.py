"""Which tests run at the same time where several workers run them (`pytest -n`).

What starts whole systems, a process a part, is one lane: one test after another, since two systems at once would
fight for the machine, and since they share what they start. Every other file is a lane of its own.
"""

from __future__ import annotations

from typing import Any

import pytest

SYSTEMS = "what starts whole systems"
OF_SYSTEMS = ("faults", "e2e", "docs", "hardening", "load")
LONG = ("simulator", "learners", "feeds", "conformance")
"""The folders whose files take longest, so that none of them is begun when all else is done."""


def lane(node_id: str) -> str:
    """What a test of this id waits for: the tests of its lane, in their order."""
    return SYSTEMS if _folder(node_id) in OF_SYSTEMS else node_id.partition("::")[0]


def place(item: pytest.Item) -> int:
    """Where a test's lane stands in the row."""
    row = (*OF_SYSTEMS, *LONG)
    folder = _folder(item.nodeid)
    return row.index(folder) if folder in row else len(row)


def scheduler(config: pytest.Config, log: Any) -> Any:
    """Gives each worker a lane, in the order of the row, and then the next one."""
    from xdist.scheduler import LoadScopeScheduling  # a run without workers does without it

    config.option.loadscopereorder = False
    made = LoadScopeScheduling(config, log)
    made._split_scope = lane
    return made


def _folder(node_id: str) -> str:
    _, folder, *file = node_id.partition("::")[0].split("/")
    return folder if file else ""

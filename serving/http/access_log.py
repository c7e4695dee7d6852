"""Access logs without people in them: no query strings, no ids in paths, no addresses (`GUARANTEES.md` §3)."""

from __future__ import annotations

import logging
import re

# an id may have slashes of its own
_ID = re.compile(
    r"(/v1/(?:catalog/items|visitors|decisions|erasures|recommendations/[^/]+)/).+?(/(?:consent|export|reset|token))?$"
)


class NoPeople(logging.Filter):
    """Rewrites uvicorn's access records: (client, method, path with query, HTTP version, status)."""

    def filter(self, record: logging.LogRecord) -> bool:
        args = record.args
        if isinstance(args, tuple) and len(args) == 5:
            _, method, path, version, status = args
            record.args = ("-", method, _ID.sub(r"\1…\2", str(path).partition("?")[0]), version, status)
        return True


def guard() -> None:
    """Put the filter on uvicorn's access logger, however uvicorn was started."""
    log = logging.getLogger("uvicorn.access")
    if not any(isinstance(one, NoPeople) for one in log.filters):
        log.addFilter(NoPeople())

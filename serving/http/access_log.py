"""Access logs without people in them: no query strings, no ids in paths, no addresses (`GUARANTEES.md` §3).

Of a path only the words stay that the API's own routes are made of; whatever else stands there, in a path that no
route has as well, may be an id.
"""

from __future__ import annotations

import logging
import re
from functools import cache

from serving.http import openapi
from serving.placements import placements

_SEVERAL = re.compile(r"…(?:/…)+")  # an id may have slashes of its own


class NoPeople(logging.Filter):
    """Rewrites uvicorn's access records: (client, method, path with query, HTTP version, status)."""

    def filter(self, record: logging.LogRecord) -> bool:
        args = record.args
        if isinstance(args, tuple) and len(args) == 5:
            _, method, path, version, status = args
            record.args = ("-", method, _told(str(path)), version, status)
        return True


def guard() -> None:
    """Put the filter on uvicorn's access logger, however uvicorn was started."""
    log = logging.getLogger("uvicorn.access")
    if not any(isinstance(one, NoPeople) for one in log.filters):
        log.addFilter(NoPeople())


def _told(path: str) -> str:
    words = _words()
    parts = (part if part in words else "…" for part in path.partition("?")[0].split("/"))
    return _SEVERAL.sub("…", "/".join(parts))


@cache
def _words() -> frozenset[str]:
    described = (part for path in openapi.document()["paths"] for part in path.split("/") if not part.startswith("{"))
    return frozenset({*described, *placements(), ""})

"""Logs: one line an event, for people on a terminal and as JSON elsewhere; no direct identifiers in them.

What an exception says may quote what it stumbled over, an id or a mail address. So logs tell its type and where it was
raised, and leave its words and all local variables out.
"""

from __future__ import annotations

import logging
import sys
import traceback
from typing import Any

import structlog
from structlog.typing import EventDict


def configure(level: str = "INFO") -> None:
    """Set up structlog and the standard library's logging alike."""
    human = sys.stderr.isatty()
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            _with_places,
            structlog.dev.ConsoleRenderer() if human else structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),  # the stderr of then, which may be another one
        cache_logger_on_first_use=False,
    )
    logging.setLogRecordFactory(_record)
    logging.basicConfig(level=level, stream=sys.stderr, format="%(levelname)s %(name)s %(message)s")
    for noisy in ("faust", "mode", "aiokafka", "kafka"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, logging.getLevelNamesMapping()[level]))


def places(error: BaseException) -> str:
    """Where an exception and those that led to it were raised, without their words."""
    parts: list[str] = []
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        parts.append("".join(traceback.format_tb(cause.__traceback__)) + type(cause).__qualname__)
        cause = cause.__cause__ or cause.__context__
    return "\nfollowed by\n".join(reversed(parts))


def _with_places(_: Any, __: str, event: EventDict) -> EventDict:
    """Turn `exc_info` into the places of the exception; a processor of structlog."""
    info = event.pop("exc_info", None)
    error = info if isinstance(info, BaseException) else sys.exc_info()[1] if info else None
    if error is not None:
        event["exception"] = places(error)
    return event


def _record(*args: Any, **more: Any) -> logging.LogRecord:
    """The standard library's records, for whatever logger and handler: formatters keep an `exc_text` that is there."""
    record = logging.LogRecord(*args, **more)
    if record.exc_info and record.exc_info[1] is not None:
        record.exc_text = places(record.exc_info[1])
    return record

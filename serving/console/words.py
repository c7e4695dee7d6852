"""What the console calls things."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final

from serving.console.audit import NOBODY, Entry
from serving.console.roles import Permission

PERMISSIONS: Final[Mapping[Permission, str]] = MappingProxyType(
    {
        "read": "look at everything here",
        "edit_marketing": "edit placements, rules, campaigns, offers and experiments",
        "operate": "operate the system",
        "read_audit": "read everybody’s records",
        "manage_accounts": "manage accounts",
        "manage_keys": "manage keys",
    }
)
ACTIONS: Final = MappingProxyType(
    {
        "session.begin": "sign in",
        "session.end": "sign out",
        "page.open": "open a page",
        "account.add": "add an account",
        "account.remove": "remove an account",
        "account.password": "change a password",
        "placement.edit": "edit a placement",
        "placement.remove": "put a placement back",
    }
)
OUTCOMES: Final = MappingProxyType({"ok": "done", "refused": "refused", "failed": "failed"})
SOURCES: Final = MappingProxyType({"kafka": "Kafka", "redis": "Redis"})
VERDICTS: Final = MappingProxyType(
    {"ok": "up to date", "behind": "a little behind", "late": "late", None: "not known right now"}
)


def moment(at_ms: int) -> str:
    """An instant as people read it, in UTC."""
    return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%d %H:%M:%S}"


def who(entry: Entry) -> str:
    """The actor of an entry."""
    return "unknown name" if entry.actor == NOBODY else entry.actor


def what(entry: Entry) -> str:
    """What was done, or its own name where nobody has given it words."""
    return ACTIONS.get(entry.action, entry.action)

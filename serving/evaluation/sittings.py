"""Sessions that began in the tested part: whose they were, and where each item came up first."""

from __future__ import annotations

from msgspec import Struct, field


class Sitting(Struct):
    """A visitor's running session, from its first event.

    Attributes
    ----------
    key: names the session.
    stranger: nothing was known of the visitor before.
    rows: by item, the ledger's row of its first event in this session.
    """

    key: str
    stranger: bool
    rows: dict[str, int] = field(default_factory=dict)


class Sittings:
    """By visitor, the session that is running. One that began before the tested part is not here."""

    def __init__(self) -> None:
        self._by_visitor: dict[str, Sitting] = {}

    def of(self, visitor_id: str, key: str) -> Sitting | None:
        """The running session, if it is `key` and began in the tested part."""
        running = self._by_visitor.get(visitor_id)
        return running if running is not None and running.key == key else None

    def begin(self, visitor_id: str, key: str, *, stranger: bool) -> Sitting:
        """The visitor's new session."""
        begun = self._by_visitor[visitor_id] = Sitting(key, stranger)
        return begun


class Newcomers:
    """Items that came up in the tested part, and in how many sessions.

    Parameters
    ----------
    most: up to how many earlier sessions an item is cold.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._sessions: dict[str, list[str]] = {}

    def meet(self, item_id: str) -> None:
        """A target that nobody has seen."""
        self._sessions.setdefault(item_id, [])

    def __contains__(self, item_id: str) -> bool:
        return item_id in self._sessions

    def learn(self, item_id: str, key: str) -> None:
        """A step of the session `key` was learnt."""
        met = self._sessions.get(item_id)
        if met is not None and len(met) <= self._most + 1 and key not in met:
            met.append(key)

    def cold(self, item_id: str, key: str) -> bool:
        """Whether 1 to `most` sessions other than `key` had the item, all in the tested part."""
        others = [one for one in self._sessions.get(item_id, ()) if one != key]
        return 1 <= len(others) <= self._most

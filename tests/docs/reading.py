"""The guides as tests read them: blocks of code, sections and tables."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from markdown_it import MarkdownIt

from serving.docs.guides import NAMES, text_of

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
GUIDES = {name: text_of(name) for name in NAMES}
EVERYTHING = {**GUIDES, "README": README}


class Block(NamedTuple):
    """A block of code: its language, the words behind that, its text, and the answer that is shown below."""

    language: str
    marks: tuple[str, ...]
    text: str
    answer: str | None


def blocks(name: str, *marks: str) -> list[Block]:
    """The blocks of a guide that have all these marks, such as `run`."""
    fences = [token for token in MarkdownIt().parse(EVERYTHING[name]) if token.type == "fence"]
    found = []
    for fence, after in pairwise([*fences, None]):
        assert fence is not None
        language, *own = fence.info.split() or [""]
        answer = after.content if after is not None and after.info == "json answer" else None
        if set(marks) <= set(own):
            found.append(Block(language, tuple(own), fence.content, answer))
    return found


def section(name: str, heading: str) -> str:
    """The text of a guide below a heading of the second level."""
    return GUIDES[name].split(f"\n## {heading}\n")[1].split("\n## ")[0]


def first_cells(text: str) -> list[str]:
    """The first cell of each row of the tables in a text, where it is code."""
    return re.findall(r"^\| `([^`]+)`", text, re.MULTILINE)


def named(pattern: str) -> set[str]:
    """What the guides and the README name: all matches."""
    return {found for text in EVERYTHING.values() for found in re.findall(pattern, text)}


def alike(shown: Any, answered: Any) -> bool:
    """Whether an answer is as the guide shows it.

    `…` stands for any text, a number for any number, a list of one entry for one or more; all else is equal.
    """
    if isinstance(shown, dict):
        same = isinstance(answered, dict) and shown.keys() == answered.keys()
        return same and all(alike(value, answered[name]) for name, value in shown.items())
    if isinstance(shown, list):
        many = isinstance(answered, list) and (len(answered) == len(shown) or len(answered) > 1 == len(shown))
        return many and all(map(alike, shown, answered))
    if isinstance(shown, str):
        return (answered is None and shown == "…") or _fits(shown, answered)
    if isinstance(shown, bool) or shown is None:
        return shown is answered
    return isinstance(answered, int | float) and not isinstance(answered, bool)


def _fits(shown: str, answered: Any) -> bool:
    return isinstance(answered, str) and fnmatchcase(answered, re.sub(r"([\[?*])", r"[\1]", shown).replace("…", "*"))

"""The API's routes, gathered from its parts; `serving/http/openapi.py` describes each of them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Protocol

from starlette.convertors import Convertor, register_url_convertor

from serving.http.access import NEEDS, Access, Answers, Served


@dataclass(frozen=True, slots=True)
class Route:
    """One route."""

    method: str
    path: str
    answer: Answers


class _Id(Convertor[str]):
    """An id, which may hold slashes and, unlike Starlette's `path`, line ends."""

    regex = r"(?s:.*)"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


class _Whole(_Id):
    """A visitor id without a route of its own behind it."""

    regex = r"(?!(?s:.*)/(?:consent|export|reset|token)/?$)(?s:.+)"


class _Document(Convertor[str]):
    """A document's name; what has a route of its own beside the documents is none."""

    regex = r"(?!preview(?:/|$))[^/]+"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


register_url_convertor("id", _Id())
register_url_convertor("document", _Document())
register_url_convertor("whole", _Whole())


def described(path: str) -> str:
    """A route's path as the API describes it: without what its parameters may hold."""
    return re.sub(r":\w+}", "}", path)


class Answering(Protocol):
    """A part of the API: its routes, each as method, path and who answers."""

    @property
    def routes(self) -> Served: ...


def guarded(access: Access, *parts: Answering) -> tuple[Route, ...]:
    """All of the API's routes, each behind the gate: one that is not in its table cannot be made."""
    return tuple(
        Route(method, path, access.guards(NEEDS[method, described(path)], answer))
        for part in parts
        for method, path, answer in part.routes
    )

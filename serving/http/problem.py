"""Errors as RFC 9457 problem details: what happened, what it means, what to do.

```
Problem
├── 400 unreadable, bad_request    ├── 404 not_found, 405 method_not_allowed   ├── 422 invalid_items,
├── 401 no_key, bad_token          ├── 408 too_slow, 413 too_large             │       invalid_document
├── 403 wrong_key, wrong_visitor,  ├── 412 changed_meanwhile                   ├── 429 too_many
│       wrong_origin               └── 415 encoding, 500 broken                └── 503 unavailable
```
"""

from __future__ import annotations

from typing import Any

import msgspec

from serving.http.answer import Answer, Headers

MEDIA_TYPE = b"application/problem+json"
_TITLES = {
    "unreadable": "The request could not be read",
    "bad_request": "The request is not valid",
    "no_key": "A key is needed",
    "wrong_key": "This key may not do that",
    "bad_token": "The visitor token does not hold",
    "wrong_visitor": "This is another visitor's",
    "wrong_origin": "This key is not for this page",
    "not_found": "There is nothing here",
    "method_not_allowed": "This route does not know that method",
    "too_slow": "The request's body took too long",
    "too_large": "The request is too large",
    "encoding": "The body's encoding is not known",
    "invalid_items": "None of the items could be stored",
    "invalid_document": "The document is not valid",
    "changed_meanwhile": "Somebody else has changed it",
    "too_many": "Too many requests",
    "broken": "Something of ours is broken",
    "unavailable": "Not now",
}


class Problem(Exception):
    """An answer that is an error; raised anywhere below a route."""

    def __init__(self, status: int, kind: str, detail: str, *, headers: Headers = (), **more: Any) -> None:
        super().__init__(detail)
        self.status, self.kind, self.detail = status, kind, detail
        self.headers, self.more = headers, more

    def answer(self) -> Answer:
        body = {
            "type": f"urn:liveshelf:problem:{self.kind}",
            "title": _TITLES[self.kind],
            "status": self.status,
            "detail": self.detail,
            **self.more,
        }
        return Answer(msgspec.json.encode(body), self.status, MEDIA_TYPE, self.headers)


def unreadable(detail: str) -> Problem:
    """400: nothing could be read."""
    return Problem(400, "unreadable", detail)


def bad_request(detail: str) -> Problem:
    """400: it could be read, but says something that is not possible."""
    return Problem(400, "bad_request", detail)


def wrong_at(pointer: str, detail: str) -> Problem:
    """400: what stands at `pointer` (RFC 6901) is not possible."""
    return Problem(400, "bad_request", f"{pointer}: {detail}", errors=[{"pointer": pointer, "detail": detail}])


def invalid_document(pointer: str, detail: str) -> Problem:
    """422: what stands at `pointer` (RFC 6901) cannot hold."""
    whole = f"Nothing was changed. {pointer}: {detail}"
    return Problem(422, "invalid_document", whole, errors=[{"pointer": pointer, "detail": detail}])


def not_found(detail: str) -> Problem:
    """404."""
    return Problem(404, "not_found", detail)


def method_not_allowed(allowed: str) -> Problem:
    """405; `allowed` lists the methods of the route."""
    headers = ((b"allow", allowed.encode()),) if allowed else ()
    return Problem(405, "method_not_allowed", f"This route knows {allowed or 'other methods'}.", headers=headers)


def too_large(detail: str) -> Problem:
    """413."""
    return Problem(413, "too_large", detail)


def too_many(detail: str, retry_after_s: int) -> Problem:
    """429, to be tried again after so many seconds."""
    return Problem(429, "too_many", detail, headers=((b"retry-after", str(retry_after_s).encode()),))


def broken() -> Problem:
    """500: our own mistake; the log has the reason."""
    return Problem(500, "broken", "The request met a mistake of ours, which is in the log. Trying again may help.")


def unavailable(detail: str, retry_after_s: int = 1) -> Problem:
    """503, to be tried again after so many seconds."""
    return Problem(503, "unavailable", detail, headers=((b"retry-after", str(retry_after_s).encode()),))

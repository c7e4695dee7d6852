"""What schemathesis checks of each answer besides the OpenAPI document; it loads this module by SCHEMATHESIS_HOOKS."""

from __future__ import annotations

import re
from typing import Any

import schemathesis
from schemathesis.core.failures import Failure
from schemathesis.openapi.checks import RejectedPositiveData, UndefinedContentType

URL_BYTES = 65_536

INSIDE = re.compile(
    rb"Traceback \(most recent|File \"/|site-packages|\.py\b"  # Python's stack
    rb"|\b(?:serving|stream|schemas|redis|aiokafka|faust|confluent_kafka|msgspec|starlette|uvicorn)\.[a-z_]+"  # modules
    rb"|WRONGTYPE|NOSCRIPT|NOAUTH|READONLY|user_script|\bls[a-z0-9]*:\{|redis://|rd_kafka|librdkafka|KafkaError|_TRANSPORT"
    rb"|Errno|Connection refused|127\.0\.0\.1|localhost|/(?:home|usr|tmp|var|root|proc)/"  # files and addresses
)


@schemathesis.check
def server_errors_say_when_to_come_back(
    ctx: schemathesis.CheckContext, response: schemathesis.Response, case: schemathesis.Case[Any]
) -> None:
    """No 5xx but a 503 with `Retry-After`."""
    if response.status_code >= 500:
        assert response.status_code == 503, f"{response.status_code} is a mistake of ours"
        assert "retry-after" in response.headers, "503 without Retry-After"


@schemathesis.check
def bodies_tell_nothing_of_the_inside(
    ctx: schemathesis.CheckContext, response: schemathesis.Response, case: schemathesis.Case[Any]
) -> None:
    """No stack, module, store, file or address in a body; `/openapi.json` and what a client sent are no secrets."""
    found = INSIDE.search(response.content)
    if found is not None and case.operation.path != "/openapi.json":
        sent = str(case.as_transport_kwargs()).encode()
        assert found.group() in sent, f"a body tells {found.group()!r}"


@schemathesis.hook
def filter_failure(
    context: schemathesis.HookContext, failure: Failure, case: schemathesis.Case[Any], response: schemathesis.Response
) -> bool:
    """No schema can say that a token must be signed by us, nor how long all parts of a URL may be together.

    Nor that with another system's `format` a body is another system's, nor that one of two parameters has to be there.
    """
    foreign = (case.query or {}).get("format", "liveshelf") != "liveshelf"
    unsaid = any(name in response.content for name in (b"min_fresh:", b"after:", b"/item_id: Say which items"))
    if isinstance(failure, RejectedPositiveData) and (foreign or unsaid):
        return False
    server_s_own = isinstance(failure, RejectedPositiveData | UndefinedContentType) and response.status_code == 400
    return not (server_s_own and len(response.request.url or "") > URL_BYTES)

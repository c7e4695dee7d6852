"""JSON as liveshelf lets it in, and how a refusal is worded.

RFC 8259 leaves much to its readers; whatever two readers could understand differently, or a later one could choke on,
is refused here, in known and unknown fields alike (I-JSON, RFC 7493, and a little more):

- one JSON object in UTF-8: no NaN or Infinity, no lone surrogates, no text after its end;
- no number beyond ±2^53, where a double stops telling integers apart (so 1e999 is refused, too);
- no NUL, raw or escaped, in values or names: C strings, PostgreSQL and log shippers end there;
- at most 16 levels of objects and arrays.

A name that occurs twice is harmless: the last one counts, for every reader in this project.
"""

from __future__ import annotations

import re
from typing import Any, Literal, TypeAlias, get_args

import msgspec
from msgspec import Struct

Reason = Literal[
    "not_json",
    "schema",
    "unknown_event",
    "range",
    "too_large",
    "too_deep",
    "wrong_key",
    "wrong_partition",
    "unsupported_version",
]
REASONS: frozenset[str] = frozenset(get_args(Reason))
REFUSED = "Not accepted, and nothing was changed by it: "
MAX_DEPTH = 16
MAX_INTEGER = 2**53


class Rejected(Struct, frozen=True):
    """The caller's data cannot be used.

    `detail` says what is wrong, what that means and what to do; it repeats nothing of what was sent. `field` is
    the path of the one field that it is about, such as `items[0].price`, if there is one.
    """

    reason: Reason
    detail: str
    field: str = ""


Document: TypeAlias = dict[str, Any]

_decode = msgspec.json.Decoder().decode
# a number follows one of these; what cannot be beyond ±2^53 has fewer than 16 digits and no exponent
_MAY_BE_LARGE = re.compile(rb"[:,\[]\s*-?(?:[0-9.]{16}|[0-9.]+[eE])").search


def decode(value: bytes, *, max_bytes: int) -> Document | Rejected:
    """The JSON object in `value`, or why it is not let in."""
    if len(value) > max_bytes:
        return rejected("too_large", f"it has {len(value)} bytes, {max_bytes} are allowed", "Send less in one record.")
    try:
        document = _decode(value)
    except RecursionError:
        return _too_deep()
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return _too_large_a_number() if _OUT_OF_RANGE(str(error)) else _not_json()
    if not isinstance(document, dict):
        return rejected("schema", "it is not a JSON object", "Send one object with named fields.")
    # the walk costs more than the decoding, so it is done only where the bytes say that it could find something
    if value.count(b"{") + value.count(b"[") > MAX_DEPTH or _MAY_BE_LARGE(value):
        found = flaw(document)
        if found is not None:
            return found
    if b"\\u0000" in value and _has_nul(document):
        return rejected("schema", "a text or a field's name contains a NUL character", "Remove the NUL characters.")
    return document


def flaw(value: Any, levels: int = MAX_DEPTH) -> Rejected | None:
    """The first level too deep or number too large inside."""
    if isinstance(value, int | float):
        return None if -MAX_INTEGER <= value <= MAX_INTEGER else _too_large_a_number()
    if not isinstance(value, dict | list):
        return None
    if not levels:
        return _too_deep()
    for one in value.values() if isinstance(value, dict) else value:
        found = None if isinstance(one, str) else flaw(one, levels - 1)
        if found is not None:
            return found
    return None


def rejected(reason: Reason, what: str, fix: str, field: str = "") -> Rejected:
    """A refusal whose detail reads: what is wrong, that nothing was changed by it, how to do better."""
    return Rejected(reason, f"{REFUSED}{what}. {fix}", field)


def explained(error: msgspec.ValidationError) -> Rejected:
    """The refusal for what msgspec found while it decoded into a Struct."""
    cause = error.__cause__
    what, _, where = str(error).partition(" - at ")
    field = where.replace("`", "").removeprefix("$.")
    if field:
        what = f"{_safe(what)} in field {field}"
    reason = getattr(cause, "reason", None) or _reason(what)
    return rejected(reason, what, _FIXES.get(reason, _FIXES["schema"]), field)


def whole_floats_as_integers(value: Any) -> Any:
    """`value` with every `2.0` as `2`: to JSON Schema both are integers, and some languages write the first."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [whole_floats_as_integers(one) for one in value]
    if isinstance(value, dict):
        return {name: whole_floats_as_integers(one) for name, one in value.items()}
    return value


_FIXES: dict[str, str] = {
    "schema": "Compare it with the schema in schemas/.",
    "range": "Send a value within the limits.",
    "too_large": "Shorten it to the limit.",
}
_OUT_OF_RANGE = re.compile(r"(Expected `(int|float)` [<>]=)|(out of range)").search
_TOO_LONG = re.compile(r"of length <= ").search


def _reason(what: str) -> Reason:
    """Which of the closed set msgspec's words mean."""
    if _OUT_OF_RANGE(what):
        return "range"
    return "too_large" if _TOO_LONG(what) else "schema"


def _safe(what: str) -> str:
    """The words of msgspec without the value that was sent, which may be long or personal."""
    return "Expected one of the words that the schema lists" if what.startswith("Invalid ") else what


def _not_json() -> Rejected:
    fix = "Mind that NaN, Infinity and lone surrogates are not JSON."
    return rejected("not_json", "it is not one JSON text in UTF-8", fix)


def _too_large_a_number() -> Rejected:
    fix = "Send large identifiers as strings."
    return rejected("range", f"a number lies beyond ±{MAX_INTEGER} (2^53), where readers differ", fix)


def _too_deep() -> Rejected:
    return rejected("too_deep", f"objects and arrays are nested more than {MAX_DEPTH} levels deep", "Send it flatter.")


def _has_nul(value: Any) -> bool:
    """Whether a text or a name inside has a NUL; the escape may also have been a written-out backslash."""
    if isinstance(value, str):
        return "\x00" in value
    if isinstance(value, list):
        return any(map(_has_nul, value))
    if isinstance(value, dict):
        return any("\x00" in name or _has_nul(one) for name, one in value.items())
    return False

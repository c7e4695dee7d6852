"""Whatever JSON comes, an adapter answers."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.adapter import Adapted
from stream.adapters import adapters
from stream.ingest import Accepted, validate
from stream.strict_json import Rejected
from tests.adapters.golden_files import documents

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
ANY = st.recursive(SCALARS, lambda inside: st.lists(inside) | st.dictionaries(st.text(), inside), max_leaves=20)
GOLDEN = {
    name: [orjson.loads(path.read_bytes())["payload"] for of, path in documents() if of == name] for name in adapters()
}


@pytest.mark.parametrize("name", adapters())
@settings(max_examples=200, deadline=None)
@given(payload=ANY)
def test_any_json(name: str, payload: Any) -> None:
    answered(name, payload)


@pytest.mark.parametrize("name", adapters())
@settings(max_examples=200, deadline=None)
@given(st.data())
def test_documents_with_anything_in_any_place(name: str, data: st.DataObject) -> None:
    payload = data.draw(st.sampled_from(GOLDEN[name]))
    for _ in range(data.draw(st.integers(1, 4))):
        payload = changed(payload, data)
    answered(name, payload)


@pytest.mark.parametrize("name", adapters())
def test_a_document_too_deep_to_be_one(name: str) -> None:
    deep: Any = {}
    for _ in range(500):
        deep = {"data": [deep], "batch": [deep], "events": [deep], "visitor_id": "v", "pushed_at": 1}
    answered(name, deep)


def answered(name: str, payload: Any) -> None:
    for key in ("sku", "id"):
        found = adapters()[name].adapt(payload, key)
        assert isinstance(found, list | Rejected)
        for one in [] if isinstance(found, Rejected) else found:
            if isinstance(one, Adapted):
                judged = validate(orjson.dumps(one.event), timestamp=1)
                assert isinstance(judged, Accepted | Rejected)


def changed(value: Any, data: st.DataObject) -> Any:
    """The document with one place in it replaced, or gone."""
    if not isinstance(value, dict | list) or not value or data.draw(st.integers(0, 6)) == 0:
        return data.draw(SCALARS | st.just([]) | st.just({}) | st.just([[]]) | st.just({"a": {}}))
    copy: Any = value.copy()
    key = data.draw(st.sampled_from(sorted(value) if isinstance(value, dict) else range(len(value))))
    if data.draw(st.integers(0, 6)) == 0:
        del copy[key]
    else:
        copy[key] = changed(value[key], data)
    return copy

"""Keys from settings and from a file: what is taken, and in which words the rest is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

import schemas
from serving.http.keys import OF_PAGES, SCOPES, ApiKeys, read
from stream.keyring import NoKeys
from stream.settings import Settings
from tests.serving.deployment import PUBLISHABLE, SECRET, Deployment
from tests.serving.keys import SHOP, written

FEED: dict[str, Any] = {"name": "feed", "key": "sk_0123456789abcdef01", "scopes": ["catalog"]}
WEB: dict[str, Any] = {"name": "web", "key": "pk_0123456789abcdef01", "scopes": ["events"], "origins": [SHOP]}


def keys(**more: Any) -> ApiKeys:
    return ApiKeys.of(Settings(**{"publishable_key": PUBLISHABLE, "secret_key": SECRET, **more}))


@pytest.mark.parametrize("name", schemas.examples("api_keys", valid=True))
def test_what_the_schema_allows_is_read(name: str, tmp_path: Path) -> None:
    example = schemas.examples("api_keys", valid=True)[name]
    assert [key.name for key in read(written(tmp_path, *example))] == [one["name"] for one in example]


@pytest.mark.parametrize("name", schemas.examples("api_keys", valid=False))
def test_what_the_schema_refuses_is_refused_with_a_sentence(name: str, tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    path.write_text(json.dumps(schemas.examples("api_keys", valid=False)[name]))
    with pytest.raises(NoKeys, match=r"LIVESHELF_API_KEYS_FILE: .*keys\.json: .+ schemas/api_keys\.json") as refused:
        read(path)
    assert "example0" not in str(refused.value), "a key in an error message ends up in a log"


VALUES: list[Any] = [
    *(None, True, 5, "", "x", "X", "-", "a b", "é", [], {}, [None], ["events"], ["events", "ops"], ["every"]),
    *("pk_" + "k" * 16, "pk_" + "k" * 17, "pk_" + "k" * 200, "pk_" + "k" * 201, "PK_" + "k" * 20, "sk_" + "k" * 20),
    *(
        "a" * 64,
        "a" * 65,
        [SHOP, "http://[::1]:80"],
        ["https://a.b:123456"],
        ["https://a.b?"],
        ["https://" + "a" * 200],
    ),
]


@pytest.mark.parametrize("field", ["name", "key", "scopes", "origins", "comment"])
def test_code_and_schema_agree_on_each_field_at_its_edges(
    field: str, tmp_path: Path, validator: Callable[[str], jsonschema_rs.Draft202012Validator]
) -> None:
    for value in VALUES:
        for entry in (FEED, WEB):
            document = entry | {field: value}
            try:
                taken = bool(read(written(tmp_path, document)))
            except NoKeys:
                taken = False
            assert taken == validator("api_keys").is_valid([document]), document


@pytest.mark.parametrize("field", ["name", "key", "origins"])
@pytest.mark.parametrize("ending", ["\n", " ", "/"])
def test_patterns_allow_nothing_after_the_end(field: str, ending: str, tmp_path: Path) -> None:
    value = [SHOP + ending] if field == "origins" else WEB[field] + ending
    with pytest.raises(NoKeys):
        read(written(tmp_path, WEB | {field: value}))


@pytest.mark.parametrize("content", [b"", b"[", b"\xff", b"null"])
def test_a_file_that_is_no_list_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "keys.json").write_bytes(content)
    with pytest.raises(NoKeys, match="LIVESHELF_API_KEYS_FILE"):
        read(tmp_path / "keys.json")


def test_an_empty_setting_means_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIVESHELF_API_KEYS_FILE", "")
    assert [key.name for key in keys().keys] == ["publishable", "secret"]


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(NoKeys, match=r"missing\.json: it cannot be read"):
        keys(api_keys_file=tmp_path / "missing.json")


@pytest.mark.parametrize("scope", sorted(SCOPES - OF_PAGES))
def test_a_publishable_key_never_holds_more_than_pages_need(scope: str, tmp_path: Path) -> None:
    with pytest.raises(NoKeys, match=f"publishable key `web` has {scope}"):
        read(written(tmp_path, WEB | {"scopes": ["events", scope]}))


@pytest.mark.parametrize(
    "doubled",
    [FEED | {"key": "sk_another_0123456789"}, WEB | {"name": "publishable"}, FEED | {"name": "secret"}],
    ids=["in the file", "publishable", "secret"],
)
def test_a_name_is_given_once(doubled: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(NoKeys, match="has the name"):
        keys(api_keys_file=written(tmp_path, FEED, doubled))


def test_a_key_is_given_once(tmp_path: Path) -> None:
    with pytest.raises(NoKeys, match="the same text"):
        keys(api_keys_file=written(tmp_path, FEED, FEED | {"name": "other", "scopes": ["ops"]}))
    with pytest.raises(NoKeys, match="the same text"):
        keys(publishable_key="same", secret_key="same")


def test_the_settings_two_keys_cannot_be_exchanged() -> None:
    """The first page carries the publishable key to everybody."""
    with pytest.raises(NoKeys, match="exchanged"):
        keys(publishable_key=SECRET, secret_key=PUBLISHABLE)


@pytest.mark.parametrize("origins", ["shop.example", "https://Shop.example", "https://shop.example/", "*"])
def test_an_allowed_origin_is_one(origins: str) -> None:
    with pytest.raises(NoKeys, match="LIVESHELF_ALLOWED_ORIGINS"):
        keys(allowed_origins=f"https://shop.example,{origins}")


def test_the_keys_themselves_are_not_kept(tmp_path: Path) -> None:
    held = keys(api_keys_file=written(tmp_path, FEED, WEB))
    assert held.find(FEED["key"].encode()) is held.keys[2]
    assert held.find(FEED["key"].encode() + b"x") is None
    for secret in (FEED["key"], WEB["key"], SECRET, PUBLISHABLE):
        assert secret not in repr(held.keys)


async def test_an_event_says_which_key_it_came_with(tmp_path: Path) -> None:
    shop = Deployment(api_keys_file=written(tmp_path, WEB))
    answer = await shop.call("POST", "/v1/events", shop.event("view_item", "me", "a"), key=WEB["key"])
    assert answer.status_code == 202
    edge = shop.broker.values("events")[0]["edge"]
    assert edge == {"key": "web", "signed": False, "purchase_confirmed": False}

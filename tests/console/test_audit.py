"""The audit log: what is in it, what never is, and that nothing is changed without it."""

from __future__ import annotations

import asyncio
import copy
import json
import os
from collections.abc import Callable
from typing import Any

import jsonschema_rs
import msgspec
import pytest

import schemas
from serving.console.audit import NEVER, Entry, NotWritten, decoded, encoded
from tests.console.desk import HASH, PASSWORD, Desk
from tests.serving.deployment import FULL, NOT_ACKNOWLEDGED, NOW

Validators = Callable[[str], jsonschema_rs.Draft202012Validator]
NEW = "a long enough phrase"
FAILURES = [NOT_ACKNOWLEDGED, FULL]


async def test_each_thing_that_happens_is_one_record(desk: Desk, validator: Validators) -> None:
    await desk.browser().sign_in("vera", "wrong")
    await desk.browser().sign_in("nobody-here")
    browser = await desk.signed_in("owner")
    desk.shop.now += 1
    await browser.submit("/console/accounts/add", name="new", role="viewer", new=NEW)
    await browser.submit("/console/accounts/remove", name="mark")
    await browser.submit("/console/password", password="wrong", new=NEW, again=NEW)
    await browser.submit("/console/password", password=PASSWORD, new=NEW, again=NEW)
    await browser.submit("/console/logout")
    assert desk.audited() == [
        ("vera", "session.begin", "refused"),
        ("-", "session.begin", "refused"),
        ("otto", "session.begin", "ok"),
        ("otto", "account.add", "ok"),
        ("otto", "account.remove", "ok"),
        ("otto", "account.password", "refused"),
        ("otto", "account.password", "ok"),
        ("otto", "session.end", "ok"),
    ]
    for record in desk.records():
        assert [error.message for error in validator("audit").iter_errors(record)] == []
    added, removed = desk.records()[3:5]
    assert (added["object"], added["before"], added["after"]) == (
        "account:new",
        None,
        {"name": "new", "role": "viewer"},
    )
    assert (removed["object"], removed["before"]) == ("account:mark", {"name": "mark", "role": "marketer"})


async def test_a_record_holds_no_secret_and_is_keyed_by_the_account(desk: Desk) -> None:
    typed = "my-password-in-the-wrong-field"
    await desk.browser().sign_in(typed)
    browser = await desk.signed_in("owner")
    csrf, cookie = await browser.csrf(), browser.client.cookies["liveshelf_console"]
    await browser.submit("/console/accounts/add", name="new", role="viewer", new=NEW)
    logs = [log for (topic, _), log in desk.shop.broker.logs.items() if topic == "audit"]
    records = [record for log in logs for record in log]
    assert len(records) == 3
    for record in records:
        assert record.value
        assert record.key == json.loads(record.value)["actor"].encode()
        for secret in (PASSWORD, NEW, HASH, typed, csrf, cookie, "192.0.2.1", "argon2"):
            assert secret not in record.value.decode()


@pytest.mark.parametrize("failure", FAILURES)
async def test_what_cannot_be_recorded_is_not_done(desk: Desk, failure: Exception) -> None:
    browser = await desk.signed_in("owner")
    before = desk.path.read_bytes()
    desk.shop.broker.failure = failure
    for path, fields in (
        ("add", {"name": "new", "role": "viewer", "new": NEW}),
        ("remove", {"name": "mark"}),
    ):
        answer = await browser.submit(f"/console/accounts/{path}", **fields)
        assert answer.status_code == 503
        assert "nothing is changed that is not recorded" in answer.text
        assert answer.headers["retry-after"] == "5"
    answer = await browser.submit("/console/password", password=PASSWORD, new=NEW, again=NEW)
    assert answer.status_code == 503
    assert desk.path.read_bytes() == before


async def test_while_no_broker_answers_people_can_sign_in_but_change_nothing(desk: Desk) -> None:
    desk.shop.live = False
    browser = await desk.signed_in("owner")
    assert (await browser.submit("/console/accounts/remove", name="mark")).status_code == 503
    assert desk.accounts.named("mark")
    assert (await browser.submit("/console/logout")).status_code == 303


async def test_a_change_that_fails_is_recorded_as_well(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    browser = await desk.signed_in("owner")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    answer = await browser.submit("/console/accounts/remove", name="mark")
    assert answer.status_code == 503
    assert "No space left on device" in answer.text
    assert desk.accounts.named("mark")
    assert desk.audited()[-2:] == [("otto", "account.remove", "ok"), ("otto", "account.remove", "failed")]


async def test_a_broker_that_never_answers_is_not_waited_for(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("serving.console.audit.PATIENCE_S", 0.01)
    monkeypatch.setattr("serving.console.audit.TRY_S", 0.01)
    browser = await desk.signed_in("owner")
    desk.shop.broker.send = lambda *_: asyncio.get_running_loop().create_future()  # type: ignore[method-assign]
    assert (await browser.submit("/console/accounts/remove", name="mark")).status_code == 503
    assert (await desk.browser().sign_in("vera")).status_code == 303


async def test_pages_that_come_later_write_what_they_change(desk: Desk) -> None:
    before, after = {"boost": 1.5, "items": [{"item_id": "a"}]}, {"boost": 2}
    await desk.audit.write("mark", "marketer", "rule.edit", "rule:12", "ok", before, after)
    assert desk.records() == [
        {
            "at": NOW, "actor": "mark", "role": "marketer", "action": "rule.edit", "object": "rule:12", "outcome": "ok",
            "before": before, "after": after,
        }
    ]  # fmt: skip
    desk.shop.live = False
    with pytest.raises(NotWritten):
        await desk.audit.write("mark", "marketer", "rule.edit", "rule:12", "ok")


@pytest.mark.parametrize("name", sorted(NEVER))
@pytest.mark.parametrize("wrap", [lambda x: x, lambda x: [x], lambda x: {"a": [{"b": x}]}])
async def test_secrets_and_shoppers_are_refused_by_name(
    desk: Desk, name: str, wrap: Callable[[Any], Any], validator: Validators
) -> None:
    part = wrap({name: "x"})
    for field in ("before", "after"):
        with pytest.raises(ValueError, match=f"never holds {name}"):
            await desk.audit.write("mark", "marketer", "rule.edit", "rule:1", "ok", **{field: part})
        record = {**VALID, field: part}
        assert not validator("audit").is_valid(record)
    assert desk.records() == []


VALID = next(iter(schemas.examples("audit", valid=True).values()))
EDGES: list[Any] = [
    *(
        None,
        True,
        "",
        "-",
        "a",
        "A",
        "a" * 32,
        "a" * 64,
        "a" * 65,
        "a" * 200,
        "a" * 201,
        "a.b",
        "a.b\n",
        "mira\n",
        "--",
    ),
    *(
        "session.begin",
        f"{'a' * 32}.{'b' * 32}",
        f"{'a' * 33}.b",
        "viewer",
        "owner",
        "root",
        "ok",
        "done",
        "é",
        "a\u0000",
    ),
    *(0, -1, 1.5, 2**53, [], {}, [1, [2]], {"a": {"b": None}}, [{"password": 1}], {"pid": []}),
]


def test_code_and_schema_accept_the_same(validator: Validators) -> None:
    judged = []
    for field in schemas.load("audit")["properties"]:
        for value in EDGES:
            record = {**VALID, field: value}
            judged.append(validator("audit").is_valid(record))
            assert judged[-1] == accepted(record), (field, value)
        absent = copy.copy(VALID)
        del absent[field]
        assert validator("audit").is_valid(absent) == accepted(absent), field
    assert {True, False} == set(judged)


def accepted(record: dict[str, Any]) -> bool:
    entry = decoded(json.dumps(record).encode())
    if entry is None:
        return False
    try:
        encoded(entry)
    except ValueError:
        return False
    return True


def test_a_record_that_is_none_is_left_out() -> None:
    assert decoded(None) is None
    assert decoded(b"\xff") is None
    assert decoded(b"[]") is None
    with pytest.raises(msgspec.ValidationError):
        encoded(Entry(1, "not a name", None, "a.b", None, "ok"))

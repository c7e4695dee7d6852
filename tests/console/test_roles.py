"""Every role and every permission, cell by cell; and the pages obey the table."""

from __future__ import annotations

import re
from typing import get_args

import pytest

import schemas
from serving.console import words
from serving.console.roles import LEAST_ROLE, ROLES, Permission, Role, allowed, permissions
from tests.console.desk import NAMES, Desk

TABLE = {
    # role: read, edit_marketing, operate, read_audit, manage_accounts, manage_keys
    "viewer": (True, False, False, False, False, False),
    "marketer": (True, True, False, False, False, False),
    "operator": (True, True, True, True, False, False),
    "owner": (True, True, True, True, True, True),
}
PERMISSIONS: tuple[Permission, ...] = get_args(Permission)
CELLS = [(role, p, TABLE[role][n]) for role in ROLES for n, p in enumerate(PERMISSIONS)]


@pytest.mark.parametrize(("role", "permission", "may"), CELLS)
def test_cell(role: Role, permission: Permission, may: bool) -> None:
    assert allowed(role, permission) is may
    assert (permission in permissions(role)) is may


def test_the_table_is_whole() -> None:
    assert tuple(LEAST_ROLE) == PERMISSIONS
    assert set(words.PERMISSIONS) == set(PERMISSIONS)
    assert set(TABLE) == set(ROLES)


def test_the_schemas_know_the_same_roles() -> None:
    account = schemas.load("accounts")["properties"]["accounts"]["items"]["properties"]
    assert account["role"]["enum"] == list(ROLES)
    assert schemas.load("audit")["properties"]["role"]["enum"] == [*ROLES, None]


@pytest.mark.parametrize("role", ROLES)
async def test_accounts_are_the_owners(desk: Desk, role: Role) -> None:
    browser = await desk.signed_in(role)
    start = (await browser.get("/console")).text
    page = await browser.get("/console/accounts")
    fields = {"name": "new", "role": "viewer", "new": "a long enough phrase"}
    added = await browser.submit("/console/accounts/add", **fields)
    removed = await browser.submit("/console/accounts/remove", name="mark" if role != "marketer" else "vera")
    if role == "owner":
        assert 'href="/console/accounts"' in start
        assert (page.status_code, added.status_code, removed.status_code) == (200, 303, 303)
        assert set(desk.accounts.known()) == {"new", "vera", "olga", "otto"}
    else:
        assert 'href="/console/accounts"' not in start
        assert (page.status_code, added.status_code, removed.status_code) == (403, 403, 403)
        assert f"whose role is {role}" in page.text
        assert set(desk.accounts.known()) == set(NAMES.values())
        assert desk.audited().count((NAMES[role], "page.open", "refused")) == 3


async def test_records_of_others_are_for_operators_and_owners(desk: Desk) -> None:
    for role in ROLES:
        await desk.signed_in(role)
        desk.shop.now += 10_000
    for role in ROLES:
        browser = await desk.signed_in(role)
        desk.shop.now += 10_000
        log = (await browser.get("/console")).text.partition('class="log"')[2].partition("</table>")[0]
        seen = set(re.findall(r"<td>(\w+)<small>", log))
        assert seen == (set(NAMES.values()) if role in {"operator", "owner"} else {NAMES[role]})

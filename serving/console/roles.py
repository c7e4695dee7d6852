"""Who may do what: each role may do what the ones before it may, and more."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal, get_args

Role = Literal["viewer", "marketer", "operator", "owner"]
Permission = Literal["read", "edit_marketing", "operate", "read_audit", "manage_accounts", "manage_keys"]
ROLES: Final[tuple[Role, ...]] = get_args(Role)

LEAST_ROLE: Final[Mapping[Permission, Role]] = MappingProxyType(
    {
        "read": "viewer",
        "edit_marketing": "marketer",
        "operate": "operator",
        "read_audit": "operator",
        "manage_accounts": "owner",
        "manage_keys": "owner",
    }
)


def allowed(role: Role, permission: Permission) -> bool:
    """Whether the role has the permission."""
    return ROLES.index(role) >= ROLES.index(LEAST_ROLE[permission])


def permissions(role: Role) -> tuple[Permission, ...]:
    """All that the role may do, in the table's order."""
    return tuple(permission for permission in LEAST_ROLE if allowed(role, permission))

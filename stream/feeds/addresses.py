"""Which addresses a feed may be fetched from: public ones. What a name resolves to is checked, not the name."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import TypeAlias

from aiohttp.abc import AbstractResolver, ResolveResult

from stream.feeds.flaws import BadFeed

Address: TypeAlias = IPv4Address | IPv6Address
Lookup: TypeAlias = Callable[[str], Awaitable[list[str]]]
_CARRIES_IPV4 = (
    IPv6Network("::ffff:0:0/96"),  # mapped
    IPv6Network("::/96"),  # compatible
    IPv6Network("::ffff:0:0:0/96"),  # translated
    IPv6Network("64:ff9b::/96"),  # NAT64
)


class Forbidden(BadFeed):
    """The feed's address leads into a network that strangers must not reach through this process."""


def is_public(address: Address) -> bool:
    """Whether an address is on the public internet, the IPv4 address within it included."""
    if isinstance(address, IPv6Address):
        inner = _ipv4(address)
        if inner is not None:
            return is_public(inner)
        if address.is_site_local:
            return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def _ipv4(address: IPv6Address) -> IPv4Address | None:
    if any(address in network for network in _CARRIES_IPV4):
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.sixtofour or (address.teredo[1] if address.teredo else None)


async def system_lookup(host: str) -> list[str]:
    """All addresses that this machine finds for a name (numbers in odd spellings included)."""
    found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(one[4][0]) for one in found))


class Checked(AbstractResolver):
    """Resolves a name once and gives only addresses that were checked, so that it cannot change its mind in between.

    `loopback`: only this machine's own addresses, for tests and trials.
    """

    def __init__(self, lookup: Lookup = system_lookup, *, loopback: bool = False) -> None:
        self._lookup, self._loopback = lookup, loopback

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        return [
            ResolveResult(hostname=host, host=str(one), port=port, family=_family(one), proto=0, flags=_NUMERIC)
            for one in await self.addresses(host)
        ]

    async def addresses(self, host: str) -> list[Address]:
        """The addresses of a host; raises `Forbidden` if any of them is not allowed, `BadFeed` if there is none."""
        try:
            found = [ip_address(one.partition("%")[0]) for one in await self._lookup(host)]
        except (OSError, UnicodeError, ValueError) as error:
            raise BadFeed(f"its host {host} is not found ({error}). Correct the address.") from None
        for one in found:
            if not self._allowed(one):
                raise Forbidden(
                    f"its host {host} is {one}, which is not a public address: feeds are not fetched from private "
                    "networks. Give the file itself, or a public https address."
                )
        if not found:
            raise BadFeed(f"its host {host} has no address. Correct the address.")
        return found

    def _allowed(self, address: Address) -> bool:
        if self._loopback:
            inner = _ipv4(address) if isinstance(address, IPv6Address) and not address.is_loopback else None
            return (inner or address).is_loopback
        return is_public(address)

    async def close(self) -> None: ...


_NUMERIC = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV


def _family(address: Address) -> socket.AddressFamily:
    return socket.AF_INET if address.version == 4 else socket.AF_INET6

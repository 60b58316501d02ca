"""The address guard: every resolved address is checked, and only a checked one is connected to."""

from __future__ import annotations

import ipaddress
import socket
import time
from collections.abc import Iterator, Sequence

from urllib3.connection import HTTPConnection
from urllib3.exceptions import NewConnectionError
from urllib3.util import connection as urllib3_connection

from hub.sdk.errors import AddressNotAllowed

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
#: Link-local addresses carry the clouds' metadata services: never a place to call.
NEVER = tuple(
    ipaddress.ip_network(text)
    for text in ("169.254.0.0/16", "fe80::/10", "fd00:ec2::254/128", "100.100.100.200/32")
)
#: «This network», future use, broadcast: no host has such an address, but kernels may take it.
NO_HOST = tuple(ipaddress.ip_network(text) for text in ("0.0.0.0/8", "240.0.0.0/4"))
#: IPv6 ranges whose last 32 bits are an IPv4 address that a gateway would call for us.
TRANSLATED = tuple(
    ipaddress.IPv6Network(text) for text in ("64:ff9b::/96", "64:ff9b:1::/48", "::/96")
)


def check_address(host: str, address: str, allowed: Sequence[Network], trusted: bool) -> None:
    """Raise AddressNotAllowed for an address this call may not reach.

    `trusted` is True for a host that an admin configured for the connection: it may be private.
    IPv4 addresses inside IPv6 ones (mapped, NAT64, 6to4, Teredo) are judged as themselves.
    """
    ip = ipaddress.ip_address(address.split("%", 1)[0])
    for one in _meant(ip):
        _check(host, one, allowed, trusted)


def _meant(ip: Address) -> Iterator[Address]:
    """The addresses that a packet to this one may end at."""
    if isinstance(ip, ipaddress.IPv4Address):
        yield ip
        return
    if ip.ipv4_mapped is not None:
        yield ip.ipv4_mapped
        return
    yield ip
    if ip.is_loopback or ip.is_unspecified:
        return
    if ip.sixtofour is not None:
        yield ip.sixtofour
    if ip.teredo is not None:
        yield from ip.teredo
    if any(ip in network for network in TRANSLATED):
        yield ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)


def _check(host: str, ip: Address, allowed: Sequence[Network], trusted: bool) -> None:
    if _in(ip, NEVER):
        raise AddressNotAllowed(f"{host} leads to {ip}: metadata addresses are never called")
    if ip.is_multicast or ip.is_unspecified or _in(ip, NO_HOST):
        raise AddressNotAllowed(f"{host} leads to {ip}, which is no host's address")
    site_local = isinstance(ip, ipaddress.IPv6Address) and ip.is_site_local
    if (ip.is_global and not site_local) or trusted or _in(ip, allowed):
        return
    raise AddressNotAllowed(
        f"{host} leads to the private address {ip}; allow it in hub.yml, network.allow"
    )


def _in(ip: Address, networks: Sequence[Network]) -> bool:
    return any(ip in network for network in networks if network.version == ip.version)


class Guard:
    """Resolves a host once, checks every address, connects only to the checked ones.

    A name that resolves to something else a moment later gains nothing by it.
    """

    def __init__(self, allowed: Sequence[Network], trusted_hosts: frozenset[str]) -> None:
        self.allowed, self.trusted_hosts = allowed, trusted_hosts

    def connect(self, connection: HTTPConnection, until: float) -> socket.socket:
        """A connected socket; `until` (monotonic) bounds all addresses together."""
        # urllib3 keeps the name to resolve only here.
        host = connection._dns_host.strip("[]")  # noqa: SLF001  # see above
        try:
            found = socket.getaddrinfo(host, connection.port, 0, socket.SOCK_STREAM)
        except (socket.gaierror, UnicodeError) as error:
            raise NewConnectionError(connection, f"cannot resolve {host}: {error}") from error
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        trusted = host.rstrip(".").lower() in self.trusted_hosts
        for address in addresses:
            check_address(host, address, self.allowed, trusted)
        last: OSError | None = None
        for address in addresses:
            left = until - time.monotonic()
            if left <= 0:
                break
            timeout = connection.timeout
            try:
                return urllib3_connection.create_connection(
                    (address, connection.port),
                    min(timeout, left) if isinstance(timeout, int | float) else left,
                    source_address=connection.source_address,
                    socket_options=connection.socket_options,
                )
            except OSError as error:
                last = error
        raise NewConnectionError(connection, f"cannot connect to {host}:{connection.port}: {last}")

"""The address guard: whatever a name says and however it is written, only allowed addresses."""

from __future__ import annotations

import ipaddress
import socket
from pathlib import Path
from typing import Any

import pytest

from hub.sdk.errors import AddressNotAllowed, RetryLater
from hub.sdk.http import HttpClient, check_address
from hub.sdk.http.guard import Network
from tests.sdk import servers

LOOPBACK: list[Network] = [ipaddress.ip_network("127.0.0.0/8")]
OK = servers.http("200 OK", b"fine")
PRIVATE = (
    "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "100.64.0.1", "198.18.0.1",
    "::1", "fd00::1", "fec0::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1",
    # The same loopback address in the clothes of NAT64, 6to4, Teredo, IPv4-compatible.
    "64:ff9b::7f00:1", "64:ff9b:1::7f00:1", "2002:7f00:1::", "2001:0:5db8:d822::80ff:fffe",
    "::7f00:1",
)  # fmt: skip
NEVER = (
    "169.254.169.254", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::",
    "fe80::1", "fe80::1%eth0", "fd00:ec2::254", "100.100.100.200",
    str(ipaddress.IPv4Address(0)), "0.1.2.3", "::",
    "224.0.0.1", "ff02::1", "255.255.255.255", "240.0.0.1",
    "::ffff:0.0.0.0", "64:ff9b::0.0.0.0",
)  # fmt: skip
PUBLIC = ("93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946", "64:ff9b::5db8:d822")


@pytest.mark.parametrize("address", PRIVATE)
def test_private_addresses_need_an_admin_or_a_permission(address: str) -> None:
    with pytest.raises(AddressNotAllowed):
        check_address("h", address, [], trusted=False)
    check_address("h", address, [], trusted=True)


@pytest.mark.parametrize("address", NEVER)
def test_some_addresses_are_never_called(address: str) -> None:
    everything = [ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("::/0")]
    for trusted in (False, True):
        with pytest.raises(AddressNotAllowed):
            check_address("h", address, everything, trusted)


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_may_be_called(address: str) -> None:
    check_address("h", address, [], trusted=False)


def test_a_permission_opens_only_its_network() -> None:
    check_address("h", "127.0.0.9", LOOPBACK, trusted=False)
    check_address("h", "::ffff:127.0.0.9", LOOPBACK, trusted=False)
    with pytest.raises(AddressNotAllowed):
        check_address("h", "10.0.0.1", LOOPBACK, trusted=False)


@pytest.mark.parametrize(
    "host", ["2130706433", "0x7f000001", "017700000001", "127.1", "0177.0.0.1", "localhost"]
)
def test_however_loopback_is_written_it_is_loopback(host: str) -> None:
    with servers.server(servers.answering(OK)) as port:
        client = HttpClient(f"http://{host}:{port}", trusted=False)
        with pytest.raises(AddressNotAllowed):
            client.request("GET", "/")


def test_only_the_admin_s_own_host_is_trusted() -> None:
    with servers.server(servers.answering(OK)) as port:
        client = HttpClient(f"http://127.0.0.1:{port}")
        assert client.request("GET", "/").text == "fine"
        for elsewhere in ("127.0.0.2", "localhost", f"127.0.0.1@127.0.0.3:{port}/"):
            with pytest.raises(AddressNotAllowed):
                client.request("GET", f"http://{elsewhere}:{port}/".replace("/:", ":"))


def test_one_forbidden_address_among_several_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name with a good and a bad address must not come through by luck of the order."""
    resolve_to(monkeypatch, ["93.184.216.34", "169.254.169.254"])
    with pytest.raises(AddressNotAllowed):
        HttpClient("http://two.example").request("GET", "/")


def test_a_name_that_changes_after_the_check_gains_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """DNS rebinding: it is resolved once, and that address is the one connected to."""
    with servers.server(servers.answering(OK)) as port:
        asked = resolve_to(monkeypatch, ["127.0.0.1"], ["169.254.169.254"])
        client = HttpClient(f"http://rebind.example:{port}")
        assert client.request("GET", "/", headers={"Connection": "close"}).text == "fine"
        assert asked == ["rebind.example"]


def resolve_to(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> list[str]:
    """Let names resolve to these addresses, the last answer for ever; returns who was asked."""
    asked: list[str] = []
    real = socket.getaddrinfo

    def resolve(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
        if not str(host).endswith(".example"):
            return real(host, port, *args, **kwargs)
        asked.append(host)
        addresses = answers[min(len(asked), len(answers)) - 1]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    return asked


def test_tls_checks_the_name_not_the_address(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The connection goes to a checked address; the certificate must still be the host's."""
    context, trusted = servers.certificate(tmp_path, "shop.example")
    named: list[str | None] = []
    context.sni_callback = lambda _, name, __: named.append(name)
    resolve_to(monkeypatch, ["127.0.0.1"])
    with servers.server(servers.answering(OK), context) as port:
        client = HttpClient(f"https://shop.example:{port}")
        client.session.verify = str(trusted)
        assert client.request("GET", "/").text == "fine"
        other = HttpClient(f"https://other.example:{port}")
        other.session.verify = str(trusted)
        with pytest.raises(RetryLater, match=r"TLS with other\.example") as refused:
            other.request("GET", "/")
    assert refused.value.detail == "tls"
    assert named == ["shop.example", "other.example"]

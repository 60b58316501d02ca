"""The connection test, step by step, against servers that are well and servers that are not."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connectors.imap.emulator import Emulator, ImapServer
from hub.flow import diagnose
from tests.connectors.test_imap_trouble import self_signed
from tests.support.hub import Hub


@pytest.fixture
def mailbox() -> Iterator[Emulator]:
    emulator = Emulator()
    emulator.start()
    yield emulator
    emulator.stop()


def asked(hub: Hub, document: dict[str, Any], step: str) -> list[diagnose.Found]:
    return diagnose.run(hub.connect("mail", document), step)


def test_a_mailbox_that_is_well_passes_every_step(sqlite_hub: Hub, mailbox: Emulator) -> None:
    configured = sqlite_hub.connect("mail", mailbox.connection())
    assert diagnose.steps_of(configured) == ["name", "tcp", "check", "sample"]
    for step in diagnose.steps_of(configured):
        found = diagnose.run(configured, step)
        assert found
        assert all(one.ok for one in found), found
    assert len((found[0].values or {})["rows"]) == diagnose.SAMPLE_ROWS


def test_a_wrong_password_is_told_without_it(sqlite_hub: Hub, mailbox: Emulator) -> None:
    document = {**mailbox.connection(), "secrets": {"password": "wrong-password"}}
    last = asked(sqlite_hub, document, "check")[-1]
    assert (last.name, last.ok, last.hint) == ("login", False, "login")
    assert "wrong-password" not in last.message


def test_a_closed_port_and_an_unknown_name(sqlite_hub: Hub, mailbox: Emulator) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    document = mailbox.connection()
    closed = {**document, "settings": {**document["settings"], "port": port}}
    assert asked(sqlite_hub, closed, "tcp")[0].hint == "refused"
    lost = {**document, "settings": {**document["settings"], "host": "no-such.invalid"}}
    assert asked(sqlite_hub, lost, "name")[0].hint == "name"
    metadata = {**document, "settings": {**document["settings"], "host": "169.254.169.254"}}
    assert asked(sqlite_hub, metadata, "name")[0].hint == "address"


def test_tls_tells_of_the_certificate(sqlite_hub: Hub, tmp_path: Path) -> None:
    certificate = self_signed(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    server = ImapServer("user", "secret-1", context)
    server.start()
    settings = {"host": "127.0.0.1", "port": server.port, "username": "user"}
    document = {"connector": "imap", "settings": settings, "secrets": {"password": "secret-1"}}
    try:
        (refused,) = asked(sqlite_hub, document, "tls")
        own = {**document, "settings": {**settings, "ca_certificate": certificate}}
        (trusted,) = asked(sqlite_hub, own, "tls")
    finally:
        server.stop()
    assert (refused.ok, refused.hint) == (False, "own_certificate")
    assert (refused.values or {})["issuer"]
    assert trusted.ok
    assert (trusted.values or {})["not_after"] > (trusted.values or {})["not_before"]

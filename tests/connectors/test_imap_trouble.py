"""Mail servers that refuse, break off or lie: each error names who must act."""

from __future__ import annotations

import imaplib
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from connectors._protocols import imap as protocol
from connectors.imap import poll
from connectors.imap.emulator import ImapServer
from hub.registry import make_connection
from hub.sdk.connection import Connection
from hub.sdk.errors import AddressNotAllowed, AuthError, ConfigError, RetryLater

USERNAME, PASSWORD = "alice", "alices-app-password"
MAIL = b"From: Bob <bob@client.example>\r\nMessage-ID: <5@client.example>\r\n\r\nhello\r\n"


@pytest.fixture(scope="module")
def server() -> Iterator[ImapServer]:
    running = ImapServer(USERNAME, PASSWORD)
    running.start()
    yield running
    running.stop()


def connect(port: int, password: str = PASSWORD, **settings: Any) -> Connection:
    base = {"host": "127.0.0.1", "port": port, "tls": False, "username": USERNAME}
    return make_connection(
        {
            "connector": "imap",
            "settings": {**base, **settings},
            "secrets": {"password": password},
        }
    )


def read(connection: Connection) -> list[str]:
    """External ids of all pages."""
    pages = poll.read(connection, "messages", {})
    return [record.external_id for page in pages for record in page.records]


def test_a_refused_login_is_for_the_admin_and_hides_the_password(server: ImapServer) -> None:
    with pytest.raises(AuthError) as caught:
        read(connect(server.port, password="wrong-password"))
    assert USERNAME in caught.value.message
    assert "wrong-password" not in f"{caught.value.message} {caught.value.detail}"


def test_a_missing_folder_names_the_setting(server: ImapServer) -> None:
    with pytest.raises(ConfigError, match=r"settings\.folder"):
        read(connect(server.port, folder="Нет такой"))


def test_a_russian_folder_is_opened(server: ImapServer) -> None:
    with imaplib.IMAP4("127.0.0.1", server.port) as client:
        client.login(USERNAME, PASSWORD)
        client.create('"&BBcEMAQ6BDAENwRL-"')
    server.append(MAIL, '"&BBcEMAQ6BDAENwRL-"')
    assert read(connect(server.port, folder="Заказы")) == ["<5@client.example>"]


def test_a_login_beyond_ascii_works() -> None:
    running = ImapServer("алиса", 'пароль "с" \\ знаками')
    running.start()
    try:
        connection = connect(running.port, 'пароль "с" \\ знаками', username="алиса")
        assert read(connection) == []
    finally:
        running.stop()


def test_check_names_the_step_that_failed(server: ImapServer) -> None:
    def steps(connection: Connection) -> list[tuple[str, bool]]:
        return [(step.name, step.ok) for step in poll.check(connection)]

    assert steps(connect(server.port)) == [
        ("connect", True),
        ("tls", True),
        ("login", True),
        ("folder", True),
    ]
    assert steps(connect(server.port, password="wrong"))[-1] == ("login", False)
    assert steps(connect(server.port, folder="None"))[-1] == ("folder", False)
    assert steps(connect(server.port, tls=True))[-1] == ("tls", False)
    assert steps(connect(unused_port()))[-1] == ("connect", False)


def test_tls_trusts_the_companys_own_certificate_and_no_other(tmp_path: Path) -> None:
    certificate = self_signed(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    running = ImapServer(USERNAME, PASSWORD, context)
    running.start()
    try:
        trusted = connect(running.port, tls=True, ca_certificate=certificate)
        assert read(trusted) == []
        with pytest.raises(RetryLater, match="certificate"):
            read(connect(running.port, tls=True))
        with pytest.raises(ConfigError, match="PEM"):
            read(connect(running.port, tls=True, ca_certificate="not a certificate"))
    finally:
        running.stop()


def test_no_server_means_try_again() -> None:
    with pytest.raises(RetryLater):
        read(connect(unused_port()))


def test_the_metadata_address_is_never_called() -> None:
    with pytest.raises(AddressNotAllowed):
        read(connect(993, host="169.254.169.254"))


@pytest.mark.parametrize(
    ("script", "error"),
    [
        ([], RetryLater),
        ([b"SSH-2.0-OpenSSH_9.2\r\n"], RetryLater),
        ([b"* BYE too many connections\r\n"], RetryLater),
        ([b"* OK hi\r\n", b"* CAPABILITY IMAP4rev1\r\n@ OK done\r\n"], RetryLater),
        (
            [
                b"* OK hi\r\n",
                b"* CAPABILITY IMAP4rev1\r\n@ OK done\r\n",
                b"@ NO [UNAVAILABLE] Temporary authentication failure\r\n",
            ],
            RetryLater,
        ),
        (
            [
                b"* OK hi\r\n",
                b"* CAPABILITY IMAP4rev1\r\n@ OK done\r\n",
                b"@ NO [AUTHENTICATIONFAILED] Invalid credentials\r\n",
            ],
            AuthError,
        ),
        ([b"* OK hi\r\n", b"* CAPABILITY IMAP4rev1 LOGINDISABLED\r\n@ OK done\r\n"], ConfigError),
        (
            [
                b"* OK hi\r\n",
                b"* CAPABILITY IMAP4rev1\r\n@ OK done\r\n",
                b"@ OK in\r\n",
                b"* OK [UIDVALIDITY 1] .\r\n* OK [UIDNEXT 9] .\r\n@ OK open\r\n",
                b"* SEARCH 5\r\n@ OK done\r\n",
                b"* SEARCH\r\n@ OK done\r\n",
                b'* 1 FETCH (UID 5 RFC822.SIZE 9 INTERNALDATE "01-Jan-2026 00:00:00 +0000")\r\n'
                b"@ OK done\r\n",
                b"* 1 FETCH (UID 5 BODY[] {99999999999}\r\n",
            ],
            RetryLater,
        ),
    ],
    ids=["closes", "ssh", "bye", "gone", "unavailable", "refused", "tls-only", "endless"],
)
def test_a_server_that_fails_is_told_apart(script: list[bytes], error: type[Exception]) -> None:
    with scripted(script) as port, pytest.raises(error):
        read(connect(port))


def test_a_uid_behind_the_literal_is_found() -> None:
    script = [
        b"* OK hi\r\n",
        b"* CAPABILITY IMAP4rev1\r\n@ OK done\r\n",
        b"@ OK in\r\n",
        b"* OK [UIDVALIDITY 1] .\r\n@ OK open\r\n",
        b"* SEARCH 5\r\n@ OK done\r\n",
        b"* SEARCH 5\r\n@ OK done\r\n",
        b"* SEARCH\r\n@ OK done\r\n",
        b"* 1 FETCH (RFC822.SIZE 9 UID 5)\r\n* 1 FETCH (FLAGS (\\Seen))\r\n@ OK done\r\n",
        b"* 1 FETCH (BODY[] {%d}\r\n" % len(MAIL) + MAIL + b" UID 5)\r\n@ OK done\r\n",
    ]
    with scripted(script) as port:
        page = next(poll.read(connect(port), "messages", {}))
    assert [record.external_id for record in page.records] == ["<5@client.example>"]


def test_the_error_never_holds_the_password() -> None:
    script = [
        b"* OK hi\r\n",
        b"* CAPABILITY IMAP4rev1\r\n@ OK done\r\n",
        b"@ NO wrong password " + PASSWORD.encode() + b"\r\n",
    ]
    with scripted(script) as port, pytest.raises(AuthError) as caught:
        read(connect(port))
    assert PASSWORD not in caught.value.message


def unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class scripted:  # noqa: N801  # reads as a function where it is used
    """A server that says its lines one by one, after each line of the client; «@» is its tag."""

    def __init__(self, script: list[bytes]) -> None:
        self.script = script
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> int:
        self.thread.start()
        port: int = self.listener.getsockname()[1]
        return port

    def __exit__(self, *error: object) -> None:
        self.listener.close()
        self.thread.join(10)

    def _serve(self) -> None:
        client, _ = self.listener.accept()
        with suppress(OSError), client, client.makefile("rb") as lines:
            tag: bytes = b""
            for place, words in enumerate(self.script):
                if place:
                    tag = lines.readline().split(b" ", 1)[0]
                client.sendall(words.replace(b"@ ", tag + b" ") if tag else words)
            if self.script:
                lines.readline()


def self_signed(folder: Path) -> str:
    """Write cert.pem and key.pem for 127.0.0.1; the certificate as text."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail.example")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    text = certificate.public_bytes(serialization.Encoding.PEM)
    (folder / "cert.pem").write_bytes(text)
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return text.decode()


def test_the_client_says_goodbye_even_after_trouble(server: ImapServer) -> None:
    mailbox = protocol.Mailbox(connect(server.port))
    protocol.close(mailbox)
    protocol.close(mailbox)
    assert mailbox.client.state == "LOGOUT"

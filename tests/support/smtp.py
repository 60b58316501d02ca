"""An honest small SMTP server: takes letters, offers STARTTLS and logins, refuses as it is told."""

from __future__ import annotations

import base64
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from ipaddress import IPv4Address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from hub.store.database import utc_now

USER, PASSWORD = "hub@example.ru", "for programs only 42"


@dataclass
class Received:
    """A letter as it came."""

    sender: str
    recipient: str
    message: EmailMessage
    encrypted: bool
    logged_in: bool


@dataclass
class Receiver:
    """What the server heard, and how it behaves."""

    port: int = 0
    offers_tls: bool = False
    wants_login: bool = False
    #: {command: answers to give instead, one a time}: {"DATA": ["451 4.3.0 later"]}
    answers: dict[str, list[str]] = field(default_factory=dict)
    letters: list[Received] = field(default_factory=list)
    #: Set once a command of this name is on; it waits for `go_on` before it is answered.
    hold: str = ""
    held: threading.Event = field(default_factory=threading.Event)
    go_on: threading.Event = field(default_factory=threading.Event)


@contextmanager
def receiver(
    folder: Path | None = None, *, tls: bool = False, starttls: bool = False, login: bool = False
) -> Iterator[Receiver]:
    """A server on a free port; with `folder` its certificate is written to folder/ca.pem."""
    context = None
    if folder is not None:
        context = _context(folder)
    state = Receiver(offers_tls=starttls, wants_login=login)

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            try:
                if tls and context:
                    self.connection = context.wrap_socket(self.request, server_side=True)
                    self.rfile = self.connection.makefile("rb")
                _Talk(self, state, context, encrypted=tls).run()
            except (OSError, ValueError):
                return

        def finish(self) -> None:
            self.connection.close()

    class Server(socketserver.ThreadingTCPServer):
        allow_reuse_address = daemon_threads = True

        def handle_error(self, *_args: object) -> None:
            """A client that goes away is no news."""

    with Server(("127.0.0.1", 0), Handler) as server:
        state.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield state
        finally:
            state.go_on.set()
            server.shutdown()
            thread.join()


class _Talk:
    def __init__(
        self,
        handler: socketserver.StreamRequestHandler,
        state: Receiver,
        context: ssl.SSLContext | None,
        *,
        encrypted: bool,
    ) -> None:
        self.handler, self.state, self.context = handler, state, context
        self.encrypted, self.logged_in = encrypted, False
        self.sender, self.recipients = "", list[str]()

    def run(self) -> None:
        self.say("220 mx.example.ru ESMTP")
        while line := self.line():
            verb = line.split(" ")[0].upper()
            if verb == self.state.hold:
                self.state.held.set()
                self.state.go_on.wait()
            told = self.state.answers.get(verb)
            if told:
                answer = told.pop(0)
                if not answer:
                    return
                self.say(answer)
                continue
            if not self.obey(verb, line):
                return

    def obey(self, verb: str, line: str) -> bool:
        if verb in ("EHLO", "HELO"):
            self.say(*self.greeting())
        elif verb == "STARTTLS" and self.context:
            self.say("220 go ahead")
            self.handler.connection = self.context.wrap_socket(
                self.handler.request, server_side=True
            )
            self.handler.rfile = self.handler.connection.makefile("rb")
            self.encrypted = True
        elif verb == "AUTH":
            self.login(line)
        elif verb == "MAIL":
            self.sender, self.recipients = _address(line), []
            refused = self.state.wants_login and not self.logged_in
            self.say("530 5.7.0 log in first" if refused else "250 ok")
        elif verb == "RCPT":
            self.recipients.append(_address(line))
            self.say("250 ok")
        elif verb == "DATA":
            self.data()
        elif verb == "QUIT":
            self.say("221 bye")
            return False
        else:
            self.say("250 ok")
        return True

    def greeting(self) -> list[str]:
        words = ["mx.example.ru", "SMTPUTF8", "8BITMIME"]
        if self.state.offers_tls and not self.encrypted:
            words.append("STARTTLS")
        if self.state.wants_login:
            words.append("AUTH PLAIN")
        return [f"250-{word}" for word in words[:-1]] + [f"250 {words[-1]}"]

    def login(self, line: str) -> None:
        given = base64.b64decode(line.split(" ")[2]).decode().split("\0")
        self.logged_in = given[1:] == [USER, PASSWORD]
        self.say("235 ok" if self.logged_in else "535 5.7.8 bad credentials")

    def data(self) -> None:
        self.say("354 go on")
        lines = []
        while (raw := self.handler.rfile.readline()) not in (b".\r\n", b""):
            lines.append(raw.removeprefix(b".") if raw.startswith(b"..") else raw)
        message = message_from_bytes(b"".join(lines), policy=policy.default)
        for recipient in self.recipients:
            self.state.letters.append(
                Received(self.sender, recipient, message, self.encrypted, self.logged_in)
            )
        self.say("250 taken")

    def line(self) -> str:
        return self.handler.rfile.readline().decode("utf-8").strip()

    def say(self, *lines: str) -> None:
        self.handler.connection.sendall("".join(f"{line}\r\n" for line in lines).encode())


def _address(line: str) -> str:
    return line.partition("<")[2].partition(">")[0]


def _context(folder: Path) -> ssl.SSLContext:
    """A certificate for 127.0.0.1 that nobody trusts unless they are given ca.pem."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail of the tests")])
    now = utc_now()
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
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    public = certificate.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    (folder / "ca.pem").write_bytes(public)
    (folder / "both.pem").write_bytes(public + private)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "both.pem")
    return context

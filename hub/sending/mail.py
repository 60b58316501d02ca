"""One letter over SMTP. The server stands in hub.yml under `mail`; without it nothing is sent."""

from __future__ import annotations

import smtplib
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, make_msgid, parseaddr

import tenacity

from hub.sdk.errors import ConfigError, RetryLater
from hub.sending.mail_errors import translated
from hub.settings import Settings, secret_reference
from hub.store.database import utc_now

TLS, STARTTLS, NONE = SECURITIES = ("tls", "starttls", "none")
PORTS = {TLS: 465, STARTTLS: 587, NONE: 25}
#: Seconds for the connection and for each answer.
TIMEOUT_SECONDS = 15.0
TRIES = 3
KEYS = ("host", "port", "security", "username", "password", "from", "ca_file")


@dataclass(frozen=True)
class MailServer:
    """Where letters are handed in, and in whose name."""

    host: str
    port: int
    security: str
    sender: str
    username: str = ""
    password: str = field(default="", repr=False)
    ca_file: str = ""


@dataclass(frozen=True)
class Attachment:
    """A file that goes with a letter."""

    name: str
    content: bytes
    content_type: str = "application/octet-stream"


@dataclass(frozen=True)
class Letter:
    """A letter to one person. `message_id` stays the same when the letter is sent again, so that
    mail programs show it once; without one it is made here."""

    to: str
    subject: str
    text: str
    html: str = ""
    attachments: tuple[Attachment, ...] = ()
    message_id: str = ""


def server_of(settings: Settings) -> MailServer | None:
    """The mail server of hub.yml; None when none is set up. ConfigError says which key is wrong."""
    given = settings.option("mail", {})
    if not isinstance(given, dict):
        raise ConfigError("must be a table of names and values", place="hub.yml, mail")
    for name in given:
        if name not in KEYS:
            known = ", ".join(KEYS)
            raise ConfigError(
                f"unknown key «{name}»; allowed: {known}", place=f"hub.yml, mail.{name}"
            )
    host = str(given.get("host") or "").strip()
    if not host:
        return None
    security = str(given.get("security") or STARTTLS).lower()
    if security not in SECURITIES:
        raise ConfigError(f"must be one of {', '.join(SECURITIES)}", place="hub.yml, mail.security")
    port = given.get("port") or PORTS[security]
    if isinstance(port, bool) or not isinstance(port, int) or not 0 < port < 65536:
        raise ConfigError("must be a whole number", place="hub.yml, mail.port")
    username = str(given.get("username") or "")
    sender = str(given.get("from") or username)
    if "@" not in parseaddr(sender)[1]:
        raise ConfigError("is not an e-mail address", place="hub.yml, mail.from")
    password, ca_file = _password(str(given.get("password") or "")), str(given.get("ca_file") or "")
    return MailServer(host, port, security, sender, username, password, ca_file)


def required_server(settings: Settings) -> MailServer:
    """The mail server of hub.yml; ConfigError when none is set up."""
    server = server_of(settings)
    if server is None:
        raise ConfigError("no mail server is set up; name it in hub.yml, mail.host")
    return server


def _password(given: str) -> str:
    if not given.startswith(("env:", "file:")):
        return given
    found = secret_reference(given)
    if found is None:
        raise ConfigError(f"«{given}» gives nothing", place="hub.yml, mail.password")
    return found


def send(
    server: MailServer,
    letter: Letter,
    *,
    tries: int = TRIES,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Hand the letter in; returns once the server has taken it.

    Temporary failures are tried again, at most `tries` times in all. Raises RetryLater for what may
    pass by itself, AuthError, Rejected or ConfigError for what a person must mend.
    """
    message = message_of(server.sender, letter)
    attempt = tenacity.Retrying(
        stop=tenacity.stop_after_attempt(max(1, tries)),
        wait=tenacity.wait_random_exponential(multiplier=0.5, max=5),
        retry=tenacity.retry_if_exception_type(RetryLater),
        sleep=sleep,
        reraise=True,
    )
    attempt(_hand_in, server, message, letter.to)


def check(server: MailServer) -> None:
    """Connect and log in without sending anything. Raises as `send` does."""
    with translated(server.host, server.port), _session(server) as session:
        session.noop()


def _hand_in(server: MailServer, message: EmailMessage, recipient: str) -> None:
    with translated(server.host, server.port, recipient), _session(server) as session:
        session.send_message(message, parseaddr(server.sender)[1], [_ascii_domain(recipient)])


@contextmanager
def _session(server: MailServer) -> Iterator[smtplib.SMTP]:
    context = ssl.create_default_context(cafile=server.ca_file or None)
    name = socket.gethostname()
    session: smtplib.SMTP
    if server.security == TLS:
        session = smtplib.SMTP_SSL(
            server.host, server.port, name, timeout=TIMEOUT_SECONDS, context=context
        )
    else:
        session = smtplib.SMTP(server.host, server.port, name, timeout=TIMEOUT_SECONDS)
    try:
        if server.security == STARTTLS:
            session.starttls(context=context)
        if server.username:
            session.login(server.username, server.password)
        yield session
    finally:
        # What was taken stays taken, whatever becomes of the farewell.
        try:
            session.quit()
        except (OSError, smtplib.SMTPException):
            session.close()


def message_of(sender: str, letter: Letter) -> EmailMessage:
    """The letter as it goes over the wire."""
    message = EmailMessage(policy=SMTP)
    name, address = parseaddr(sender)
    message["From"] = Address(_one_line(name), addr_spec=_ascii_domain(address))
    message["To"] = Address(addr_spec=_ascii_domain(letter.to))
    message["Subject"] = _one_line(letter.subject)
    message["Date"] = format_datetime(utc_now())
    domain = _ascii_domain(address).rpartition("@")[2]
    message["Message-ID"] = letter.message_id or make_msgid(domain=domain)
    # No holiday notice need answer a program.
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(letter.text)
    if letter.html:
        message.add_alternative(letter.html, subtype="html")
    for item in letter.attachments:
        main, _, sub = item.content_type.partition("/")
        message.add_attachment(item.content, maintype=main, subtype=sub, filename=item.name)
    return message


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _ascii_domain(address: str) -> str:
    """The address with its domain as mail servers spell it: почта.рф → xn--80a1acny.xn--p1ai."""
    local, _, domain = address.strip().rpartition("@")
    try:
        return f"{local}@{domain.encode('idna').decode('ascii')}"
    except UnicodeError as error:
        raise ConfigError("is not an e-mail address", place=address) from error

"""A mailbox over IMAP (RFC 3501): open it read-only, search UIDs, fetch sizes and bytes.

Built on imap-tools. The host was set by an admin and may be private; every resolved address still
passes the address guard. Foreign exceptions are translated here: RetryLater (unreachable, busy,
TLS), AuthError (login refused), ConfigError (folder, settings).
"""

from __future__ import annotations

import imaplib
import re
import socket
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from imap_tools import AND, BaseMailBox, U
from imap_tools.errors import (
    ImapToolsError,
    MailboxFolderSelectError,
    MailboxLoginError,
    UnexpectedCommandStatusError,
)

from hub.sdk.connection import Connection
from hub.sdk.errors import AuthError, ConfigError, HubError, RetryLater
from hub.sdk.http import check_address

TIMEOUT_SECONDS = 30.0
MEGABYTE = 1024 * 1024
#: A server that says «come again later» while it says NO (RFC 5530).
_PASSING = re.compile(
    r"\[(?:UNAVAILABLE|INUSE|LIMIT|SERVERBUG|OVERQUOTA)\]|try (?:again )?later|too many|temporar",
    re.IGNORECASE,
)
_UID = re.compile(rb"\bUID (\d+)")
_SIZE = re.compile(rb"\bRFC822\.SIZE (\d+)")
_ARRIVED = re.compile(rb'\bINTERNALDATE "([^"]{10,40})"')


@dataclass(frozen=True)
class Listed:
    """One mail as the server lists it: UID, size, and when it arrived (INTERNALDATE)."""

    uid: int
    size_bytes: int
    arrived_at: datetime | None


class _Bounded:
    """What both kinds of client share: the guarded socket and a limit on one literal."""

    host: str
    port: int
    max_literal_bytes = 4 * MEGABYTE

    def _connected(self, timeout: float | None) -> socket.socket:
        last: OSError | None = None
        for entry in socket.getaddrinfo(self.host, self.port, 0, socket.SOCK_STREAM):
            address = str(entry[4][0])
            check_address(self.host, address, [], trusted=True)
            try:
                return socket.create_connection((address, self.port), timeout)
            except OSError as error:
                last = error
        raise last or OSError(f"{self.host} has no address")

    def read(self, size: int) -> bytes:
        """Read a literal; a server must not make the hub take any amount of memory."""
        if size > self.max_literal_bytes:
            raise imaplib.IMAP4.abort(f"the server sends {size} bytes at once")
        data: bytes = super().read(size)  # type: ignore[misc]  # imaplib's read, mixed in below
        return data


class _PlainClient(_Bounded, imaplib.IMAP4):
    def _create_socket(self, timeout: float | None) -> socket.socket:
        return self._connected(timeout)


class _TlsClient(_Bounded, imaplib.IMAP4_SSL):
    def _create_socket(self, timeout: float | None) -> socket.socket:
        raw = self._connected(timeout)
        context: ssl.SSLContext = self.ssl_context
        try:
            return context.wrap_socket(raw, server_hostname=self.host)
        except BaseException:
            raw.close()
            raise


def limit_mb(connection: Connection) -> int:
    """The largest mail this connection takes, in megabytes."""
    return int(connection.settings.get("max_message_mb") or 25)


class Mailbox(BaseMailBox):
    """One connection to the server of a hub connection; log in and open a folder after it."""

    def __init__(self, connection: Connection) -> None:
        self.host = str(connection.setting("host"))
        self.port = int(connection.setting("port"))
        self.is_tls = bool(connection.settings.get("tls", True))
        self.certificate = str(connection.settings.get("ca_certificate") or "")
        self.max_literal_bytes = (1 + limit_mb(connection)) * MEGABYTE
        super().__init__()

    def _get_mailbox_client(self) -> imaplib.IMAP4:
        client = self._client()
        client.max_literal_bytes = self.max_literal_bytes
        return client

    def _client(self) -> _PlainClient | _TlsClient:
        if not self.is_tls:
            return _PlainClient(self.host, self.port, TIMEOUT_SECONDS)
        try:
            context = ssl.create_default_context(cadata=self.certificate or None)
        except (ssl.SSLError, ValueError) as error:
            raise ConfigError(
                "is not a certificate in PEM form", place="settings.ca_certificate"
            ) from error
        return _TlsClient(self.host, self.port, ssl_context=context, timeout=TIMEOUT_SECONDS)

    def sign_in(self, username: str, password: str) -> None:
        """Log in, with letters beyond ASCII too; AuthError when the server refuses for good."""
        if not self.is_tls and "LOGINDISABLED" in self.client.capabilities:
            raise ConfigError("the server takes logins only over TLS", place="settings.tls")
        # LOGIN carries ASCII only; AUTHENTICATE PLAIN takes any text and no line can break out.
        is_plain = all(text.isascii() and text.isprintable() for text in (username, password))
        try:
            (self.login if is_plain else self.login_utf8)(username, password, None)
        except imaplib.IMAP4.abort:
            raise
        except (MailboxLoginError, imaplib.IMAP4.error) as error:
            said = _words(error).replace(password, "…") if password else _words(error)
            if _PASSING.search(said):
                raise RetryLater(f"{self.host} does not let in just now: {said}") from error
            raise AuthError(f"{self.host} refused the login of {username}: {said}") from error

    def open_folder(self, folder: str) -> tuple[int, int]:
        """Open a folder read-only, so that no mail becomes «seen»; (UIDVALIDITY, UIDNEXT).

        ConfigError when there is no such folder.
        """
        try:
            self.folder.set(folder, readonly=True)
        except MailboxFolderSelectError as error:
            said = _words(error)
            if _PASSING.search(said):
                raise RetryLater(f"{self.host} cannot open «{folder}» just now: {said}") from error
            raise ConfigError(f"cannot open «{folder}»: {said}", place="settings.folder") from error
        # Old servers do not tell UIDNEXT.
        following = self._told("UIDNEXT") or max(self.search(1), default=0) + 1
        return self._told("UIDVALIDITY"), following

    def _told(self, code: str) -> int:
        value = self.client.response(code)[1][0]
        return int(value) if value else 0

    def search(self, first: int, last: int | None = None, since: date | None = None) -> list[int]:
        """UIDs from `first` to `last` (or the end), of mails that arrived on or after `since`."""
        span = U(str(first), str(last or "*"))
        query = AND(uid=span, date_gte=since) if since else AND(uid=span)
        # «n:*» always names the last mail, even when its UID is below n: so filtered here again.
        return sorted(
            uid
            for uid in map(int, self.uids(query, charset=None))
            if uid >= first and (last is None or uid <= last)
        )

    def listed(self, uids: Sequence[int]) -> list[Listed]:
        """Size and arrival of each mail that is still there, in the order of UIDs."""
        found = {}
        for head, _ in self._fetched(uids, "(UID RFC822.SIZE INTERNALDATE)"):
            if uid := _UID.search(head):
                size, arrived = _SIZE.search(head), _ARRIVED.search(head)
                found[int(uid[1])] = Listed(
                    int(uid[1]),
                    int(size[1]) if size else 0,
                    _moment(arrived[1] if arrived else b""),
                )
        return [found[uid] for uid in uids if uid in found]

    def bodies(self, uids: Sequence[int]) -> dict[int, bytes]:
        """The whole bytes of each mail, unread marks untouched."""
        return {
            int(uid[1]): body
            for head, body in self._fetched(uids, "(UID BODY.PEEK[])")
            if body is not None and (uid := _UID.search(head))
        }

    def _fetched(self, uids: Sequence[int], parts: str) -> Iterator[tuple[bytes, bytes | None]]:
        """(what stands around the literal, the literal) of each reply line to one FETCH."""
        if not uids:
            return
        status, data = self.client.uid("FETCH", ",".join(map(str, uids)), parts)
        if status != "OK":
            raise UnexpectedCommandStatusError((status, data), "OK")
        head, body = b"", None
        items: list[Any] = [*data, None]
        for place, item in enumerate(items):
            if isinstance(item, tuple):
                head, body = bytes(item[0]), bytes(item[1])
                # The line goes on behind the literal; some servers put the UID there.
                tail = items[place + 1]
                yield head + b" " + (tail if isinstance(tail, bytes) else b""), body
            elif isinstance(item, bytes) and not (place and isinstance(items[place - 1], tuple)):
                yield item, None


@contextmanager
def translated(host: str) -> Iterator[None]:
    """Turn what the network, TLS and imaplib raise into the hub's errors."""
    try:
        yield
    except HubError:
        raise
    except ssl.SSLError as error:
        raise RetryLater(
            f"TLS with {host} failed: check the port and the certificate "
            f"({getattr(error, 'verify_message', '') or error.reason or error})",
            detail="tls",
        ) from error
    except TimeoutError as error:
        raise RetryLater(f"{host} did not answer in time", detail="transport") from error
    except (OSError, UnicodeError) as error:
        raise RetryLater(f"{host} cannot be reached: {error}", detail="transport") from error
    except (imaplib.IMAP4.error, ImapToolsError) as error:
        raise RetryLater(f"{host} broke off: {_words(error)}") from error


@contextmanager
def opened(connection: Connection) -> Iterator[tuple[Mailbox, int, int]]:
    """The connection's folder, opened read-only: (mailbox, UIDVALIDITY, UIDNEXT); closed after."""
    host = str(connection.setting("host"))
    with translated(host):
        mailbox = Mailbox(connection)
        try:
            mailbox.sign_in(str(connection.setting("username")), connection.secrets["password"])
            folder = str(connection.settings.get("folder") or "INBOX")
            validity, following = mailbox.open_folder(folder)
            yield mailbox, validity, following
        finally:
            close(mailbox)


def close(mailbox: Mailbox) -> None:
    """Say goodbye; a server that has already gone is no trouble."""
    with suppress(OSError, imaplib.IMAP4.error, ImapToolsError):
        mailbox.logout()


def _moment(text: bytes) -> datetime | None:
    try:
        return parsedate_to_datetime(text.decode("ascii", "replace")).astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _words(error: Exception) -> str:
    """What the server said, as text."""
    result = getattr(error, "command_result", None) or (None, error.args)
    pieces = result[1] if isinstance(result[1], list | tuple) else [result[1]]
    said = " ".join(
        piece.decode("utf-8", "replace") if isinstance(piece, bytes) else str(piece)
        for piece in pieces
        if piece
    )
    return said[:300] or type(error).__name__

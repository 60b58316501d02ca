"""Read a mailbox: new mails by UID, each once, nothing in the box is changed.

The cursor is {uidvalidity, last_uid, read_on} plus, while the first read is under way,
{backfill_since, backfill_until}. Folder and account belong to the connection.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from connectors._protocols.imap import (
    MEGABYTE,
    Listed,
    Mailbox,
    close,
    limit_mb,
    opened,
    translated,
)
from connectors._protocols.mail import message_record, read_mail
from hub.sdk.connection import Connection
from hub.sdk.errors import ConfigError, HubError, PayloadError
from hub.sdk.records import CheckStep, Page, SourceRecord

PAGE_SIZE = 50
#: One FETCH brings at most about this much, so that fifty large mails do not fill the memory.
FETCH_BYTES = 16 * MEGABYTE


def read(connection: Connection, stream: str, cursor: Mapping[str, Any]) -> Iterator[Page]:
    """Pages of mails behind the cursor; the last page may be empty and only moves the cursor.

    A mail that is too large or cannot be read is listed in the page's `rejected` with its UID.
    Raises RetryLater, AuthError or ConfigError.
    """
    if stream != "messages":
        raise ConfigError(f"there is no stream «{stream}», only «messages»")
    with opened(connection) as (mailbox, validity, following):
        place = _place(connection, cursor, validity, following)
        for uids in _pieces(_behind(mailbox, place)):
            records, rejected = _read_piece(connection, mailbox, uids)
            place = {**place, "last_uid": uids[-1]}
            yield Page(records, cursor=place, rejected=rejected)
        place["last_uid"] = max(place["last_uid"], place.pop("backfill_until", 0))
        place.pop("backfill_since", None)
        yield Page([], cursor=place)


def history(connection: Connection, since: datetime, until: datetime) -> Iterator[SourceRecord]:
    """The mails that arrived in the period, for reconciliation; unreadable ones are left out."""
    with opened(connection) as (mailbox, _, _):
        # The server compares days in its own zone, so a day more is asked and arrival decides.
        uids = mailbox.search(1, since=(since - timedelta(days=1)).date())
        for piece in _pieces(uids):
            inside = [
                item.uid
                for item in mailbox.listed(piece)
                if item.arrived_at and since <= item.arrived_at < until
            ]
            yield from _read_piece(connection, mailbox, inside)[0]


def cursor_since(
    connection: Connection, stream: str, cursor: Mapping[str, Any], since: datetime
) -> Mapping[str, Any] | None:
    """Mails from that day on, and at least those of the first read; known ones do not double."""
    return {"read_on": str(since.date() + timedelta(days=2))}


def check(connection: Connection) -> Iterable[CheckStep]:
    """Test the connection step by step: connect, TLS, login, folder."""
    host = str(connection.setting("host"))
    done: list[CheckStep] = []
    try:
        with translated(host):
            mailbox = Mailbox(connection)
    except HubError as error:
        if error.detail == "tls":
            done.append(CheckStep("connect", True))
        return [*done, CheckStep("tls" if done else "connect", False, error.message)]
    done.append(CheckStep("connect", True, f"{host}:{mailbox.port}"))
    if mailbox.is_tls:
        done.append(CheckStep("tls", True))
    else:
        done.append(CheckStep("tls", True, "off: the password goes unencrypted"))
    step = "login"
    try:
        with translated(host):
            mailbox.sign_in(str(connection.setting("username")), connection.secrets["password"])
            done.append(CheckStep("login", True))
            step = "folder"
            mailbox.open_folder(str(connection.settings.get("folder") or "INBOX"))
            done.append(CheckStep("folder", True))
    except HubError as error:
        done.append(CheckStep(step, False, error.message))
    finally:
        close(mailbox)
    return done


def _place(
    connection: Connection, cursor: Mapping[str, Any], validity: int, following: int
) -> dict[str, Any]:
    """Where to read on: the cursor, or the beginning when there is none or the UIDs are new.

    New UIDs (another UIDVALIDITY) mean that every number is void: the mails are read again by date,
    at least from the last read on, and their Message-ID keeps them from doubling.
    """
    today = datetime.now(UTC).date()
    if cursor and cursor.get("uidvalidity") == validity:
        return {**cursor, "last_uid": int(cursor.get("last_uid") or 0), "read_on": str(today)}
    since = today - timedelta(days=int(connection.settings.get("since_days") or 0) + 1)
    if cursor.get("read_on"):
        since = min(since, date.fromisoformat(str(cursor["read_on"])) - timedelta(days=2))
    return {
        "uidvalidity": validity,
        "last_uid": 0,
        "read_on": str(today),
        "backfill_since": str(since),
        "backfill_until": max(0, following - 1),
    }


def _behind(mailbox: Mailbox, place: Mapping[str, Any]) -> list[int]:
    """The UIDs to read: what is left of the first read by date, then all that is newer."""
    first = int(place["last_uid"]) + 1
    if "backfill_since" not in place:
        return mailbox.search(first)
    since, until = date.fromisoformat(place["backfill_since"]), int(place["backfill_until"])
    old = mailbox.search(first, until, since) if first <= until else []
    return old + mailbox.search(max(first, until + 1))


def _pieces(uids: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(uids), PAGE_SIZE):
        yield uids[start : start + PAGE_SIZE]


def _read_piece(
    connection: Connection, mailbox: Mailbox, uids: Sequence[int]
) -> tuple[list[SourceRecord], list[tuple[str, str]]]:
    most_mb = limit_mb(connection)
    listed = mailbox.listed(uids)
    rejected = [
        (
            f"uid {item.uid}",
            f"the mail is {item.size_bytes // MEGABYTE} MB, larger than max_message_mb={most_mb}",
        )
        for item in listed
        if item.size_bytes > most_mb * MEGABYTE
    ]
    records = []
    for group in _groups([item for item in listed if item.size_bytes <= most_mb * MEGABYTE]):
        bodies = mailbox.bodies([item.uid for item in group])
        for item in group:
            try:
                records.append(_record(item, bodies.get(item.uid)))
            except PayloadError as error:
                rejected.append((f"uid {item.uid}", error.message))
    return records, rejected


def _groups(listed: Sequence[Listed]) -> Iterator[list[Listed]]:
    """Mails to fetch at once, by their summed size."""
    group: list[Listed] = []
    for item in listed:
        if group and sum(one.size_bytes for one in [*group, item]) > FETCH_BYTES:
            yield group
            group = []
        group.append(item)
    if group:
        yield group


def _record(item: Listed, body: bytes | None) -> SourceRecord:
    if body is None:
        raise PayloadError("the server lists the mail and does not give it")
    arrived_at = item.arrived_at or datetime.now(UTC)
    return message_record({**read_mail(body, arrived_at), "uid": item.uid})

"""Reading a mailbox from a real IMAP server: each mail once, nothing lost, nothing marked."""

from __future__ import annotations

import imaplib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connectors.imap import poll
from connectors.imap.emulator import MAILS, Emulator, ImapServer
from hub.registry import make_connection
from hub.sdk.connection import Connection
from hub.sdk.errors import ConfigError
from hub.sdk.records import Page

USERNAME, PASSWORD = "alice", "alices-app-password"


@pytest.fixture
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


def a_mail(number: int, body: str = "hello") -> bytes:
    return (
        f"From: Bob <bob@client.example>\nTo: alice@shop.example\nSubject: Mail {number}\n"
        f"Message-ID: <{number}@client.example>\nDate: Mon, 12 Jan 2026 12:00:00 +0300\n\n{body}\n"
    ).encode()


def read(connection: Connection, cursor: Any = None) -> tuple[list[str], dict[str, Any]]:
    """External ids of all pages, and the last cursor."""
    pages = list(poll.read(connection, "messages", cursor or {}))
    found = [record.external_id for page in pages for record in page.records]
    return found, dict(pages[-1].cursor)


def ids(*numbers: int) -> list[str]:
    return [f"<{number}@client.example>" for number in numbers]


def test_the_emulated_mailbox_is_read_whole_and_once() -> None:
    emulator = Emulator()
    emulator.start()
    try:
        connection = make_connection(emulator.connection())
        pages = list(poll.read(connection, "messages", {}))
        records = [record for page in pages for record in page.records]
        assert len(records) == emulator.expected()["message"] == len(MAILS)
        assert [record.data["kind"] for record in records].count("mail") == 5
        subjects = {record.data["subject"] for record in records}
        assert {"Предложение по заказу N 145", "Когда будет отгрузка по счёту 77?"} <= subjects
        assert all(record.occurred_at and record.occurred_at.tzinfo for record in records)
        assert read(connection, pages[-1].cursor)[0] == []
    finally:
        emulator.stop()


def test_new_mails_are_read_from_the_cursor_on(server: ImapServer) -> None:
    connection = connect(server.port)
    assert read(connection) == ([], {**read(connection)[1]})
    server.append(a_mail(1))
    first, cursor = read(connection)
    assert first == ids(1)
    # «n:*» names the last mail again: it must not come twice.
    assert read(connection, cursor)[0] == []
    server.append(a_mail(2))
    server.append(a_mail(3))
    assert read(connection, cursor)[0] == ids(2, 3)


def test_reading_leaves_the_mails_unread(server: ImapServer) -> None:
    server.append(a_mail(1))
    read(connect(server.port))
    with imaplib.IMAP4("127.0.0.1", server.port) as client:
        client.login(USERNAME, PASSWORD)
        client.select("INBOX", readonly=True)
        assert client.search(None, "UNSEEN")[1] == [b"1"]


def test_the_first_read_goes_back_only_so_many_days(server: ImapServer) -> None:
    server.append(a_mail(1), arrived_at=datetime.now(UTC) - timedelta(days=90))
    server.append(a_mail(2))
    found, cursor = read(connect(server.port, since_days=30))
    assert found == ids(2)
    # A mail moved into the folder later is new to us, whenever it once arrived.
    server.append(a_mail(3), arrived_at=datetime.now(UTC) - timedelta(days=200))
    assert read(connect(server.port, since_days=30), cursor)[0] == ids(3)


def test_an_interrupted_read_goes_on_where_it_stopped(
    server: ImapServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(poll, "PAGE_SIZE", 2)
    connection = connect(server.port)
    server.append(a_mail(0), arrived_at=datetime.now(UTC) - timedelta(days=90))
    for number in (1, 2, 3, 4, 5):
        server.append(a_mail(number))
    server.append(a_mail(6), arrived_at=datetime.now(UTC) - timedelta(days=90))
    pages = poll.read(connection, "messages", {})
    first: Page = next(pages)
    pages.close()  # type: ignore[attr-defined]  # read is a generator; the contract promises less
    assert [record.external_id for record in first.records] == ids(1, 2)
    server.append(a_mail(7))
    rest, cursor = read(connection, first.cursor)
    assert rest == ids(3, 4, 5, 7)
    assert read(connection, cursor)[0] == []


def test_every_cursor_covers_only_what_was_given(
    server: ImapServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(poll, "PAGE_SIZE", 2)
    for number in range(5):
        server.append(a_mail(number))
    connection, given = connect(server.port), []
    for page in poll.read(connection, "messages", {}):
        given += [record.external_id for record in page.records]
        assert given + read(connection, page.cursor)[0] == ids(0, 1, 2, 3, 4)


def test_new_uids_make_it_read_again_by_date(server: ImapServer) -> None:
    with imaplib.IMAP4("127.0.0.1", server.port) as client:
        client.login(USERNAME, PASSWORD)
        client.create("Orders")
        connection = connect(server.port, folder="Orders")
        for number in (1, 2, 3):
            server.append(a_mail(number), "Orders")
        before, cursor = read(connection)
        client.delete("Orders")
        client.create("Orders")
    for number in (2, 3, 4):
        server.append(a_mail(number), "Orders")
    after, moved = read(connection, cursor)
    assert before == ids(1, 2, 3)
    assert after == ids(2, 3, 4)
    assert moved["uidvalidity"] != cursor["uidvalidity"]


def test_a_long_pause_before_new_uids_loses_nothing(server: ImapServer) -> None:
    server.append(a_mail(1), arrived_at=datetime.now(UTC) - timedelta(days=50))
    silent_since = (datetime.now(UTC) - timedelta(days=60)).date()
    cursor = {"uidvalidity": 1, "last_uid": 9, "read_on": str(silent_since)}
    assert read(connect(server.port, since_days=3), cursor)[0] == ids(1)


def test_a_giant_is_refused_and_the_rest_is_read(server: ImapServer) -> None:
    server.append(a_mail(1))
    server.append(a_mail(2, body="x" * 1_200_000))
    server.append(a_mail(3))
    page = next(iter(poll.read(connect(server.port, max_message_mb=1), "messages", {})))
    assert [record.external_id for record in page.records] == ids(1, 3)
    ((place, reason),) = page.rejected
    assert place.startswith("uid ")
    assert "max_message_mb=1" in reason


def test_large_mails_are_fetched_in_several_goes(
    server: ImapServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(poll, "FETCH_BYTES", 1_000)
    for number in (1, 2, 3):
        server.append(a_mail(number, body="x" * 800))
    assert read(connect(server.port))[0] == ids(1, 2, 3)


def test_a_mail_that_cannot_be_read_blocks_nothing(server: ImapServer) -> None:
    server.append(a_mail(1))
    deep = b"From: a@b.example\n" + b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (level, level)
        for level in range(60)
    )
    server.append(deep)
    server.append(a_mail(2))
    page = next(iter(poll.read(connect(server.port), "messages", {})))
    assert [record.external_id for record in page.records] == ids(1, 2)
    assert "levels" in page.rejected[0][1]


def test_history_gives_the_mails_of_a_period(server: ImapServer) -> None:
    now = datetime.now(UTC)
    for number, days in ((1, 10), (2, 5), (3, 1)):
        server.append(a_mail(number), arrived_at=now - timedelta(days=days))
    found = poll.history(connect(server.port), now - timedelta(days=7), now - timedelta(days=3))
    assert [record.external_id for record in found] == ids(2)


def test_only_one_stream_is_there(server: ImapServer) -> None:
    with pytest.raises(ConfigError, match="messages"):
        list(poll.read(connect(server.port), "orders", {}))

"""Reports by mail: each slot once to each person, whatever dies on the way."""

from __future__ import annotations

import multiprocessing
import os
import signal
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select, update

from hub.flow import report_mail as sending
from hub.sending.mail import Letter
from hub.settings import Settings
from hub.store import report_mail, users
from hub.store.database import utc_now
from hub.store.models import report_letters, report_subscriptions
from hub.store.models import users as users_table
from hub.store.report_mail import Task, next_due
from hub.store.store import Store
from hub.web.report_letters import compose
from tests.support.people import BORIS, VERA
from tests.support.rows import Rows
from tests.support.smtp import Receiver, receiver

ZONE = ZoneInfo("Europe/Moscow")
#: How long ago the slot came.
LATE = timedelta(minutes=5)
#: Longer than any child needs.
PATIENCE_SECONDS = 60


@pytest.fixture
def server() -> Iterator[Receiver]:
    """The company's mail server."""
    with receiver() as found:
        yield found


def mailing(store: Store, server: Receiver) -> Store:
    """The same store of a hub whose letters go to this server."""
    mail = {"host": "127.0.0.1", "port": server.port, "security": "none", "from": "hub@example.ru"}
    settings = replace(store.settings, file={"mail": mail, "site": {"url": "https://hub.example"}})
    return Store(settings, store.database, store.vault)


def subscribed(store: Store, *who: Any, report: str = "calls") -> list[int]:
    """Colleagues who get a report of yesterday, the slot of which has come; their ids."""
    ids = [users.create_user(store.database, one.email, one.name, one.role)[0] for one in who]
    with store.database.write() as db:
        report_mail.subscribe(db, report, "day", 9, ids, ids[0], ZONE)
        db.execute(update(report_subscriptions).values(due_at=utc_now() - LATE))
    return ids


def letters(store: Store) -> list[Any]:
    with store.database.read() as db:
        return list(db.execute(select(report_letters).order_by(report_letters.c.id)))


def short(_store: Store, task: Task) -> Letter:
    return Letter(
        to=task.email, subject="отчёт", text="числа", message_id=f"<{task.letter_id}@x.invalid>"
    )


@pytest.mark.parametrize(
    ("rhythm", "after", "due"),
    [
        ("day", "2026-11-26T05:59:59", "2026-11-26T06:00:00"),
        ("day", "2026-11-26T06:00:00", "2026-11-27T06:00:00"),
        ("week", "2026-11-26T06:00:00", "2026-11-30T06:00:00"),
        ("month", "2026-11-26T06:00:00", "2026-12-01T06:00:00"),
    ],
)
def test_when_the_next_letter_is_due(rhythm: str, after: str, due: str) -> None:
    moment = datetime.fromisoformat(after).replace(tzinfo=UTC)
    assert next_due(rhythm, 9, moment, ZONE) == datetime.fromisoformat(due).replace(tzinfo=UTC)


def test_a_slot_reaches_each_person_once_with_their_own_numbers(
    store: Store, server: Receiver, rows: Rows
) -> None:
    yesterday = (utc_now() - LATE).astimezone(ZONE) - timedelta(days=1)
    for manager in (VERA.email, VERA.email, BORIS.email):
        rows.record(
            "call",
            direction="in",
            status="missed",
            manager=manager,
            from_number="+79161234567",
            started_at=yesterday,
        )
    hub = mailing(store, server)
    subscribed(hub, BORIS, VERA)
    assert sending.send_due(hub, compose) == 2
    assert sending.send_due(hub, compose) == 0
    of_boris, of_vera = sorted(server.letters, key=lambda one: one.recipient)
    assert [of_boris.recipient, of_vera.recipient] == [BORIS.email, VERA.email]
    for letter, number in ((of_boris, 3), (of_vera, 2)):
        body = letter.message.get_body(("plain",))
        assert body is not None
        assert f"Пропущенные: {number}" in body.get_content()
        assert "https://hub.example/reports/calls?" in body.get_content()
        files = {part.get_filename(): part for part in letter.message.iter_attachments()}
        with zipfile.ZipFile(BytesIO(files["Звонки, по менеджерам.xlsx"].get_content())) as book:
            assert VERA.name in book.read("xl/worksheets/sheet1.xml").decode()
    assert {row.status for row in letters(hub)} == {"sent"}


def test_what_was_slept_through_comes_once(sqlite_store: Store, server: Receiver) -> None:
    hub = mailing(sqlite_store, server)
    subscribed(hub, BORIS)
    with hub.database.write() as db:
        db.execute(update(report_subscriptions).values(due_at=utc_now() - timedelta(days=9)))
    assert sending.send_due(hub, short) == 1
    with hub.database.read() as db:
        assert db.execute(select(report_subscriptions.c.due_at)).scalar_one() > utc_now()


def test_a_mail_server_that_is_not_ready_is_tried_again_later(
    sqlite_store: Store, server: Receiver
) -> None:
    hub = mailing(sqlite_store, server)
    subscribed(hub, BORIS)
    server.answers = {"MAIL": ["451 4.3.0 later"] * 3, "RCPT": ["550 5.1.1 no such user"]}
    hasty = pytest.MonkeyPatch()
    hasty.setattr("time.sleep", lambda _seconds: None)
    try:
        assert sending.send_due(hub, short) == 0
    finally:
        hasty.undo()
    [row] = letters(hub)
    assert (row.status, row.tries) == ("waiting", 1)
    assert "is not ready: 451" in row.error
    assert row.try_at > utc_now()
    with hub.database.write() as db:
        db.execute(update(report_letters).values(try_at=utc_now()))
    assert sending.send_due(hub, short) == 0
    [row] = letters(hub)
    assert row.status == "failed"
    assert f"does not take letters to {BORIS.email}" in row.error


def test_without_a_mail_server_a_letter_fails_in_words(sqlite_store: Store) -> None:
    subscribed(sqlite_store, BORIS)
    assert sending.send_due(sqlite_store, short) == 0
    [row] = letters(sqlite_store)
    assert (row.status, row.error) == (
        "failed",
        "no mail server is set up; name it in hub.yml, mail.host",
    )


def die_before_sending(settings: Settings) -> None:
    def last_words(_store: Store, _task: Task) -> Letter:
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError

    sending.send_due(Store.open(settings), last_words)


def send_and_wait(settings: Settings) -> None:
    sending.send_due(Store.open(settings), short)


def child(work: Any, settings: Settings) -> Any:
    process = multiprocessing.get_context("fork").Process(target=work, args=(settings,))
    process.start()
    return process


def test_a_death_between_the_claim_and_the_sending(sqlite_store: Store, server: Receiver) -> None:
    hub = mailing(sqlite_store, server)
    subscribed(hub, BORIS)
    process = child(die_before_sending, hub.settings)
    process.join(PATIENCE_SECONDS)
    assert process.exitcode == -signal.SIGKILL
    [row] = letters(hub)
    assert (row.status, row.tries) == ("waiting", 1)
    assert server.letters == []
    # The dead one's lease is seen to be nobody's: nothing is waited for.
    assert sending.send_due(hub, short) == 1
    assert sending.send_due(hub, short) == 0
    assert len(server.letters) == 1


def test_a_death_after_the_server_took_the_letter(sqlite_store: Store, server: Receiver) -> None:
    hub = mailing(sqlite_store, server)
    subscribed(hub, BORIS)
    server.hold = "QUIT"
    process = child(send_and_wait, hub.settings)
    assert server.held.wait(PATIENCE_SECONDS)
    os.kill(process.pid, signal.SIGKILL)
    process.join(PATIENCE_SECONDS)
    server.hold = ""
    assert sending.send_due(hub, short) == 1
    # The same letter, by its id: the reader's mail program shows one.
    assert len({one.message["Message-ID"] for one in server.letters}) == 1


def test_two_senders_at_once_send_one_letter(sqlite_store: Store, server: Receiver) -> None:
    hub = mailing(sqlite_store, server)
    subscribed(hub, BORIS)
    server.hold = "DATA"
    process = child(send_and_wait, hub.settings)
    assert server.held.wait(PATIENCE_SECONDS)
    assert sending.send_due(hub, short) == 0
    server.go_on.set()
    process.join(PATIENCE_SECONDS)
    assert process.exitcode == 0
    assert len(server.letters) == 1


def test_nobody_who_has_left_gets_a_letter(sqlite_store: Store, server: Receiver) -> None:
    hub = mailing(sqlite_store, server)
    subscribed(hub, BORIS)
    with hub.database.write() as db:
        db.execute(update(users_table).values(is_active=False))
    assert sending.send_due(hub, short) == 0
    assert server.letters == []

"""Reminders of tasks by mail: to whom asked for them, once for each task, whatever dies."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from hub.flow import task_mail as sending
from hub.sending.mail import Letter
from hub.store import users
from hub.store.database import utc_now
from hub.store.store import Store
from hub.store.task_mail import Reminder
from hub.web.task_letters import compose
from tests.support.people import BORIS, IRINA, VERA
from tests.support.rows import Rows
from tests.support.smtp import Receiver, receiver


@pytest.fixture
def server() -> Iterator[Receiver]:
    """The company's mail server."""
    with receiver() as found:
        yield found


def mailing(store: Store, port: int) -> Store:
    """The same store of a hub whose letters go to this port."""
    mail = {"host": "127.0.0.1", "port": port, "security": "none", "from": "hub@example.ru"}
    settings = replace(store.settings, file={"mail": mail, "site": {"url": "https://hub.example"}})
    return Store(settings, store.database, store.vault)


@pytest.fixture
def key(store: Store) -> int:
    """Vera's task, due in five minutes; she asked for letters, Boris did not."""
    rows, soon = Rows(store), utc_now() + timedelta(minutes=5)
    for one in (VERA, BORIS):
        users.create_user(store.database, one.email, one.name, one.role)
        rows.record("task", title="Не сейчас", manager=one.email, due_at=soon + timedelta(hours=5))
    vera = next(one for one in users.list_users(store.database) if one.email == VERA.email)
    users.set_task_mail(store.database, vera.id, True)
    rows.record("task", title="Его дело", manager=BORIS.email, due_at=soon)
    rows.record("task", title="Сделано", manager=VERA.email, due_at=soon, done_at=utc_now())
    contact = rows.contact(IRINA)
    return rows.record(
        "task", title="Выставить счёт", manager=VERA.email, due_at=soon, contact_id=contact
    )


def test_who_asked_is_told_once_of_each_task(store: Store, server: Receiver, key: int) -> None:
    store = mailing(store, server.port)
    assert [sending.send_due(store, compose) for _ in range(2)] == [1, 0]
    (letter,) = server.letters
    assert letter.recipient == VERA.email
    assert letter.message["Subject"] == "Задача: Выставить счёт"
    text = letter.message.get_content()
    assert f"https://hub.example/tasks/{key}" in text
    assert IRINA.name in text
    assert IRINA.phone not in text


def test_a_server_that_is_away_gets_the_letter_later(
    store: Store, server: Receiver, key: int
) -> None:
    assert sending.send_due(mailing(store, 1), compose) == 0
    assert sending.send_due(mailing(store, server.port), compose) == 1


def test_a_death_at_any_moment_sends_nothing_twice(
    store: Store, server: Receiver, key: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = mailing(store, server.port)

    def die(*_given: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as dying:
        dying.setattr("hub.store.task_mail.sent", die)
        with pytest.raises(KeyboardInterrupt):
            sending.send_due(store, compose)
    assert sending.send_due(store, compose) == 0
    assert len(server.letters) == 1


def test_another_process_s_mark_is_left_alone(store: Store, server: Receiver, key: int) -> None:
    store = mailing(store, server.port)

    def slow(at: Store, one: Reminder) -> Letter:
        # Meanwhile another scheduler looks at the same tasks.
        assert sending.send_due(at, compose) == 0
        return compose(at, one)

    assert sending.send_due(store, slow) == 1
    assert len(server.letters) == 1

"""Troubles become incidents, are told once, and their recovery too."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select, update
from standardwebhooks import Webhook

from connectors.mango.emulator import Emulator as Mango
from hub.flow import checks, reconcile_jobs
from hub.flow.replay import replay_events
from hub.flow.watch import Watch
from hub.sending import notices as sending
from hub.store import incidents, notice_channels
from hub.store.database import utc_now
from hub.store.models import connections, events, notices
from hub.store.models import incidents as table
from hub.store.models import notice_channels as channels
from hub.store.models import reconcile_jobs as jobs
from tests.flow.test_replay import WRONG
from tests.support import smtp
from tests.support.hooks import Hooks, hooks
from tests.support.hub import Hub, lead

SECRET = "whsec_dWplbC1kZW1vLXJlY2VpdmVyLWtleS0wMQ=="  # invented


@pytest.fixture(autouse=True)
def no_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """No worker runs here, and the disk is what it is."""
    others = tuple(check for check in checks.CHECKS if check is not checks.machine)
    monkeypatch.setattr(checks, "CHECKS", others)


@pytest.fixture
def receiver() -> Iterator[Hooks]:
    """Somebody's receiver of webhooks, which Telegram's is one of."""
    with hooks() as found:
        yield found


@pytest.fixture
def broken(hub: Hub) -> Hub:
    """Two leads that a wrong mapping killed; every process counts as alive."""
    hub.site(mappings=WRONG)
    for number in (1, 2):
        hub.post("site", lead(number), utc_now())
    hub.drain()
    return hub


def look(hub: Hub, watch: Watch, **later: float) -> list[tuple[str, str]]:
    """A look at some later moment; what became of the incidents."""
    turns = watch.look(hub.store, None, utc_now() + timedelta(**later))
    kinds = {row["id"]: row["kind"] for row in hub.rows(table)}
    return [(kinds[one.incident_id], one.event) for one in turns]


def mend(hub: Hub) -> None:
    hub.site()
    replay_events(hub.store, [row["id"] for row in hub.rows(events)], "parse", "alice", "mended")
    hub.drain()


def channel(
    hub: Hub, kind: str, settings: dict[str, Any], secrets: dict[str, str], **values: Any
) -> int:
    row = {
        "title": kind, "kind": kind, "is_active": True, "settings": settings,
        "severity": "warning", "quiet_from": "", "quiet_until": "", "interval_minutes": 5,
        **values,
    }  # fmt: skip
    with hub.store.database.write() as db:
        return notice_channels.save(db, hub.store.vault, 0, row, secrets)


def test_an_incident_opens_lasts_recovers_and_comes_again(broken: Hub) -> None:
    hub, watch = broken, Watch()
    assert look(hub, watch) == [("dead_events", "opened")]
    assert look(hub, watch, seconds=30) == []
    row = hub.one(table)
    assert (row["count"], row["cause"], row["samples"]) == (2, "mapping", [2, 1])
    mend(hub)
    # A gap shorter than a minute is none.
    assert look(hub, watch, seconds=60) == []
    assert look(hub, watch, seconds=120) == [("dead_events", "recovered")]
    hub.site(mappings=WRONG)
    replay_events(hub.store, [1], "parse", "alice", "again")
    hub.drain()
    assert look(hub, watch, seconds=180) == [("dead_events", "reopened")]
    assert hub.one(table, kind="dead_events")["openings"] == 2


def test_who_sees_to_it_is_not_told_again_and_silence_ends(broken: Hub) -> None:
    hub, watch = broken, Watch()
    look(hub, watch)
    key = hub.one(table, kind="dead_events")["id"]
    now = utc_now()
    with hub.store.database.write() as db:
        assert incidents.acknowledge(db, key, "alice", "смотрю")
        assert incidents.mute(db, key, "alice", "", now + timedelta(hours=1))
    assert look(hub, watch, minutes=30) == []
    assert look(hub, watch, minutes=61) == [("dead_events", "reopened")]


def test_what_else_is_found(hub: Hub) -> None:
    hub.site()
    with hub.store.database.write() as db:
        db.execute(update(connections).values(state="needs_attention", state_reason="no"))
    hub.store.catalog.forget()
    hub.post("site", lead(1), utc_now() - timedelta(hours=1))
    watch = Watch()
    assert ("attention", "opened") in look(hub, watch)
    # An old queue must stay old for a while, for a restart is none.
    assert ("queue_old", "opened") in look(hub, watch, seconds=25)
    hub.set_state("site", "active")
    hub.drain()
    assert set(look(hub, watch, minutes=3)) == {
        ("attention", "recovered"), ("queue_old", "recovered"),
    }  # fmt: skip


def test_a_webhook_is_signed_and_told_once(broken: Hub, receiver: Hooks) -> None:
    hub, watch = broken, Watch()
    channel(hub, "webhook", {"url": f"{receiver.url}/in"}, {"secret": SECRET})
    look(hub, watch)
    assert sending.send_due(hub.store) == 1
    [request] = receiver.requests
    document = Webhook(SECRET).verify(request.body, dict(request.headers))
    [item] = [one for one in document["data"]["items"] if one["kind"] == "dead_events"]
    assert (
        item["title"] == "Заявки с сайта: события не обработаны (2), причина: поле не заполняется"
    )
    assert sending.send_due(hub.store) == 0
    assert {row["status"] for row in hub.rows(notices)} == {"sent"}
    mend(hub)
    look(hub, watch, minutes=2)
    # No sooner than five minutes after the last message.
    assert sending.send_due(hub.store, utc_now() + timedelta(minutes=2)) == 0
    assert sending.send_due(hub.store, utc_now() + timedelta(minutes=6)) == 1
    assert "✅ Восстановлено: Заявки с сайта" in receiver.requests[-1].text


def test_a_failed_message_comes_again_as_the_same_one(broken: Hub, receiver: Hooks) -> None:
    hub = broken
    channel(hub, "webhook", {"url": f"{receiver.url}/in"}, {"secret": SECRET})
    look(hub, Watch())
    receiver.answers[:] = [503]
    now = utc_now()
    assert sending.send_due(hub.store, now) == 0
    assert "503" in hub.one(channels)["error_message"]
    assert sending.send_due(hub.store, now + timedelta(seconds=10)) == 0
    assert sending.send_due(hub.store, now + timedelta(seconds=31)) == 1
    first, second = receiver.requests
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert hub.one(channels)["error_message"] == ""


def test_telegram_and_its_refusal_without_the_token(broken: Hub, receiver: Hooks) -> None:
    hub = broken
    hub.option("notices.telegram_api", receiver.url)
    key = channel(hub, "telegram", {"chat_id": "-100"}, {"token": "123:very-secret"})
    look(hub, Watch())
    assert sending.send_due(hub.store) == 1
    [request] = receiver.requests
    assert request.path == "/bot123:very-secret/sendMessage"
    assert "🟡 Сбой: Заявки с сайта: события не обработаны (2)" in request.text
    receiver.answers[:] = [401]
    with pytest.raises(Exception) as caught:  # noqa: PT011  # its text is looked at
        sending.try_channel(hub.store, key)
    assert "very-secret" not in str(caught.value)


def test_letters_wait_for_the_end_of_quiet_hours(broken: Hub) -> None:
    hub = broken
    with smtp.receiver() as server:
        given = {"host": "127.0.0.1", "port": server.port, "security": "none",
                 "from": "Узел <hub@example.ru>"}  # fmt: skip
        hub.store.settings.file["mail"] = given  # type: ignore[index]  # a table of the test's own
        channel(
            hub, "mail", {"to": ["boris@example.ru", "vera@example.ru"]}, {},
            quiet_from="00:00", quiet_until="23:59",
        )  # fmt: skip
        look(hub, Watch())
        assert sending.send_due(hub.store) == 0
        assert sending.send_due(hub.store, utc_now() + timedelta(days=1)) == 1
    assert {one.recipient for one in server.letters} == {"boris@example.ru", "vera@example.ru"}
    assert server.letters[0].message["Subject"].startswith("Узел: 🟡 Сбой: Заявки с сайта")


def test_what_came_and_went_is_told_as_such(broken: Hub, receiver: Hooks) -> None:
    hub, watch = broken, Watch()
    channel(hub, "webhook", {"url": receiver.url}, {"secret": SECRET})
    look(hub, watch)
    mend(hub)
    look(hub, watch, minutes=2)
    assert sending.send_due(hub.store, utc_now() + timedelta(minutes=3)) == 1
    assert "✅ Был сбой, прошёл сам: Заявки с сайта" in receiver.requests[0].text


@pytest.mark.parametrize(
    ("begins", "ends", "at", "until"),
    [("22:00", "08:00", "23:30", "08:00"), ("22:00", "08:00", "07:59", "08:00"),
     ("22:00", "08:00", "12:00", None), ("13:00", "14:00", "13:30", "14:00"),
     ("", "", "01:00", None)],
)  # fmt: skip
def test_quiet_hours(begins: str, ends: str, at: str, until: str | None) -> None:
    hour, minute = map(int, at.split(":"))
    now = datetime(2026, 1, 12, hour, minute).astimezone()
    end = notice_channels.quiet_end(begins, ends, now, now.tzinfo)
    assert (end and end.strftime("%H:%M")) == until
    assert end is None or end > now


def test_reconciliations_asked_for_are_carried_out_and_failures_said(hub: Hub) -> None:
    configured = hub.site()
    with hub.store.database.write() as db:
        values = {
            "connection_id": configured.id,
            "first_day": "2026-01-12",
            "last_day": "2026-01-12",
            "trigger": "person",
            "created_at": utc_now(),
        }
        db.execute(insert(jobs).values(values))
    reconcile_jobs.work(hub.store, lambda: False)
    with hub.store.database.read() as db:
        row = db.execute(select(jobs)).one()
    assert row.status == "failed"
    assert "has no history" in row.error_message


def test_every_night_yesterday_is_compared_once(hub: Hub) -> None:
    configured = hub.connect("mango", Mango().connection())
    now = datetime(2026, 1, 13, 9, tzinfo=UTC)
    for created, expected in ((now, 0), (now - timedelta(days=2), 1), (now, 1)):
        with hub.store.database.write() as db:
            db.execute(update(connections).values(created_at=created))
        reconcile_jobs.plan_nightly(hub.store, now)
        assert len(hub.rows(jobs)) == expected
    [row] = hub.rows(jobs)
    assert (row["connection_id"], row["first_day"], row["trigger"]) == (
        configured.id, "2026-01-12", "schedule",
    )  # fmt: skip

"""A request that is sent again with its Idempotency-Key is carried out once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select, update

from hub.api import records
from hub.crm.personal import sweep
from hub.flow import call_out
from hub.sdk.errors import RetryLater
from hub.store import kept_answers
from hub.store.database import utc_now
from hub.store.lists import people
from hub.store.models import contacts, notes, replay_jobs
from hub.store.models import kept_answers as kept_table
from hub.store.store import Store
from tests.api.conftest import Answer, Caller
from tests.support.people import IRINA
from tests.support.rows import Rows

KEY = '"8e03978e-40d5-43dd-bc93-6894a57f9324"'


def _count(store: Store, table: Any) -> int:
    with store.database.read() as db:
        return int(db.scalar(select(func.count()).select_from(table)) or 0)


def _owner_died(store: Store) -> None:
    """The process at work on every request is gone."""
    with store.database.write() as db:
        db.execute(update(kept_table).values(owner="", expires_at=utc_now()))


def _elsewhere(caller: Caller) -> Answer:
    """The same request at another worker, while the first is at work."""
    with ThreadPoolExecutor(1) as other:
        return other.submit(caller, "POST", "/contacts", {"name": "Анна"}, repeat_key=KEY).result()


def _no_answer(*_args: Any, **_options: Any) -> Any:
    raise MemoryError


def test_a_repeat_gets_the_first_answer_and_makes_nothing(admin: Caller, store: Store) -> None:
    body = {"name": "Новая", "phone": "89990001122"}
    first = admin("POST", "/contacts", body, repeat_key=KEY)
    again = admin("POST", "/contacts", dict(reversed(body.items())), repeat_key=KEY.strip('"'))
    assert (first.status_code, again.status_code) == (201, 201)
    assert (again.text, again.mimetype) == (first.text, first.mimetype)
    assert again.headers["Location"] == first.headers["Location"]
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    assert _count(store, contacts) == 1


def test_tasks_notes_and_replays_are_made_once(admin: Caller, rows: Rows, store: Store) -> None:
    event = rows.event(rows.connection())
    asked: list[tuple[str, dict[str, Any]]] = [
        ("/tasks", {"title": "Перезвонить"}),
        (f"/contacts/{rows.contact(IRINA)}/notes", {"text": "Просит звонить утром"}),
        ("/replays", {"ids": [event], "mode": "dry"}),
    ]
    for number, (path, body) in enumerate(asked):
        made = [admin("POST", path, body, repeat_key=f"k{number}") for _ in range(3)]
        assert {one.status_code for one in made} == {201}, made[0].text
        assert len({one.json["id"] for one in made}) == 1
    assert _count(store, notes) == _count(store, replay_jobs) == 1


def test_another_request_with_the_same_key_is_refused(admin: Caller, store: Store) -> None:
    admin("POST", "/contacts", {"name": "Анна"}, repeat_key=KEY)
    for path, body in (("/contacts", {"name": "Пётр"}), ("/tasks", {"title": "Анна"})):
        answer = admin("POST", path, body, repeat_key=KEY)
        assert (answer.status_code, answer.json["type"]) == (422, "urn:uzel:problem:key_reused")
    assert _count(store, contacts) == 1


def test_a_key_is_its_tokens_own(admin: Caller, caller: Callable[[str], Caller]) -> None:
    body = {"name": "Анна"}
    first = admin("POST", "/contacts", body, repeat_key=KEY)
    other = caller("manager")("POST", "/contacts", body, repeat_key=KEY)
    assert other.status_code == 201
    assert other.json["id"] != first.json["id"]


def test_a_request_still_at_work_is_not_begun_again(
    admin: Caller, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner: list[int] = []
    told = records._told

    def meanwhile(entity: str) -> list[int]:
        if not inner:
            inner.append(0)
            inner[0] = _elsewhere(admin).status_code
        return told(entity)

    monkeypatch.setattr(records, "_told", meanwhile)
    assert admin("POST", "/contacts", {"name": "Анна"}, repeat_key=KEY).status_code == 201
    assert inner == [409]
    assert _count(store, contacts) == 1


def test_a_death_between_the_effect_and_its_answer_makes_nothing_twice(
    admin: Caller, store: Store, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f"/contacts/{rows.contact(IRINA)}/notes"
    with monkeypatch.context() as broken:
        broken.setattr(people, "get_note", _no_answer)
        assert admin("POST", path, {"text": "Утром"}, repeat_key=KEY).status_code == 500
    again = admin("POST", path, {"text": "Утром"}, repeat_key=KEY)
    assert (again.status_code, again.json["text"]) == (201, "Утром")
    assert admin("POST", path, {"text": "Утром"}, repeat_key=KEY).json == again.json
    assert _count(store, notes) == 1


def test_who_was_taken_over_makes_nothing(
    admin: Caller, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = records._told
    made: list[int] = []

    def overtaken(entity: str) -> list[int]:
        if not made:
            made.append(0)
            _owner_died(store)
            made[0] = _elsewhere(admin).json["id"]
        return told(entity)

    monkeypatch.setattr(records, "_told", overtaken)
    assert admin("POST", "/contacts", {"name": "Анна"}, repeat_key=KEY).status_code == 409
    assert _count(store, contacts) == 1
    assert admin("POST", "/contacts", {"name": "Анна"}, repeat_key=KEY).json["id"] == made[0]


def test_after_an_error_the_same_key_tries_anew(admin: Caller, rows: Rows) -> None:
    body = {"title": "Перезвонить", "contact_id": 1}
    assert admin("POST", "/tasks", body, repeat_key=KEY).status_code == 422
    assert rows.contact(IRINA) == 1
    assert admin("POST", "/tasks", body, repeat_key=KEY).status_code == 201


@pytest.mark.parametrize("key", ['""', " ", "к", "x" * 256, "a b"])
def test_what_cannot_be_a_key_is_named(admin: Caller, key: str) -> None:
    answer = admin("POST", "/contacts", {"name": "Анна"}, repeat_key=key)
    assert answer.status_code == 422
    assert answer.json["errors"][0]["place"] == "header.Idempotency-Key"


class Telephony:
    """Counts what it was asked to ring."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.rung, self.error = 0, None
        monkeypatch.setattr(call_out, "call_back", self)

    error: Exception | None

    def __call__(self, *_args: Any) -> str:
        self.rung += 1
        if self.error:
            raise self.error
        return "101"


@pytest.mark.parametrize("error", [None, RetryLater("no reply in time")])
def test_a_call_back_rings_once_whatever_it_was_answered(
    admin: Caller, rows: Rows, monkeypatch: pytest.MonkeyPatch, error: Exception | None
) -> None:
    telephony = Telephony(monkeypatch)
    telephony.error = error
    path = f"/calls/{rows.record('call')}/call-back"
    answers = [admin("POST", path, {"manager": "a@example.ru"}, repeat_key=KEY) for _ in range(2)]
    assert [one.status_code for one in answers] == [503 if error else 200] * 2
    assert answers[0].json == answers[1].json
    assert answers[0].mimetype == answers[1].mimetype
    assert telephony.rung == 1


def test_a_call_back_whose_end_nobody_knows_is_not_made_again(
    admin: Caller, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    telephony = Telephony(monkeypatch)
    telephony.error = MemoryError()
    path = f"/calls/{rows.record('call')}/call-back"
    assert admin("POST", path, {"manager": "a@example.ru"}, repeat_key=KEY).status_code == 500
    for _ in range(2):
        answer = admin("POST", path, {"manager": "a@example.ru"}, repeat_key=KEY)
        assert (answer.status_code, answer.json["type"]) == (409, "urn:uzel:problem:unsure")
    assert telephony.rung == 1


def test_answers_are_kept_for_a_day(admin: Caller, store: Store) -> None:
    first = admin("POST", "/contacts", {"name": "Анна"}, repeat_key="old")
    admin("POST", "/contacts", {"name": "Пётр"}, repeat_key="new")
    with store.database.write() as db:
        old = kept_table.c.made_id == first.json["id"]
        day_ago = utc_now() - kept_answers.KEPT_FOR - timedelta(seconds=1)
        db.execute(update(kept_table).where(old).values(begun_at=day_ago))
    assert kept_answers.forget_old(store.database) == 1
    assert _count(store, kept_table) == 1
    assert (
        admin("POST", "/contacts", {"name": "Анна"}, repeat_key="old").json["id"]
        != first.json["id"]
    )


def test_an_erasure_looks_into_kept_answers_too(admin: Caller, store: Store) -> None:
    admin("POST", "/contacts", {"name": "Анна"}, repeat_key="89990001122")
    table, columns = sweep.texts()["kept_answers"]
    assert {column.name for column in columns} == {"headers", "body"}
    with store.database.read() as db:
        assert "89990001122" not in str(db.execute(select(table)).one())


def test_every_post_says_that_it_takes_a_key(app: Flask) -> None:
    paths = app.test_client().get("/api/openapi.json").get_json()["paths"]
    posts = [operations["post"] for operations in paths.values() if "post" in operations]
    assert posts
    for one in posts:
        assert [given["name"] for given in one["parameters"]] == ["Idempotency-Key"]
        assert "409" in one["responses"]

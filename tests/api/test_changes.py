"""What people change through the API."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from tests.api.conftest import Caller
from tests.support.people import IRINA
from tests.support.rows import Rows


def test_a_change_is_stored_and_says_it_was_a_persons(admin: Caller, rows: Rows) -> None:
    contact = rows.contact(IRINA)
    answer = admin("PATCH", f"/contacts/{contact}", json={"comment": "Звонить после 15:00"})
    assert answer.status_code == 200
    found = admin.get(f"/contacts/{contact}")
    assert found == answer.json
    assert found["comment"] == "Звонить после 15:00"
    assert list(found["origins"]["comment"]) == ["at", "user"]


def test_a_new_phone_is_brought_to_one_form_and_found(admin: Caller, rows: Rows) -> None:
    contact = rows.contact(IRINA)
    answer = admin("PATCH", f"/contacts/{contact}", json={"phone": "8 (495) 111-22-33"})
    assert answer.json["phone"] == "+74951112233"
    assert admin.ids("/contacts", phone="+7 495 111 22 33") == [contact]


@pytest.mark.parametrize(
    ("path", "body", "place"),
    [
        ("/contacts", {"nickname": "Ира"}, "json.nickname"),
        ("/contacts", {"id": 5}, "json.id"),
        ("/contacts", {"phone": "call me"}, "json.phone"),
        ("/contacts", {"email": "nowhere"}, "json.email"),
        ("/contacts", {"name": 5}, "json.name"),
        ("/orders", {"status": "paid"}, "json.status"),
        ("/calls", {"comment": "x"}, "json.comment"),
        ("/tasks", {"due_at": "tomorrow"}, "json.due_at"),
    ],
)
def test_what_people_may_not_change_is_named(
    admin: Caller, rows: Rows, path: str, body: dict[str, Any], place: str
) -> None:
    ids = {
        "/contacts": rows.contact(IRINA),
        "/orders": rows.record("order"),
        "/calls": rows.record("call"),
        "/tasks": rows.record("task"),
    }
    answer = admin("PATCH", f"{path}/{ids[path]}", json=body)
    assert answer.status_code == 422
    assert [error["place"] for error in answer.json["errors"]] == [place]


def test_notes_of_a_client_are_written_and_read(admin: Caller, rows: Rows) -> None:
    contact = rows.contact(IRINA)
    assert admin.get(f"/contacts/{contact}/notes") == {"items": [], "next_cursor": None}
    first = admin("POST", f"/contacts/{contact}/notes", json={"text": "Просит звонить утром"})
    second = admin("POST", f"/contacts/{contact}/notes", json={"text": "Любит скидки"})
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json["author"] == "token:admin's"
    assert admin.get(f"/contacts/{contact}/notes")["items"] == [second.json, first.json]
    timeline = admin.get(f"/contacts/{contact}/timeline", kind="note")["items"]
    assert [one["record_id"] for one in timeline] == [second.json["id"], first.json["id"]]
    assert admin("POST", f"/contacts/{contact}/notes", json={"text": " "}).status_code == 409
    assert admin("POST", "/contacts/999/notes", json={"text": "x"}).status_code == 404


def test_a_task_is_added_for_a_contact(admin: Caller, rows: Rows) -> None:
    contact = rows.contact(IRINA)
    body = {"title": "Перезвонить", "contact_id": contact, "due_at": "2026-01-13T10:00:00+03:00"}
    answer = admin("POST", "/tasks", json=body)
    assert answer.status_code == 201
    assert answer.headers["Location"] == f"/api/v1/tasks/{answer.json['id']}"
    assert answer.json["due_at"] == "2026-01-13T07:00:00Z"
    done = admin("PATCH", f"/tasks/{answer.json['id']}", json={"done_at": "2026-01-13T08:00:00Z"})
    assert done.json["done_at"] == "2026-01-13T08:00:00Z"
    assert admin.ids("/tasks", contact_id=contact) == [answer.json["id"]]


def test_a_task_for_nobody_known_is_refused(admin: Caller) -> None:
    answer = admin("POST", "/tasks", json={"title": "Перезвонить", "contact_id": 999})
    assert answer.status_code == 422


def test_a_contact_needs_something_to_be_known_by(admin: Caller) -> None:
    assert admin("POST", "/contacts", json={"comment": "?"}).status_code == 422
    answer = admin("POST", "/contacts", json={"name": "Новая", "phone": "89990001122"})
    assert answer.status_code == 201
    assert answer.json["phones"] == ["+79990001122"]


def test_text_that_no_database_holds_is_cleaned(app: Flask, admin: Caller, rows: Rows) -> None:
    answer = app.test_client().patch(
        f"/api/v1/contacts/{rows.contact(IRINA)}",
        data=rb'{"comment": "a\u0000b\ud800c"}',
        content_type="application/json",
        headers={"Authorization": f"Bearer {admin.token}"},
    )
    assert answer.status_code == 200
    assert answer.get_json()["comment"] == "abc"

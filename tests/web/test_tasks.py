"""Tasks and letters as people use them."""

from __future__ import annotations

import pytest

from hub.store.models import audit, call_marks, leads, messages, tasks
from hub.store.store import Store
from tests.support.hub import Hub
from tests.support.people import ALICE, BORIS, GLEB, IRINA, PAVEL, STRANGER, VERA
from tests.support.rows import Rows
from tests.web.conftest import SignIn
from tests.web.scene import Scene
from tests.web.test_managers import text_of


@pytest.fixture
def hub(sqlite_store: Store) -> Hub:
    return Hub(sqlite_store)


def free_task(hub: Hub) -> int:
    """The call-back that anyone may take."""
    return int(hub.one(tasks, number=STRANGER.phone)["id"])


def test_a_manager_sees_their_own_and_those_of_nobody(
    sign_in: SignIn, scene: Scene, hub: Hub
) -> None:
    vera = sign_in(VERA)
    mine = text_of(vera.get("/tasks"))
    assert f"Перезвонить: {PAVEL.name}" in mine
    assert "Выставить счёт на насосы" in mine
    assert "812 555" not in mine
    assert "812 555" in text_of(vera.get("/tasks?view=free"))
    # «All» is a head's; a manager who asks for it gets their own.
    assert "812 555" not in text_of(vera.get("/tasks?view=all"))
    assert "812 555" in text_of(sign_in(BORIS).get("/tasks"))


def test_a_task_is_taken_done_and_opened_again(sign_in: SignIn, scene: Scene, hub: Hub) -> None:
    vera, key = sign_in(VERA), free_task(hub)
    vera.post(f"/tasks/{key}/take")
    assert hub.one(tasks, id=key)["manager"] == VERA.email
    vera.post(f"/tasks/{key}/done")
    row = hub.one(tasks, id=key)
    assert row["done_at"]
    assert row["done_by"] == VERA.email
    assert "812 555" in text_of(vera.get("/tasks?view=done"))
    vera.post(f"/tasks/{key}/undo")
    row = hub.one(tasks, id=key)
    assert (row["done_at"], row["done_by"]) == (None, None)
    assert row["reopened_at"]
    assert {entry["actor"] for entry in hub.rows(audit, subject="task")} == {VERA.email}


def test_the_row_alone_comes_back_to_htmx(sign_in: SignIn, scene: Scene, hub: Hub) -> None:
    vera = sign_in(VERA)
    fields = {"csrf_token": vera.token()}
    answer = vera.client.post(
        f"/tasks/{scene.task}/done", data=fields, headers={"HX-Request": "true"}
    )
    assert answer.status_code == 200
    assert answer.text.strip().startswith("<tr")
    assert f"/tasks/{scene.task}/undo" in answer.text


@pytest.mark.parametrize(
    ("fields", "about"),
    [
        ({"title": "Уточнить адрес", "when": "1h"}, None),
        ({"title": "Позвонить", "when": "none", "about": "contact:1"}, None),
        ({"title": "Сверить", "due": "2026-12-01T12:30", "about": "order:1"}, "order"),
    ],
)
def test_a_task_is_made_about_a_record_or_alone(
    sign_in: SignIn, scene: Scene, hub: Hub, fields: dict[str, str], about: str | None
) -> None:
    status, _ = sign_in(VERA).post("/tasks", manager=VERA.email, **fields)
    row = hub.rows(tasks)[-1]
    assert status == 302
    assert (row["title"], row["manager"]) == (fields["title"], VERA.email)
    assert row["about_entity"] == about
    assert (row["contact_id"] == scene.irina) == ("about" in fields)
    if "due" in fields:
        assert row["due_at"].isoformat() == "2026-12-01T09:30:00+00:00"


def test_pages_of_records_offer_a_task_about_them(sign_in: SignIn, scene: Scene, hub: Hub) -> None:
    vera, gleb, lead = sign_in(VERA), sign_in(GLEB), hub.rows(leads)[0]["id"]
    subjects = {
        f"/clients/{scene.irina}": f"contact:{scene.irina}",
        f"/orders/{scene.order}": f"order:{scene.order}",
        f"/leads/{lead}": f"lead:{lead}",
        f"/calls/{scene.call}": f"call:{scene.call}",
    }
    for page, about in subjects.items():
        assert f"/tasks/new?about={about}" in vera.get(page)
        assert "/tasks/new" not in gleb.get(page)
    form = vera.get(f"/tasks/new?about=contact:{scene.irina}&next=/clients/{scene.irina}")
    assert IRINA.name in form
    assert f'value="/clients/{scene.irina}"' in form


def test_a_colleague_s_task_is_not_changed(sign_in: SignIn, scene: Scene, hub: Hub) -> None:
    key = Rows(hub.store).record("task", title="Чужое", manager=BORIS.email)
    vera = sign_in(VERA)
    vera.post(f"/tasks/{key}/done")
    assert hub.one(tasks, id=key)["done_at"] is None
    assert "задача коллеги" in vera.get("/tasks")
    assert vera.post(f"/tasks/{key}/done", next="/tasks")[0] == 302
    sign_in(BORIS).post(f"/tasks/{key}/done")
    assert hub.one(tasks, id=key)["done_at"]
    assert sign_in(GLEB).post(f"/tasks/{key}/undo")[0] == 403


def test_what_is_late_is_counted_in_the_menu(sign_in: SignIn, scene: Scene) -> None:
    from hub.web.managers.tasks import forget_badges

    forget_badges()
    vera = sign_in(VERA)
    assert "1 просрочено" in text_of(vera.get("/clients"))
    vera.post(f"/tasks/{scene.task}/done")
    assert "просрочено" not in text_of(vera.get("/clients"))


def test_a_deadline_that_is_near_is_reminded_of(sign_in: SignIn, scene: Scene) -> None:
    vera = sign_in(VERA)
    assert f"/tasks/{scene.task}" in vera.get("/tasks/reminders")
    vera.post(f"/tasks/{scene.task}/postpone", when="1h")
    assert f"/tasks/{scene.task}" not in vera.get("/tasks/reminders")


def test_today_is_one_s_own_and_a_head_s_is_of_all(sign_in: SignIn, scene: Scene) -> None:
    vera = text_of(sign_in(VERA).get("/"))
    assert PAVEL.name in vera
    assert "Счёт на две станции" in vera
    assert "Менеджеры сегодня" not in vera
    boris = sign_in(BORIS)
    page = boris.get("/")
    assert VERA.name in text_of(page)
    assert "Менеджеры сегодня" in text_of(page)
    # News draw the part anew, not the page.
    part = boris.get("/", **{"HX-Request": "true"})
    assert "<html" not in part
    assert 'id="today"' in part


def test_a_letter_waits_until_somebody_says_that_it_need_not(
    sign_in: SignIn, scene: Scene, hub: Hub
) -> None:
    vera = sign_in(VERA)
    key = hub.one(messages, external_id="m3")["id"]
    page = vera.get("/messages?answer=waiting")
    assert f"/messages/{key}" in page
    assert f"/messages/{scene.message}" not in page
    assert IRINA.email in vera.get(f"/messages/{scene.message}")
    vera.post(f"/messages/{key}/no-answer")
    assert f"/messages/{key}" not in vera.get("/messages?answer=waiting")
    assert hub.one(messages, id=key)["waived_by"] == VERA.email
    vera.post(f"/messages/{key}/needs-answer")
    assert f"/messages/{key}" in vera.get("/messages?answer=waiting")
    assert "waived" in {row["action"] for row in hub.rows(audit, subject="message")}


def test_an_admin_without_telephony_is_told_what_to_do(
    sign_in: SignIn, scene: Scene, hub: Hub
) -> None:
    with hub.store.database.write() as db:
        db.execute(tasks.delete())
    assert "Открытых задач нет" in sign_in(ALICE).get("/tasks")


def test_calls_and_tasks_say_the_same(sign_in: SignIn, scene: Scene, hub: Hub) -> None:
    vera = sign_in(VERA)
    vera.post(f"/tasks/{scene.task}/done")
    mark = hub.one(call_marks)
    assert mark["done_by"] == VERA.email
    vera.post(f"/calls/{mark['call_id']}/done", done="")
    assert hub.one(tasks, id=scene.task)["done_at"] is None
    vera.post(f"/calls/{mark['call_id']}/done", done="yes")
    assert hub.one(tasks, id=scene.task)["done_at"]

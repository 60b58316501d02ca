"""Invitations, codes from the phone, sessions, the last admin, tokens, personal data on pages."""

from __future__ import annotations

import io
import json
import re
import zipfile
from datetime import timedelta

import pyotp
import pytest
from flask import Flask
from sqlalchemy import select, update

from hub.crm.personal import erase
from hub.store import second_factor, users
from hub.store.database import utc_now
from hub.store.models import audit, invitations, sign_ins, totp
from hub.store.models import users as users_table
from hub.store.store import Store
from tests.support.people import ALICE, GLEB, IRINA, VERA, Colleague
from tests.web.conftest import SignIn, Visitor
from tests.web.scene import PASSWORD, Scene

NEW = "sovsem-novyi-parol"


def shown(visitor: Visitor, path: str, **fields: str) -> str:
    """The page that a form answers with."""
    answer = visitor.client.post(path, data={"csrf_token": visitor.token(), **fields})
    assert answer.status_code == 200, answer.status_code
    return answer.text


def link_in(page: str) -> str:
    """The one-time link that a page shows."""
    found = re.search(r"(/join/[\w-]+)", page)
    assert found
    return found[1]


def user_id(store: Store, who: Colleague) -> int:
    with store.database.read() as db:
        return int(
            db.scalars(select(users_table.c.id).where(users_table.c.email == who.email)).one()
        )


def deeds(store: Store) -> list[str]:
    with store.database.read() as db:
        return list(db.scalars(select(audit.c.action).order_by(audit.c.id)))


def test_an_invitation_lets_one_person_in_once(
    sign_in: SignIn, stranger: Visitor, sqlite_store: Store
) -> None:
    alice = sign_in(ALICE)
    page = shown(alice, "/admin/users/invite", email="Nina@Example.ru", name="Нина", role="head")
    link = link_in(page)
    assert "руководитель" in stranger.get(link)
    with sqlite_store.database.read() as db:
        kept = db.execute(select(invitations)).one()
    assert link.rpartition("/")[2] not in str(kept)
    assert stranger.post(link, new="short", repeat="short", name="Н")[0] == 400
    assert stranger.post(link, new=NEW, repeat=NEW, name="Нина Новая") == (302, "/")
    assert "Нина Новая" in stranger.get("/profile")
    assert stranger.client.get(link).status_code == 410
    assert {"invite", "take up invitation"} <= set(deeds(sqlite_store))
    # The address is taken now: no second invitation, no second user.
    assert (
        alice.post("/admin/users/invite", email="nina@example.ru", name="", role="head")[0] == 302
    )


def test_an_invitation_ends_by_time_and_by_hand(
    sign_in: SignIn, stranger: Visitor, sqlite_store: Store
) -> None:
    alice = sign_in(ALICE)
    first = link_in(shown(alice, "/admin/users/invite", email="n@example.ru", role="manager"))
    second = link_in(shown(alice, "/admin/users/invite", email="n@example.ru", role="manager"))
    assert stranger.client.get(first).status_code == 410
    alice.post("/admin/invitations/2/revoke")
    assert stranger.client.get(second).status_code == 410
    third = link_in(shown(alice, "/admin/users/invite", email="n@example.ru", role="manager"))
    with sqlite_store.database.write() as db:
        db.execute(update(invitations).values(expires_at=utc_now() - timedelta(seconds=1)))
    assert stranger.post(third, new=NEW, repeat=NEW, name="N")[0] == 410


def test_a_link_sets_a_new_password_and_ends_the_sessions(
    sign_in: SignIn, stranger: Visitor, sqlite_store: Store
) -> None:
    vera, key = sign_in(VERA), user_id(sqlite_store, VERA)
    link = link_in(shown(sign_in(ALICE), f"/admin/users/{key}/password"))
    assert stranger.post(link, new=NEW, repeat=NEW) == (302, "/login")
    assert vera.client.get("/").status_code == 302
    assert stranger.sign_in(VERA.email, NEW)[0] == 302


def enrol(visitor: Visitor) -> tuple[pyotp.TOTP, list[str]]:
    """Set a second factor up; its clock and the recovery codes."""
    found = re.search(r"<code class=\"wrap\">([A-Z2-7 ]+)</code>", visitor.get("/profile/factor"))
    assert found
    clock = pyotp.TOTP(found[1].replace(" ", ""))
    page = shown(visitor, "/profile/factor", code=clock.now())
    codes = re.search(r"<pre.*?</pre>", page, re.DOTALL)
    assert codes
    return clock, re.findall(r"[a-z0-9]{5}-[a-z0-9]{5}", codes[0])


def forget_step(store: Store) -> None:
    """Let the codes of this half minute be good again."""
    with store.database.write() as db:
        db.execute(update(totp).values(last_step=0, failed=0, locked_until=None))


def test_a_code_from_the_phone_is_asked_for_and_good_once(
    sign_in: SignIn, stranger: Visitor, sqlite_store: Store
) -> None:
    clock, codes = enrol(sign_in(VERA))
    assert len(codes) == second_factor.RECOVERY_CODES
    assert stranger.sign_in(VERA.email, PASSWORD, next="/calls") == (302, "/login/code")
    assert stranger.client.get("/").status_code == 302
    # The code that confirmed the enrolment was used up by that.
    assert stranger.post("/login/code", code=clock.now())[0] == 401
    forget_step(sqlite_store)
    assert stranger.post("/login/code", code=clock.now()) == (302, "/calls")
    other = Visitor(stranger.client.application.test_client())
    other.sign_in(VERA.email, PASSWORD)
    assert other.post("/login/code", code=codes[0].upper())[0] == 302
    again = Visitor(stranger.client.application.test_client())
    again.sign_in(VERA.email, PASSWORD)
    assert again.post("/login/code", code=codes[0])[0] == 401
    assert "use recovery code" in deeds(sqlite_store)


def test_guessing_codes_is_slowed_down_whatever_the_password_does(
    sign_in: SignIn, stranger: Visitor, sqlite_store: Store
) -> None:
    clock, _ = enrol(sign_in(VERA))
    for _try in range(users.FREE_TRIES):
        stranger.sign_in(VERA.email, PASSWORD)
        assert stranger.post("/login/code", code="000000")[0] == 401
    with sqlite_store.database.write() as db:
        db.execute(update(totp).values(last_step=0))
    stranger.sign_in(VERA.email, PASSWORD)
    assert stranger.post("/login/code", code=clock.now())[0] == 401
    sign_in(ALICE).post(f"/admin/users/{user_id(sqlite_store, VERA)}/unlock")
    stranger.sign_in(VERA.email, PASSWORD)
    assert stranger.post("/login/code", code=clock.now())[0] == 302


def test_a_role_may_demand_the_code(sign_in: SignIn, site: Flask, sqlite_store: Store) -> None:
    sqlite_store.settings.file["second_factor"] = {"required_roles": ["manager"]}  # type: ignore[index]  # a dictionary in tests
    vera = sign_in(VERA)
    assert vera.client.get("/clients").headers["Location"] == "/profile/factor"
    enrol(vera)
    assert vera.client.get("/clients").status_code == 200
    assert sign_in(GLEB).client.get("/clients").status_code == 200


def test_sessions_are_listed_and_ended_one_by_one(sign_in: SignIn, sqlite_store: Store) -> None:
    here, there = sign_in(VERA), sign_in(VERA)
    with sqlite_store.database.read() as db:
        first = db.scalars(select(sign_ins.c.id).order_by(sign_ins.c.id)).first()
    assert "этот браузер" in there.get("/profile")
    there.post("/profile/sessions/end", id=str(first))
    assert here.client.get("/").status_code == 302
    assert there.client.get("/").status_code == 200
    third = sign_in(VERA)
    there.post("/profile/sessions/end")
    assert third.client.get("/").status_code == 302
    with sqlite_store.database.write() as db:
        db.execute(update(sign_ins).values(created_at=utc_now() - timedelta(hours=337)))
    assert there.client.get("/").status_code == 302


def test_being_seen_is_written_once_a_minute(sign_in: SignIn, sqlite_store: Store) -> None:
    vera = sign_in(VERA)
    with sqlite_store.database.write() as db:
        db.execute(update(sign_ins).values(last_seen_at=utc_now() - timedelta(seconds=30)))

    def seen() -> object:
        with sqlite_store.database.read() as db:
            return db.scalar(select(sign_ins.c.last_seen_at))

    before = seen()
    vera.get("/calls")
    assert seen() == before
    with sqlite_store.database.write() as db:
        db.execute(update(sign_ins).values(last_seen_at=utc_now() - timedelta(seconds=90)))
    vera.get("/calls")
    assert utc_now() - seen() < timedelta(seconds=30)  # type: ignore[operator]  # a moment


def test_the_last_admin_stays(sign_in: SignIn, sqlite_store: Store) -> None:
    alice, key = sign_in(ALICE), user_id(sqlite_store, ALICE)
    alice.post(f"/admin/users/{key}/role", role="manager")
    assert "Последний действующий администратор" in alice.get("/admin/users")
    alice.post(f"/admin/users/{user_id(sqlite_store, VERA)}/role", role="admin")
    alice.post(f"/admin/users/{key}/role", role="manager")
    assert alice.client.get("/admin/users").status_code == 403
    vera = sign_in(VERA)
    vera.post(f"/admin/users/{key}/access", active="no")
    assert alice.client.get("/").status_code == 302


def test_a_token_is_shown_once_and_keeps_to_its_scopes(
    sign_in: SignIn, sqlite_store: Store
) -> None:
    alice = sign_in(ALICE)
    data = {"name": "отчёты", "role": "head", "days": "30", "scopes": "reports:read"}
    found = re.search(r"uzel_[\w-]+", shown(alice, "/admin/tokens", **data))
    assert found
    assert found[0] not in alice.get("/admin/tokens")
    bearer = {"Authorization": f"Bearer {found[0]}"}
    assert alice.client.get("/api/v1/contacts", headers=bearer).status_code == 403
    assert alice.client.get("/api/v1/reports/calls", headers=bearer).status_code != 403
    alice.post("/admin/tokens/1/revoke")
    assert alice.client.get("/api/v1/reports/calls", headers=bearer).status_code == 401


def test_a_person_is_taken_away_and_erased_from_the_pages(
    sign_in: SignIn, scene: Scene, sqlite_store: Store
) -> None:
    alice = sign_in(ALICE)
    assert IRINA.name in alice.get("/admin/personal?q=8+(916)+123-45-67")
    whose = {"contact_id": str(scene.irina), "reason": "заявление"}
    token = alice.token()
    answer = alice.client.post("/admin/personal/export", data={"csrf_token": token, **whose})
    bundle = zipfile.ZipFile(io.BytesIO(answer.data))
    assert IRINA.name in bundle.read("summary.html").decode()
    assert json.loads(bundle.read("person.json"))["contacts"][0]["email"] == IRINA.email
    assert alice.post("/admin/personal/erase", **whose, confirmation="не то")[0] == 302
    status, where = alice.post("/admin/personal/erase", **whose, confirmation=IRINA.name.lower())
    assert (status, where) == (302, "/admin/personal/erasures/1")
    assert "выполняется" in alice.get(where)
    assert not erase.work(sqlite_store, 60)
    assert "удалено, проверено" in alice.get(where)
    document = json.loads(alice.get(f"{where}/proof.json"))
    assert document["proof"]["checked"]["found_in_last_pass"] == 0
    assert "Данные человека с таким телефоном" in alice.get("/admin/personal?q=%2B79161234567")
    gleb = sign_in(GLEB)
    assert gleb.post("/admin/personal/erase", contact_id="2", reason="x")[0] == 403
    assert "удаление данных человека" in gleb.get("/admin/audit?action=erase+person")


@pytest.mark.parametrize(
    "path", ["/admin/audit?format=csv", "/admin/audit?actor=vera%40example.ru"]
)
def test_the_audit_log_is_filtered_and_taken_away(sign_in: SignIn, path: str) -> None:
    sign_in(VERA)
    page = sign_in(ALICE).get(path)
    assert VERA.email in page
    assert "вход" in page


def test_reminders_by_mail_are_off_until_asked_for(
    sign_in: SignIn, scene: Scene, sqlite_store: Store
) -> None:
    vera = sign_in(VERA)

    def wants() -> bool:
        return next(
            u.task_mail for u in users.list_users(sqlite_store.database) if u.email == VERA.email
        )

    assert not wants()
    assert "Почта в узле пока не настроена" in vera.get("/profile")
    vera.post("/profile/task-mail", wanted="yes")
    assert wants()
    vera.post("/profile/task-mail")
    assert not wants()
    assert "/profile/task-mail" not in sign_in(GLEB).get("/profile")

"""In a real browser: an invitation is taken up, a code from the phone set up and asked for."""

from __future__ import annotations

import pyotp
import pytest
from playwright.sync_api import Browser, expect
from sqlalchemy import update

from hub.store import invitations
from hub.store.models import totp
from hub.store.store import Store
from tests.support.people import ALICE
from tests.web.scene import Scene

pytestmark = pytest.mark.browser
PASSWORD = "sovsem-novyi-parol"


def test_from_the_invitation_to_the_code_from_the_phone(
    browser: Browser, address: str, scene: Scene, sqlite_store: Store
) -> None:
    _, secret = invitations.invite(
        sqlite_store.database, "nina@example.ru", "Нина", "manager", ALICE.email
    )
    context = browser.new_context(viewport={"width": 375, "height": 780}, locale="ru-RU")
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    page.goto(f"{address}/join/{secret}")
    page.get_by_label("Новый пароль", exact=True).fill(PASSWORD)
    page.get_by_label("Новый пароль ещё раз").fill(PASSWORD)
    page.get_by_role("button", name="Войти").click()
    expect(page.get_by_text("Добро пожаловать! Вы вошли.")).to_be_visible()
    page.goto(f"{address}/profile/factor")
    picture = page.get_by_role("img", name="QR-код")
    assert (picture.bounding_box() or {"width": 0})["width"] >= 150
    page.get_by_text("Введите ключ вручную").click()
    clock = pyotp.TOTP((page.locator("details code").text_content() or "").replace(" ", ""))
    page.get_by_label("Код", exact=True).fill(clock.now())
    page.get_by_role("button", name="Подтвердить").click()
    expect(page.get_by_role("heading", name="Запасные коды")).to_be_visible()
    # Another browser: what the first one's page still asks for must not bring its session back.
    context.close()
    context = browser.new_context(viewport={"width": 375, "height": 780}, locale="ru-RU")
    page = context.new_page()
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    with sqlite_store.database.write() as db:
        db.execute(update(totp).values(last_step=0))
    page.goto(f"{address}/login")
    page.get_by_label("E-mail").fill("nina@example.ru")
    page.get_by_label("Пароль").fill(PASSWORD)
    page.get_by_role("button", name="Войти").click()
    page.get_by_label("Код", exact=True).fill(clock.now())
    page.get_by_role("button", name="Войти").click()
    expect(page).to_have_url(f"{address}/")
    assert complaints == []
    context.close()

"""A browser window that remembers every complaint."""

from __future__ import annotations

from playwright.sync_api import ConsoleMessage, Page, Response, expect

from tests.support.people import Colleague
from tests.web.scene import PASSWORD

SIZES = {"desktop": (1280, 900), "phone": (375, 780)}


class Desk:
    """A browser window that remembers every complaint: console errors, CSP violations."""

    def __init__(self, page: Page, address: str) -> None:
        self.page, self.address = page, address
        self.complaints: list[str] = []
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("response", self._look)

    def _look(self, response: Response) -> None:
        if response.status >= 400:
            self.complaints.append(f"{response.status} {response.url}")

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def open(self, path: str) -> Page:
        """Go to one of our pages."""
        self.page.goto(self.address + path)
        return self.page

    def sign_in(self, who: Colleague) -> Page:
        """Through the login form."""
        self.open("/login")
        self.page.get_by_label("E-mail").fill(who.email)
        self.page.get_by_label("Пароль").fill(PASSWORD)
        self.page.get_by_role("button", name="Войти").click()
        expect(self.page).to_have_url(self.address + "/")
        return self.page

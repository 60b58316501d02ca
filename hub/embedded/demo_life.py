"""What makes the demo a company at work: people who can sign in, and vendors that go on."""

from __future__ import annotations

import logging
import threading
from typing import Any

from hub.embedded.demo_memory import remember, remembered
from hub.sdk.testing import post
from hub.settings import Settings
from hub.store import users
from hub.store.store import Store

#: Between two things that happen by themselves.
PAUSE_SECONDS = 45.0
PEOPLE = (
    ("olga@example.ru", "Ольга Зимина", users.HEAD),
    ("anna@example.ru", "Анна Белова", users.MANAGER),
    ("boris@example.ru", "Борис Лебедь", users.MANAGER),
    ("vera@example.ru", "Вера Мороз", users.MANAGER),
)
log = logging.getLogger(__name__)


def hire(store: Store, settings: Settings) -> None:
    """The head of sales and the managers whom the emulated PBX names; their one password is kept
    for the owner of the demo's folder."""
    known = {user.email for user in users.list_users(store.database)}
    kept = remembered(settings.home).get("people_password", "")
    password = kept or users.readable_password()
    for email, name, role in PEOPLE:
        if email not in known:
            users.create_user(store.database, email, name, role, password)
    if not kept:
        remember(settings.home, people_password=password)


def go_on(emulators: list[tuple[Any, str]]) -> None:
    """Let every emulator with a `live` of its own tell one thing after another, in a thread of
    each; `emulators` are (emulator, address of its connection)."""
    for emulator, url in emulators:
        if hasattr(emulator, "live"):
            threading.Thread(target=_live, args=(emulator, url), daemon=True).start()


def _live(emulator: Any, url: str) -> None:
    rest = threading.Event()
    number = 0
    while not rest.wait(PAUSE_SECONDS):
        for seconds, request in emulator.live(number):
            rest.wait(seconds)
            try:
                post(request, url)
            except OSError as error:
                log.info("the demo's message was not taken: %s", error)
        number += 1

"""From the PBX's webhook to the card on a manager's page, and pages beside many open streams.

The hub is the real one, every process of it, on SQLite. A manager is signed in with Chromium; a
call's time runs from before its signed POST to the card being seen. Then streams of news are opened
by the hundred, many times the server's threads, and an ordinary page is asked for beside them.
"""

from __future__ import annotations

import json
import re
import socket
import tempfile
import time
from pathlib import Path

import requests
from playwright.sync_api import Page, sync_playwright

from connectors.mango.emulator import Emulator, signed
from connectors.mango.emulator_calls import LINE, person
from hub.queues import queues_for
from hub.settings import Settings
from hub.store import connections, users
from hub.store.store import Store
from tests.bench.report import Report
from tests.support.running import RunningHub, running_hub

CALLS, STREAMS, PAGES = 15, 300, 40
EMAIL, PASSWORD = "vera@example.ru", "a password for a bench"
CARD = "article.ring:not([hidden])"


def sign_in(hub: RunningHub) -> requests.Session:
    """A session of the manager."""
    session = requests.Session()
    page = session.get(f"{hub.url}/login", timeout=30).text
    token = re.findall(r'name="csrf-token" content="([^"]+)"', page)[0]
    form = {"csrf_token": token, "email": EMAIL, "password": PASSWORD}
    session.post(f"{hub.url}/login", data=form, timeout=30).raise_for_status()
    return session


def cards(hub: RunningHub, page: Page, keys: list[str]) -> list[float]:
    """Milliseconds from webhook to card of each call, sorted; the first one warms up."""
    took = []
    for number in range(CALLS + 1):
        told = {
            "entry_id": f"E{number}", "call_id": "L", "timestamp": int(time.time()), "seq": 1,
            "call_state": "Appeared", "location": "abonent", "dct": {"type": 0},
            "from": {"number": f"7916000{number:04d}"},
            "to": {**person("101"), "line_number": LINE},
        }  # fmt: skip
        started = time.perf_counter()
        hub.post(requests.Session(), "mango", signed("events/call", json.dumps(told), *keys))
        page.wait_for_selector(CARD, timeout=15_000)
        took.append((time.perf_counter() - started) * 1000)
        page.locator(f"{CARD} [data-dismiss]").first.click()
        page.wait_for_selector(CARD, state="hidden", timeout=15_000)
    return sorted(took[1:])


def pages(hub: RunningHub, session: requests.Session) -> list[float]:
    """Milliseconds of an ordinary page, sorted."""
    took = []
    for _ in range(PAGES):
        started = time.perf_counter()
        session.get(f"{hub.url}/calls", timeout=30).raise_for_status()
        took.append((time.perf_counter() - started) * 1000)
    return sorted(took)


def streams(hub: RunningHub, session: requests.Session) -> list[socket.socket]:
    """Open streams, every one of which has said hello."""
    cookie = "; ".join(f"{one.name}={one.value}" for one in session.cookies)
    opened = []
    for _ in range(STREAMS):
        one = socket.create_connection(("127.0.0.1", hub.port), timeout=30)
        one.sendall(f"GET /live HTTP/1.1\r\nHost: hub\r\nCookie: {cookie}\r\n\r\n".encode())
        opened.append(one)
    for one in opened:
        heard = b""
        while b"event: hello" not in heard:
            heard += one.recv(65536)
    return opened


def news(store: Store, opened: list[socket.socket]) -> float:
    """Milliseconds until every stream has heard one piece of news."""
    started = time.perf_counter()
    queues_for(store.settings).news.tell({"calls": [987654321]})
    for one in opened:
        heard = b""
        while b"987654321" not in heard:
            heard += one.recv(65536)
    return (time.perf_counter() - started) * 1000


def main() -> None:
    """Measure and print."""
    report = Report("card")
    with tempfile.TemporaryDirectory() as folder, running_hub(Path(folder) / "home") as hub:
        store = Store.open(Settings(home=hub.home))
        users.create_user(store.database, EMAIL, "Вера", users.MANAGER, PASSWORD)
        document = Emulator().connection()
        document["settings"]["managers"] = {"101": EMAIL}
        with store.database.write() as db:
            connections.save(db, store.vault, "mango", document, author="bench")
        session = sign_in(hub)
        with sync_playwright() as playwright:
            chromium = playwright.chromium.launch(
                executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"]
            )
            context = chromium.new_context()
            for cookie in session.cookies:
                context.add_cookies(
                    [{"name": cookie.name, "value": str(cookie.value), "url": hub.url}]
                )
            page = context.new_page()
            page.goto(f"{hub.url}/orders")
            took = cards(hub, page, list(document["secrets"].values()))
            chromium.close()
        report.add("webhook → card, p50", took[len(took) // 2], unit="ms", at_most=1000)
        report.add("webhook → card, the slowest", took[-1], unit="ms", at_most=1000)
        alone = pages(hub, session)
        opened = streams(hub, session)
        beside = pages(hub, session)
        middle = PAGES // 2
        report.add(
            f"page beside {STREAMS} streams, p50", beside[middle], alone[middle], "ms", at_most=2
        )
        report.add(f"news at all {STREAMS} streams", news(store, opened), unit="ms", at_most=1000)
        for one in opened:
            one.close()
        store.database.dispose()
    report.save()


if __name__ == "__main__":
    main()

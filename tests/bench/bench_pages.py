"""Every page on a big store: p50 and p95 at ten people at once, queries a page, rows a query reads.

`--scale 1` on PostgreSQL is the whole size of tests/bench/past.py, SQLite gets a tenth of it. The
hub is real gunicorn as `hub up` starts it. Ten people walk through all pages, each in an order of
their own, and look at each for half a second; and, harder than any ten people are, all ten ask for
one page without a pause: then two cores are never idle. The floor is the same ten asking so for a
page that reads nothing from big tables.
Then each page is opened once more in this process, and every query of it is explained with the
rows it really read.
"""

from __future__ import annotations

import argparse
import http.client
import os
import random
import re
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median, quantiles
from urllib.parse import quote

import requests
from sqlalchemy import select

from hub.flow import report_keeper
from hub.settings import Settings
from hub.store import connections, stock_items, users
from hub.store.models import contacts
from hub.store.store import Store
from tests.bench.bench_accept import KEY
from tests.bench.explained import Reader, headers_of
from tests.bench.page_list import PAGES
from tests.bench.past import Past, now
from tests.bench.report import Report
from tests.bench.seeding import unindexed
from tests.support import servers
from tests.support.running import OwnRedis
from tests.support.web import gateway
from tests.web.scene import MANGO, ONEC

PEOPLE, ROUNDS = 10, 5
#: Each walks through all pages so often: among fifty answers three that a hiccup of the machine
#: meets would be the p95.
CALM_ROUNDS = 12
#: How long somebody looks at a page before the next, on average: hardly at all.
PAUSE_SECONDS = 0.5
FLOOR = "/admin/replays"
PASSWORD = "korova-na-lugu-42"
SHOP = {
    "connector": "standard_webhook",
    "title": "Магазин",
    "settings": {"scheme": "token", "header": "X-Token"},
    "secrets": {"secret": "shop-secret-1"},
}
MAIL = {"connector": "mailgun", "title": "Почта", "secrets": {"signing_key": "mail-secret-1"}}
#: Not more than so many rows may one query read to show a page, entries of indexes too.
ROWS_READ = 50_000


def prepare(home: Path, database_url: str, redis_url: str, scale: float) -> Store:
    """A store with its past, its people and its connections."""
    settings = Settings(home=home, database_url=database_url, secret_key=KEY, redis_url=redis_url)
    store = Store.open(settings, migrate=True)
    with store.database.read() as db:
        if db.scalar(select(contacts.c.id).limit(1)):
            return store
    managers = [f"manager{number}@example.ru" for number in range(PEOPLE)]
    for email in managers:
        users.create_user(store.database, email, f"Менеджер {email[7]}", "manager", PASSWORD)
    users.create_user(store.database, "admin@example.ru", "Админ", "admin", PASSWORD)
    with store.database.write() as db:
        ids = tuple(
            connections.save(db, store.vault, name, document, author="bench")
            for name, document in (("mango", MANGO), ("shop", SHOP), ("mail", MAIL), ("onec", ONEC))
        )
    started = time.perf_counter()
    with unindexed(store.database) as db:
        Past(db, scale, ids, managers, now()).write()  # type: ignore[arg-type]  # four of them
        print(f"rows written in {time.perf_counter() - started:.0f} s", flush=True)
    # What the scheduler would have made by and by.
    stock_items.catch_up(store.database, ())
    print(f"stock items made in {time.perf_counter() - started:.0f} s", flush=True)
    report_keeper.rebuild(store)
    if not store.database.is_sqlite:
        # Its own autovacuum would do so by and by; SQLite is left as a hub leaves it.
        with store.database.engine.connect() as db:
            db.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql("VACUUM ANALYZE")
    print(f"seeded in {time.perf_counter() - started:.0f} s", flush=True)
    return store


class Person:
    """Somebody signed in, over one connection kept open; the admin sees every page.

    http.client and no more: what the asking costs comes out of the same two cores.
    """

    def __init__(self, address: str) -> None:
        session = requests.Session()
        page = session.get(f"{address}/login", timeout=30).text
        token = re.search(r'name="csrf-token" content="([^"]+)"', page)
        assert token
        form = {"csrf_token": token[1], "email": "admin@example.ru", "password": PASSWORD}
        answer = session.post(f"{address}/login", data=form, timeout=30, allow_redirects=False)
        assert answer.status_code == 302, answer.status_code
        cookies = "; ".join(f"{one.name}={one.value}" for one in session.cookies)
        self._headers = {"Cookie": cookies}
        self._connection = http.client.HTTPConnection(address.removeprefix("http://"), timeout=60)

    def ask(self, path: str) -> float:
        """Milliseconds from the question to the last byte of the page."""
        started, wanted = time.perf_counter(), quote(path, safe="/?&=%@")
        self._connection.request("GET", wanted, headers=self._headers | headers_of(path))
        answer = self._connection.getresponse()
        answer.read()
        assert answer.status == 200, f"{path}: {answer.status}"
        return (time.perf_counter() - started) * 1000


def ask(people: list[Person], path: str, rounds: int) -> list[float]:
    """Milliseconds of every answer, ten people at once."""
    with ThreadPoolExecutor(len(people)) as pool:
        asked = pool.map(lambda person: [person.ask(path) for _ in range(rounds)], people)
        return [value for took in asked for value in took]


def walk(people: list[Person], paths: list[str], rounds: int) -> dict[str, list[float]]:
    """Milliseconds of every answer by page, ten people walking through the pages at once."""

    def one(number: int) -> list[tuple[str, float]]:
        order, took = random.Random(number), []  # noqa: S311  # no secret
        for _ in range(rounds):
            for path in order.sample(paths, len(paths)):
                time.sleep(PAUSE_SECONDS * order.uniform(0.5, 1.5))
                took.append((path, people[number].ask(path)))
        return took

    found: dict[str, list[float]] = {path: [] for path in paths}
    with ThreadPoolExecutor(len(people)) as pool:
        for took in pool.map(one, range(len(people))):
            for path, value in took:
                found[path].append(value)
    return found


def _p95(took: list[float]) -> float:
    return quantiles(took, n=20)[18]


def measure(report: Report, label: str, store: Store, folder: Path, paths: list[str]) -> None:
    """Each page without a pause, then all of them as people walk."""
    with gateway(store.settings, folder / "gunicorn.log") as port:
        address = f"http://127.0.0.1:{port}"
        people = [Person(address) for _ in range(PEOPLE)]
        ask(people, FLOOR, 1)
        floor = median(ask(people, FLOOR, ROUNDS))
        report.add(f"{label}: a page without lists, p50 (floor)", floor, unit="ms")
        for path in paths:
            ask(people, path, 1)
            took = ask(people, path, ROUNDS)
            report.add(f"{label}: {path}, without a pause, p50", median(took), floor, unit="ms")
            report.add(f"{label}: {path}, without a pause, p95", _p95(took), unit="ms")
        for path, took in walk(people, paths, CALM_ROUNDS).items():
            report.add(f"{label}: {path}, p50", median(took), unit="ms")
            report.add(f"{label}: {path}, p95", _p95(took), unit="ms", at_most=150)
    reader = Reader(store)
    for path in paths:
        queries, rows, text_of_worst = reader.look(path)
        report.add(f"{label}: {path}, queries", queries, unit="")
        report.add(f"{label}: {path}, most rows a query read", rows, unit="", at_most=ROWS_READ)
        if rows > ROWS_READ:
            print("    ", text_of_worst[:600])


def main() -> None:
    """SQLite with a tenth, PostgreSQL with the whole scale."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=0.02)
    parser.add_argument("--only", choices=("sqlite", "postgresql"))
    parser.add_argument("--keep", type=Path, help="a folder whose seeded stores are used again")
    parser.add_argument("--pages", help="only the pages that begin so")
    wanted = parser.parse_args()
    report = Report("pages")
    paths = [path for path in PAGES if path.startswith(wanted.pages or "/")]
    with tempfile.TemporaryDirectory() as name:
        folder, kept = Path(name), wanted.keep
        redis = OwnRedis(folder)
        redis.start()
        try:
            if wanted.only != "postgresql":
                home = (kept or folder) / "sqlite"
                store = prepare(home, "", redis.url, wanted.scale / 10)
                measure(report, "SQLite", store, folder, paths)
            if wanted.only != "sqlite":
                with servers.postgres(keep=kept and kept / "cluster") as cluster:
                    url = cluster.url(servers.SHARED)
                    store = prepare((kept or folder) / "postgres", url, redis.url, wanted.scale)
                    measure(report, "PostgreSQL", store, folder, paths)
                    store.database.dispose()
        finally:
            redis.kill()
    report.save()
    os.sync()


if __name__ == "__main__":
    main()

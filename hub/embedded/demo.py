"""`hub demo`: the whole hub beside emulated vendors that send real signed HTTP and serve SOAP."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from hub import settings as hub_settings
from hub.embedded import demo_report as report
from hub.embedded import processes
from hub.embedded.console import Console
from hub.embedded.demo_life import PEOPLE, go_on, hire
from hub.embedded.demo_memory import first_start, remember, remembered
from hub.embedded.demo_report import Tally
from hub.embedded.supervisor import Supervisor
from hub.flow import poll
from hub.registry import connector, make_connection, manifests
from hub.sdk.testing import post
from hub.settings import Settings
from hub.store import facts, users
from hub.store.connections import find_row, save
from hub.store.database import to_json
from hub.store.models import deliveries, events, sync_runs
from hub.store.store import Store

DEADLINE_SECONDS = 90.0
LOOK_SECONDS = 0.3
DEFAULTS = hub_settings.ROOT / "config" / "demo" / "hub.yml"


@dataclass
class Vendor:
    """One emulated vendor and its connection."""

    name: str
    emulator: Any
    connection_id: int = 0
    document: dict[str, Any] = field(default_factory=dict)

    @property
    def addresses(self) -> list[str]:
        """Where it answers, as its connection's settings say."""
        values = self.document.get("settings", {}).values()
        return sorted({str(value) for value in values if str(value).startswith("http://127.")})


def write_defaults(home: Path) -> None:
    """Give a new HUB_HOME the demo's hub.yml; one that is there stays as it is."""
    home.mkdir(parents=True, exist_ok=True)
    if not (home / "hub.yml").exists():
        (home / "hub.yml").write_bytes(DEFAULTS.read_bytes())


def run(
    settings: Settings,
    console: Console,
    *,
    once: bool,
    open_store: Callable[[], Store],
    first_admin: Callable[[Store], str | None],
) -> int:
    """Run the demo; returns the exit code, with `once` 1 when something is missing."""
    with emulators(settings.home) as vendors:
        demo = Demo(settings, console, vendors, once=once)
        code = processes.run(
            settings, console, lambda: lambda: demo.prepare(open_store(), first_admin), demo.show
        )
    return 1 if once and not demo.shown else code


@contextmanager
def emulators(home: Path) -> Iterator[list[Vendor]]:
    """Every connector's emulator, started; all are stopped at the end.

    Where an emulator dates its data by `now`, it is the moment of the demo's first start: sent
    again after a restart, the same data are repeats.
    """
    started: list[Vendor] = []
    try:
        for name, manifest in manifests().items():
            if (made := connector(name).emulator) is None:
                continue
            dated = "now" in inspect.signature(made).parameters
            emulator = made(now=first_start(home)) if dated else made()
            emulator.start()
            document = emulator.connection()
            # The shop's goods are not those of 1C: it gets no orders unless it always takes them.
            document.get("settings", {}).pop(manifest.sink_setting, None)
            started.append(Vendor(f"{name}-demo", emulator, document=document))
        yield started
    finally:
        for vendor in started:
            vendor.emulator.stop()


class Demo:
    """One run of the demo: connections in, requests sent, the table printed."""

    def __init__(
        self, settings: Settings, console: Console, vendors: list[Vendor], *, once: bool
    ) -> None:
        self._settings, self._console, self._vendors = settings, console, vendors
        self._once, self.shown, self._is_new = once, False, False
        self._store: Store
        self._former_run = 0

    def prepare(self, store: Store, first_admin: Callable[[Store], str | None]) -> None:
        """Store the emulators' connections and see that somebody can sign in."""
        self._store = store
        if password := first_admin(store):
            remember(self._settings.home, password=password)
        hire(store, self._settings)
        with store.database.read() as db:
            self._is_new = not db.scalar(select(func.count()).select_from(events))
            self._former_run = db.scalar(select(func.max(sync_runs.c.id))) or 0
        for vendor in self._vendors:
            make_connection(vendor.document, vendor.name)
            with store.database.write() as db:
                # Ports change from start to start; what did not change is no new revision.
                fact, text = f"demo:{vendor.name}", to_json(vendor.document)
                row = find_row(db, vendor.name)
                if row is None or facts.get_fact(db, fact) != text or row.state != "active":
                    save(db, store.vault, vendor.name, vendor.document, author="demo")
                    facts.set_fact(db, fact, text)
                    row = find_row(db, vendor.name)
                assert row is not None
                vendor.connection_id = row.id

    def show(self, supervisor: Supervisor) -> None:
        """Send, wait until everything is stored, print; with `once` end the hub."""
        tallies = [
            Tally(vendor.name, vendor.connection_id, vendor.emulator.expected())
            for vendor in self._vendors
        ]
        for vendor, tally in zip(self._vendors, tallies, strict=True):
            self._send(vendor, tally)
        runs = {vendor.name: self._ask(vendor) for vendor in self._vendors}
        self._wait(tallies, runs)
        self._count(tallies, runs)
        self._print(tallies)
        self.shown = True
        if not self._once:
            where = processes.address(self._settings)
            go_on([(vendor.emulator, f"{where}/in/{vendor.name}") for vendor in self._vendors])
        if self._once:
            supervisor.stop(1 if any(tally.problems for tally in tallies) else 0)

    def _send(self, vendor: Vendor, tally: Tally) -> None:
        """Post what the vendor posts, one after another as it would."""
        url = f"{processes.address(self._settings)}/in/{vendor.name}"
        answer = connector(vendor.document["connector"]).answer
        connection = make_connection(vendor.document, vendor.name)
        with self._store.database.read() as db:
            tally.events_before = report.count_events(db, vendor.connection_id)
        for request in vendor.emulator.webhooks():
            tally.sent += 1
            try:
                response = post(request, url)
            except OSError as error:
                tally.problems.append(f"{type(error).__name__}: {error}")
                return
            if not response.ok:
                tally.problems.append(f"HTTP {response.status_code}: {response.text[:100]}")
                continue
            tally.accepted += 1
            if answer is not None and answer(request, connection, lambda kind, value: None):
                tally.unread += 1
        if hasattr(vendor.emulator, "exchange"):
            self._exchange(vendor, tally)

    def _exchange(self, vendor: Vendor, tally: Tally) -> None:
        """Let a vendor that talks step by step bring what it has and fetch what is new for it."""
        url = f"{processes.address(self._settings)}/in/{vendor.name}"
        with self._store.database.read() as db:
            before = report.count_events(db, vendor.connection_id)
        try:
            steps = vendor.emulator.exchange(url)
        except Exception as error:
            tally.problems.append(f"{type(error).__name__}: {error}")
            return
        with self._store.database.read() as db:
            tally.unread += steps - report.count_events(db, vendor.connection_id) + before
        tally.sent, tally.accepted = tally.sent + steps, tally.accepted + steps

    def _fetch(self, tallies: list[Tally]) -> None:
        """Let vendors that fetch what is due to them do so."""
        for vendor, tally in zip(self._vendors, tallies, strict=True):
            if hasattr(vendor.emulator, "exchange") and not tally.problems:
                with self._store.database.read() as db:
                    is_owed = report.owed(db, [vendor.connection_id])
                if is_owed:
                    self._exchange(vendor, tally)

    def _ask(self, vendor: Vendor) -> list[int]:
        """Request a run of every stream the vendor's connection schedules."""
        return [
            poll.request_run(self._store, vendor.name, stream, "person")
            for stream in vendor.document.get("schedule", {})
        ]

    def _wait(self, tallies: list[Tally], runs: dict[str, list[int]]) -> None:
        """Until nothing is left to do and nothing is missing, or the deadline."""
        ids = [number for numbers in runs.values() for number in numbers]
        connections = [tally.connection_id for tally in tallies]
        until = time.monotonic() + DEADLINE_SECONDS
        while time.monotonic() < until:
            self._fetch(tallies)
            with self._store.database.read() as db:
                open_runs = db.scalar(
                    select(func.count()).where(
                        sync_runs.c.id.in_(ids), sync_runs.c.status.in_(poll.OPEN)
                    )
                )
                for tally in tallies:
                    tally.stored = report.stored(db, tally.connection_id)
                if not open_runs and not report.unfinished(db, connections):
                    return
            time.sleep(LOOK_SECONDS)

    def _count(self, tallies: list[Tally], runs: dict[str, list[int]]) -> None:
        with self._store.database.read() as db:
            for tally in tallies:
                key, numbers = tally.connection_id, runs[tally.name]
                tally.stored = report.stored(db, key)
                tally.events_now = report.count_events(db, key)
                # The scheduler starts a new stream at once, so our own run may find nothing new.
                read = select(func.sum(sync_runs.c.rows_read)).where(
                    sync_runs.c.connection_id == key, sync_runs.c.id > self._former_run
                )
                tally.rows_read = int(db.scalar(read) or 0)
                made = select(func.count()).where(
                    deliveries.c.connection_id == key, deliveries.c.status == "delivered"
                )
                tally.delivered = int(db.scalar(made) or 0)
                tally.problems += report.troubles(db, key, numbers)
                tally.problems += report.missing(tally, exact=self._is_new)

    def _print(self, tallies: list[Tally]) -> None:
        console = self._console
        console.line()
        for line in report.lines(tallies, console.language):
            console.line(line)
        for vendor in self._vendors:
            if vendor.addresses:
                console.line(f"  {vendor.name}: {', '.join(vendor.addresses)}")
        for tally in tallies:
            for problem in tally.problems:
                console.say(
                    f"✗ не хватает – {tally.name}: {problem}",
                    f"✗ missing – {tally.name}: {problem}",
                )
        console.line()
        where = processes.address(self._settings)
        console.say(f"Сайт: {where}", f"Site: {where}")
        email, password = self._login()
        console.say(f"Вход: {email}, пароль {password}", f"Sign in: {email}, password {password}")
        people = ", ".join(name for name, _, _ in PEOPLE)
        password = remembered(self._settings.home).get("people_password", "")
        console.say(
            f"Руководитель и менеджеры: {people}, пароль {password}",
            f"Head and managers: {people}, password {password}",
        )
        if not self._once:
            console.say(
                f"Данные: {self._settings.home}. Ctrl-C – остановить",
                f"Data: {self._settings.home}. Ctrl-C stops it",
            )

    def _login(self) -> tuple[str, str]:
        """The first admin and the password, unless a person has changed it."""
        admin = next(
            user for user in users.list_users(self._store.database) if user.role == users.ADMIN
        )
        kept = remembered(self._settings.home).get("password", "")
        if kept and users.verify_password(self._store.database, admin.id, kept):
            return admin.email, kept
        return admin.email, f"… (hub users password {admin.email})"

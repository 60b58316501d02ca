"""Durable accept, as a sender sees it: verify, store, sync to the disk, and only then the 2xx.

The floor: gunicorn gthread 2×32 with a bare Flask application whose one route only verifies the
HMAC. The hub's gateway is its real gunicorn on SQLite (synchronous=FULL) and on PostgreSQL (fsync
and synchronous_commit on); no worker runs, for it is the accept that is measured. Floor and hub
take turns, so that the machine's moods hit both; the median of the rounds counts.
"""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from sqlalchemy import func, select

from connectors.standard_webhook.emulator import Emulator
from hub.settings import Settings
from hub.store import connections
from hub.store.models import events
from hub.store.store import Store
from tests.bench.load import Load, Result
from tests.bench.report import Report
from tests.support import servers
from tests.support.running import free_port
from tests.support.web import gateway, gunicorn

ROUNDS = 3
SECONDS, ALONE_SECONDS = 4, 2
CONNECTIONS = 32
KEY = "a key for a bench"


class Measured:
    """One server under load: its port, its path and, for a hub, its store."""

    def __init__(self, label: str, port: int, path: str, store: Store | None = None) -> None:
        self.label, self.port, self.path, self.store = label, port, path, store
        self.busy: list[Result] = []
        self.alone: list[Result] = []

    def middle(self, values: list[float]) -> float:
        """The median of the rounds."""
        return statistics.median(values)

    @property
    def accepted(self) -> int:
        return sum(result.ok for result in (*self.busy, *self.alone))

    def stored(self) -> int:
        """Events in the hub's store."""
        assert self.store is not None
        with self.store.database.read() as db:
            return int(db.scalar(select(func.count()).select_from(events)) or 0)


@contextmanager
def floor(folder: Path) -> Iterator[Measured]:
    """The floor's server."""
    port = free_port()
    options = ["-k", "gthread", "-w", "2", "--threads", "32", "--keep-alive", "15"]
    options += ["-b", f"127.0.0.1:{port}", "--no-control-socket", "tests.bench.floor_web:serve()"]
    with gunicorn(*options, port=port, log=folder / "floor.log"):
        yield Measured("floor", port, "/verify")


@contextmanager
def hub(folder: Path, label: str, database_url: str, redis_url: str) -> Iterator[Measured]:
    """The hub's own gunicorn with one connection, as `hub up` starts it."""
    settings = Settings(
        home=folder / label, database_url=database_url, redis_url=redis_url, secret_key=KEY
    )
    store = Store.open(settings, migrate=True)
    with store.database.write() as db:
        connections.save(db, store.vault, "site", Emulator().connection(), author="bench")
    with gateway(settings, folder / f"{label}.log") as port:
        yield Measured(label, port, "/in/site", store)
    store.database.dispose()


def measure(load: Load, servers_: list[Measured]) -> None:
    """Rounds of everybody in turn: many connections, then a single one."""
    for server in servers_:
        load.run(server.port, server.path, 1, CONNECTIONS)  # warm-up, counted nowhere
    counted = [(one, one.stored()) for one in servers_ if one.store is not None]
    for _ in range(ROUNDS):
        for server in servers_:
            server.busy.append(load.run(server.port, server.path, SECONDS, CONNECTIONS))
        for server in servers_:
            server.alone.append(load.run(server.port, server.path, ALONE_SECONDS, 1))
    for server, before in counted:
        stored, under_way = server.stored() - before, 2 * ROUNDS * (CONNECTIONS + 1)
        # wrk hangs up at the end of a round: what was under way then is stored and not counted.
        assert server.accepted <= stored <= server.accepted + under_way, (server.accepted, stored)
        print(f"{server.label}: {server.accepted} × 2xx, {stored} events stored")


def tell(report: Report, base: Measured, server: Measured) -> None:
    """The lines of one server; the floor has nothing to reach."""
    rate = server.middle([one.per_second for one in server.busy])
    lone = server.middle([one.p50_ms for one in server.alone])
    broken = sum(one.refused + one.broken for one in (*server.busy, *server.alone))
    name, is_hub = server.label, server is not base
    if is_hub:
        floor_rate = base.middle([one.per_second for one in base.busy])
        report.add(f"{name}: 32 connections", rate, floor_rate, at_least=0.70)
    else:
        report.add(f"{name}: 32 connections", rate)
    for share, took in (
        ("p50", [one.p50_ms for one in server.busy]),
        ("p99", [one.p99_ms for one in server.busy]),
    ):
        most = 50.0 if is_hub and share == "p99" else None
        name_of = f"{name}: 32 connections, {share}"
        report.add(name_of, server.middle(took), unit="ms", at_most=most)
    report.add(f"{name}: 1 connection, p50", lone, unit="ms")
    if is_hub:
        above = lone - base.middle([one.p50_ms for one in base.alone])
        report.add(f"{name}: 1 connection, p50 above the floor", above, unit="ms", at_most=1.0)
    report.add(f"{name}: refused or broken", broken, unit="", at_most=0.0)


def main() -> None:
    """Print the floor and both databases."""
    report = Report("accept")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        redis_url = stack.enter_context(servers.redis_server())
        cluster = stack.enter_context(servers.postgres(durable=True))
        url = stack.enter_context(cluster.empty_database())
        load = Load(folder)
        print(f"{load.body_bytes} bytes a body, sent by {load.client}")
        base = stack.enter_context(floor(folder))
        hubs = [
            stack.enter_context(hub(folder, "SQLite", "", redis_url)),
            stack.enter_context(hub(folder, "PostgreSQL", url, redis_url)),
        ]
        measure(load, [base, *hubs])
        for server in (base, *hubs):
            tell(report, base, server)
    report.save()


if __name__ == "__main__":
    main()

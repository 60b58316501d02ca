"""A full stock snapshot over SOAP into the store, against the bare parse of the same bytes.

The floor: lxml iterparse of the same answer, plus executemany of the same rows into SQLite.
"""

from __future__ import annotations

import io
import resource
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lxml import etree

from connectors.onec_soap.emulator import Emulator, many_rows
from hub.flow import poll
from hub.settings import Settings
from hub.store import connections
from hub.store.store import Store
from tests.bench.report import Report
from tests.support import servers

ROWS = 100_000


def memory_mb() -> float:
    """The most memory this process has held, in megabytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def bare(answer: bytes, path: Path) -> float:
    """Rows per second of the bare way."""
    started = time.perf_counter()
    db = sqlite3.connect(path)
    db.execute("create table stock (sku, warehouse, quantity, primary key (sku, warehouse))")
    db.executemany("insert or replace into stock values (?, ?, ?)", _bare_rows(answer))
    db.commit()
    return ROWS / (time.perf_counter() - started)


def _bare_rows(answer: bytes) -> Iterator[tuple[Any, ...]]:
    for _, row in etree.iterparse(io.BytesIO(answer), tag="{*}Row"):
        found = {etree.QName(child).localname: child.text for child in row}
        yield found["Article"], found["Warehouse"], found["Qty"]
        row.clear()


class Rows:
    """The answer, made anew and as it is sent for every call: this process holds none of it."""

    def __iter__(self) -> Iterator[bytes]:
        return many_rows(ROWS)


def main() -> None:
    """Print the first load and the unchanged reload."""
    report = Report("stock")
    answer = b"".join(many_rows(ROWS))
    emulator = Emulator()
    emulator.answers["GetRemains"] = Rows()
    emulator.start()
    with tempfile.TemporaryDirectory() as folder, servers.redis_server() as redis_url:
        floor = bare(answer, Path(folder) / "bare.db")
        report.add("bare parse and executemany", floor, unit="rows/s")
        store = Store.open(
            Settings(home=Path(folder), redis_url=redis_url, secret_key="a key for a bench"),
            migrate=True,
        )
        with store.database.write() as db:
            connections.save(db, store.vault, "onec", emulator.connection(), author="bench")
        store.catalog.forget()
        before = memory_mb()
        for what in ("first load", "nothing changed"):
            run = poll.request_run(store, "onec", "stock", "person")
            started = time.perf_counter()
            status = poll.run_sync(store, run)
            assert status == "succeeded", status
            report.add(what, ROWS / (time.perf_counter() - started), floor, "rows/s")
        report.add("memory growth", memory_mb() - before, unit="MB")
    emulator.stop()
    report.save()


if __name__ == "__main__":
    main()

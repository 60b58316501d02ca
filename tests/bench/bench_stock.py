"""A stock answer over SOAP into the store, on SQLite and PostgreSQL.

Floors of the same run: the same bytes through lxml iterparse and the same rows and columns through
executemany or COPY into the same table with its keys; zeep objects with an ORM object per row
(5 000 rows, time and memory taken twenty times: both grow with the rows).
"""

from __future__ import annotations

import io
import sqlite3
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import psycopg
from lxml import etree

from connectors.onec_soap.emulator import Emulator, many_rows
from hub.settings import Settings
from hub.store import connections
from hub.store.store import Store
from tests.bench.report import Report
from tests.bench.stock_child import Figures, run_child
from tests.bench.stock_vendor import vendor
from tests.support import servers

ROWS, MANY_ROWS, ZEEP_ROWS = 100_000, 1_000_000, 5_000
TAG = "{http://example.ru/stockhub/types}Row"
COLUMNS = (
    "connection_id, item_key, variant_key, warehouse_key, variant, warehouse, sku,"
    " product_external_id, product_name, quantity, reserved, available, price, as_of, stream,"
    " created_at, updated_at, run_id, search_text"
)
MOMENT = "2026-01-12T15:21:10.000000Z"


def bare_rows(answer: bytes) -> Iterator[tuple[Any, ...]]:
    """Rows as lxml reads them, by the names of their fields, memory flat."""
    for _, row in etree.iterparse(io.BytesIO(answer), tag=TAG):
        found = {child.tag.rpartition("}")[2]: child.text for child in row}
        item, name = found["Item"], found["Name"]
        quantity, article = found["Qty"], found["Article"]
        changed, reserved = f"{found['ChangedAt']}Z", found["Reserve"]
        warehouse = found["Warehouse"]
        yield (1, item, "", warehouse, "", warehouse, article, item, name, quantity, reserved,
               quantity, found["Price"], changed, "stock", MOMENT, MOMENT, 1, name)  # fmt: skip
        row.clear()
        while row.getprevious() is not None:
            del row.getparent()[0]


def bare_sqlite(path: Path, rows: Iterable[tuple[Any, ...]]) -> None:
    """Write the rows by the driver's executemany, in one transaction."""
    db = sqlite3.connect(path)
    db.execute("PRAGMA synchronous=FULL")
    marks = ", ".join("?" * 19)
    db.executemany(f"INSERT INTO stock_levels ({COLUMNS}) VALUES ({marks})", rows)  # noqa: S608  # ours
    db.commit()
    db.close()


def bare_postgres(url: str, rows: Iterable[tuple[Any, ...]]) -> None:
    """Write the rows by COPY, in one transaction."""
    with (
        psycopg.connect(url.replace("+psycopg", "")) as db,
        db.cursor() as cursor,
        cursor.copy(f"COPY stock_levels ({COLUMNS}) FROM STDIN") as copy,
    ):
        for row in rows:
            copy.write_row(row)


def bare(home: Path, database_url: str, redis_url: str) -> Figures:
    """Seconds of the bare way, and of this process at work: parse and write."""
    settings = Settings(
        home=home, database_url=database_url, redis_url=redis_url, secret_key="a bench's key"
    )
    store = Store.open(settings, migrate=True)
    with store.database.write() as db:
        connections.save(db, store.vault, "onec", Emulator().connection(), author="bench")
    store.database.dispose()
    answer = b"".join(many_rows(ROWS))
    started, busy = time.perf_counter(), time.process_time()
    rows = bare_rows(answer)
    if store.database.is_sqlite:
        bare_sqlite(home / "hub.db", rows)
    else:
        bare_postgres(database_url, rows)
    return {"first": time.perf_counter() - started, "first cpu": time.process_time() - busy}


def report_one(report: Report, kind: str, bare: Figures, ours: Figures, plain: Figures) -> None:
    """Print what one database gave."""
    times = ROWS / ZEEP_ROWS
    report.add(f"{kind}: bare iterparse and bulk write", bare["first"], unit="s")
    report.add(f"{kind}: first load", ours["first"], bare["first"], "s", at_most=2)
    # On a busy machine the processor's time is the steadier measure (without PostgreSQL's own).
    report.add(f"{kind}: first load, processor", ours["first cpu"], bare["first cpu"], "s")
    report.add(f"{kind}: first load, rows", ROWS / ours["first"], unit="rows/s")
    report.add(f"{kind}: first load, in the stock page's list too", ours["first listed"], unit="s")
    zeep = plain["first"] * times
    report.add(f"{kind}: zeep objects and ORM, scaled from {ZEEP_ROWS}", zeep, unit="s")
    report.add(f"{kind}: faster than that", zeep / ours["first"], unit="times", at_least=10)
    memory = plain["memory"] * times / max(ours["memory"], 1)
    report.add(f"{kind}: less memory than that", memory, unit="times", at_least=10)
    report.add(f"{kind}: memory growth", ours["memory"], unit="MB", at_most=40)
    again = plain["unchanged"] * times
    report.add(f"{kind}: nothing changed", ours["unchanged"], unit="s")
    faster = again / ours["unchanged"]
    report.add(f"{kind}: nothing changed, faster than zeep", faster, unit="times", at_least=12)
    report.add(f"{kind}: nothing changed, rows written", ours["unchanged written"], unit="rows",
               at_most=0)  # fmt: skip
    log = ours["unchanged log"] / 1e6
    report.add(f"{kind}: nothing changed, log written", log, unit="MB", at_most=1)
    report.add(f"{kind}: the same answer again", ours["same"], unit="s")
    faster = again / ours["same"]
    report.add(f"{kind}: the same answer, faster than zeep", faster, unit="times", at_least=80)
    for what in ("first", "unchanged"):
        busy = plain[f"{what} cpu"] * times / ours[f"{what} cpu"]
        report.add(f"{kind}: {what}, less processor time than zeep", busy, unit="times")
    busy = plain["unchanged cpu"] * times / ours["same cpu"]
    report.add(f"{kind}: same answer, less processor time than zeep", busy, unit="times")


def main() -> None:
    """Print both databases, then a million rows."""
    report = Report("stock")
    with (
        tempfile.TemporaryDirectory() as folder,
        servers.redis_server() as redis_url,
        servers.postgres() as cluster,
        vendor(ROWS) as onec,
        vendor(ZEEP_ROWS) as small,
    ):
        for kind in ("SQLite", "PostgreSQL"):
            homes = [Path(folder) / kind / way for way in ("bare", "hub", "zeep")]
            for home in homes:
                home.mkdir(parents=True)
            with (
                cluster.empty_database() as one,
                cluster.empty_database() as two,
                cluster.empty_database() as three,
            ):
                urls = ["", "", ""] if kind == "SQLite" else [one, two, three]
                rows = bare(homes[0], urls[0], redis_url)
                ours = run_child("hub", urls[1], homes[1], redis_url, onec)
                plain = run_child("zeep", urls[2], homes[2], redis_url, small)
            report_one(report, kind, rows, ours, plain)
        with vendor(MANY_ROWS) as big:
            home = Path(folder) / "many"
            home.mkdir()
            many = run_child("first", "", home, redis_url, big)
        assert many["rows"] == MANY_ROWS
        report.add("SQLite, 1 000 000 rows: memory growth", many["memory"], unit="MB",
                   at_most=40)  # fmt: skip
        report.add("SQLite, 1 000 000 rows: first load", MANY_ROWS / many["first"], unit="rows/s")
    report.save()


if __name__ == "__main__":
    main()

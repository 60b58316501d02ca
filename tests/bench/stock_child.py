"""One way of storing a stock answer, in a process of its own: its peak memory is its own.

`python -m tests.bench.stock_child WAY DATABASE_URL HOME REDIS_URL < connection.json` prints JSON.
WAY: `hub` (first load, nothing changed, the same answer once more), `first` (the load alone) or
`zeep` (zeep objects and an ORM object per row: first load and once more).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import requests
import zeep
from sqlalchemy import select, text
from sqlalchemy.orm import Session, registry

from connectors.onec_soap import poll as onec
from hub.flow import poll
from hub.settings import Settings
from hub.store import connections, stock_items
from hub.store.cursors import forget_answers
from hub.store.database import utc_now
from hub.store.models import stock_levels, sync_runs
from hub.store.store import Store

#: Imported before memory is looked at, as in a worker that has synced before.
WARM = (onec,)
Figures = dict[str, float]
RUNS = ("first", "unchanged", "same")


def run_child(way: str, database_url: str, home: Path, redis_url: str, file: Any) -> Figures:
    """Run this module as a process and return what it measured."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.stock_child", way, database_url, str(home), redis_url],
        input=json.dumps(file),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    figures: Figures = json.loads(done.stdout.splitlines()[-1])
    return figures


def memory_mb(what: str) -> float:
    """VmRSS (now) or VmHWM (the most since the last reset) of this process, in megabytes."""
    lines = Path("/proc/self/status").read_text("ascii").splitlines()
    return int(next(line for line in lines if line.startswith(what)).split()[1]) / 1024


def forget_peak() -> None:
    """Let the peak memory count from now."""
    Path("/proc/self/clear_refs").write_text("5")


_catch_up = stock_items.catch_up


def catch_up(over: list[tuple[float, float]], *args: Any, **kwargs: Any) -> int:
    """Note when the run was over, then do what follows it."""
    over.append((time.perf_counter(), time.process_time()))
    return _catch_up(*args, **kwargs)


def by_hub(store: Store, runs: Sequence[str]) -> Figures:
    """The hub's own way: a first load, nothing changed, the same answer."""
    found: Figures = {}
    before = memory_mb("VmRSS")
    forget_peak()
    for what in runs:
        if what == "unchanged":
            with store.database.write() as db:
                forget_answers(db, 1)
        log = log_position(store)
        run = poll.request_run(store, "onec", "stock", "person")
        over: list[tuple[float, float]] = []
        started, busy = time.perf_counter(), time.process_time()
        with patch.object(stock_items, "catch_up", partial(catch_up, over)):
            status = poll.run_sync(store, run)
        done = (time.perf_counter(), time.process_time())
        # The run is over, its lease given back, before the stock page's own rows are made.
        at = over[0] if over else done
        found[what], found[f"{what} cpu"] = at[0] - started, at[1] - busy
        found[f"{what} listed"] = done[0] - started
        assert status == "succeeded", status
        found[f"{what} log"] = log_position(store) - log
        with store.database.read() as db:
            row = db.execute(select(sync_runs).where(sync_runs.c.id == run)).one()
        found[f"{what} written"] = row.rows_created + row.rows_changed + row.rows_removed
        found["rows"] = row.rows_read
    found["memory"] = memory_mb("VmHWM") - before
    return found


def log_position(store: Store) -> float:
    """Bytes of write-ahead log written so far (SQLite: since it was last emptied)."""
    with store.database.engine.connect() as db:
        if not store.database.is_sqlite:
            return float(db.scalar(text("SELECT pg_current_wal_lsn() - '0/0'::pg_lsn")) or 0)
    path = Path(f"{store.database.engine.url.database}-wal")
    return float(path.stat().st_size if path.exists() else 0)


class Level:
    """A stock level as an ORM object."""


def by_zeep(store: Store, file: Any) -> Figures:
    """What one writes first: zeep makes objects, an ORM object is looked up for each."""
    registry().map_imperatively(Level, stock_levels)
    web = requests.Session()
    web.auth = (file["settings"]["username"].encode(), file["secrets"]["password"].encode())
    web.trust_env = False
    client: Any = zeep.Client(  # type: ignore[no-untyped-call]  # zeep annotates this in part
        file["settings"]["wsdl"],
        transport=zeep.Transport(session=web),  # type: ignore[no-untyped-call]  # as above
    )
    binding = next(iter(next(iter(client.wsdl.services.values())).ports.values())).binding
    service = client.create_service(binding.name, file["settings"]["address"])
    found: Figures = {}
    before = memory_mb("VmRSS")
    forget_peak()
    for what in ("first", "unchanged"):
        started, busy = time.perf_counter(), time.process_time()
        answer = service.GetRemains(Warehouse="", ChangedSince=None)
        with Session(store.database.engine, autoflush=False) as session:
            for row in answer:
                _put(session, row)
            session.commit()
        found[what] = time.perf_counter() - started
        found[f"{what} cpu"] = time.process_time() - busy
        found["rows"] = len(answer)
    found["memory"] = memory_mb("VmHWM") - before
    return found


def _put(session: Session, row: Any) -> None:
    table = stock_levels.c
    level: Any = session.scalars(
        select(Level).where(
            table.connection_id == 1,
            table.item_key == row.Item,
            table.variant == "",
            table.warehouse == row.Warehouse,
        )
    ).one_or_none()
    if level is None:
        level = Level()
        level.connection_id, level.item_key, level.warehouse = 1, row.Item, row.Warehouse
        level.updated_at = utc_now()
        session.add(level)
    level.sku, level.product_external_id, level.product_name = row.Article, row.Item, row.Name
    level.quantity, level.reserved, level.price = Decimal(row.Qty), row.Reserve, row.Price
    level.available = level.quantity - (row.Reserve or 0)
    level.as_of = row.ChangedAt.astimezone()
    level.search_text = f"{row.Article}\n{row.Name}".lower()


def main() -> None:
    """Measure one way and print the figures."""
    way, database_url, home, redis_url = sys.argv[1:]
    file = json.load(sys.stdin)
    settings = Settings(
        home=Path(home), database_url=database_url, redis_url=redis_url, secret_key="a bench's key"
    )
    store = Store.open(settings, migrate=True)
    with store.database.write() as db:
        connections.save(db, store.vault, "onec", file, author="bench")
    store.catalog.forget()
    if way == "zeep":
        figures = by_zeep(store, file)
    else:
        figures = by_hub(store, RUNS if way == "hub" else RUNS[:1])
    print(json.dumps({**figures, "process": os.getpid()}))


if __name__ == "__main__":
    main()

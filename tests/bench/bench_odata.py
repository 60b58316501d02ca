"""A balance of 300,000 rows by OData into the store: one streamed reply, memory flat.

Floor of the same run: the same bytes through json.loads whole and the rows summed in a dict, which
is what one writes first. Both in processes of their own, so that peak memory is their own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

from connectors.onec_odata import poll as onec
from connectors.onec_odata.emulator import Emulator, balance_reply
from hub.flow import poll
from hub.registry import make_connection
from hub.settings import Settings
from hub.store import connections
from hub.store.models import sync_runs
from hub.store.store import Store
from tests.bench.report import Report
from tests.bench.stock_child import forget_peak, memory_mb

FEW, MANY = 30_000, 300_000
STOCK = {
    "balance": "AccumulationRegister_ТоварыНаСкладах",
    "warehouse": "Склад",
    "quantity": ["ВНаличии"],
    "reserved": ["КОтгрузке"],
    "names": False,
}
WAYS = ("plain", "read", "first", "again")


def document(base: Emulator) -> dict[str, Any]:
    """The connection file of the measured base."""
    file = base.connection()
    return {**file, "settings": {**file["settings"], "streams": {"stock": STOCK}}, "schedule": {}}


def child(way: str, file: dict[str, Any], home: Path, rows: int) -> dict[str, float]:
    """Measure one way in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.bench_odata", way, str(home), str(rows)],
        input=json.dumps(file),
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "HUB_SECRET_KEY": "a bench's key"},
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def measure(way: str, home: Path, rows: int) -> dict[str, float]:
    """What the child does: bare JSON, the connector alone, or a whole sync run."""
    file = json.loads(sys.stdin.read())
    store = Store.open(Settings(home=home, secret_key="a bench's key"), migrate=True)
    if store.catalog.get("onec") is None:
        with store.database.write() as db:
            connections.save(db, store.vault, "onec", file, author="bench")
    connection = make_connection(
        file, "onec", allowed_networks=("127.0.0.0/8",), cache_dir=str(home / "cache")
    )
    before = memory_mb("VmRSS")
    forget_peak()
    started = time.perf_counter()
    if way == "plain":
        body = json.loads(b"".join(balance_reply(rows)), parse_float=Decimal)
        sums: dict[tuple[str, ...], Decimal] = {}
        for row in body["value"]:
            key = (row["Номенклатура_Key"], row["Характеристика_Key"], row["Склад_Key"])
            sums[key] = sums.get(key, Decimal(0)) + row["ВНаличииBalance"]
    elif way == "read":
        count = sum(len(page.rows) for page in onec.read(connection, "stock", {}))
        assert count == rows, count
    else:
        run_id = poll.request_run(store, "onec", "stock", "person")
        assert poll.run_sync(store, run_id) == "succeeded"
        with store.database.read() as db:
            written = db.execute(sync_runs.select().order_by(sync_runs.c.id.desc())).first()
        assert written is not None
        assert written.rows_read == rows
    return {"seconds": time.perf_counter() - started, "memory": memory_mb("VmHWM") - before}


def main() -> None:
    """Serve the base and measure each way against it."""
    report = Report("odata")
    base = Emulator()
    base.start()
    try:
        found: dict[tuple[str, int], dict[str, float]] = {}
        for rows in (FEW, MANY):
            with tempfile.TemporaryDirectory() as folder:
                for way in WAYS:
                    base.balance = balance_reply(rows)
                    found[way, rows] = child(way, document(base), Path(folder), rows)
    finally:
        base.stop()
    plain, read = found["plain", MANY], found["read", MANY]
    report.add("json.loads whole and a dict", plain["seconds"], unit="s")
    report.add("the connector alone", read["seconds"], plain["seconds"], "s")
    report.add("a first load into SQLite", found["first", MANY]["seconds"], plain["seconds"], "s")
    report.add("the same answer again", found["again", MANY]["seconds"], plain["seconds"], "s")
    report.add("json.loads whole: memory", plain["memory"], unit="MB")
    report.add("the connector: memory", read["memory"], unit="MB", at_most=40)
    report.add("a first load: memory", found["first", MANY]["memory"], unit="MB", at_most=80)
    growth = read["memory"] - found["read", FEW]["memory"]
    report.add("the connector: ten times the rows, memory more", growth, unit="MB", at_most=15)
    report.save()


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(measure(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))))
    else:
        main()

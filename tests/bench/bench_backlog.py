"""A backlog of 100 000 events worked off: as fast at the end as at the start, in flat memory."""

from __future__ import annotations

import os
import resource
import sys
import tempfile
import time
from pathlib import Path

from hub.flow.drain import drain
from hub.memory import settle_memory
from tests.bench.bench_drain import fill, log_to_nowhere, open_store
from tests.bench.report import Report
from tests.support import servers

EVENTS = 100_000
#: The start and the end are this share of the backlog each.
SHARE = 5
STATUS = Path("/proc/self/statm")


def memory_mb() -> float:
    """What this process holds now, in megabytes; the most it ever held where Linux is not."""
    if STATUS.exists():
        return int(STATUS.read_text().split()[1]) * resource.getpagesize() / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure(report: Report, label: str, database_url: str, count: int) -> None:
    """Fill the inbox, then work it off in pieces and compare the first with the last."""
    with tempfile.TemporaryDirectory() as folder:
        store, key = open_store(Path(folder), database_url, "redis://localhost:1/0")
        fill(store, key, 2_000, "warm")
        drain(store, key, 600)
        fill(store, key, count, os.urandom(4).hex())
        marks: list[tuple[float, int]] = [(time.perf_counter(), 0)]
        memory = [memory_mb()]
        while done := drain(store, key, 1.0):
            marks.append((time.perf_counter(), marks[-1][1] + done))
            memory.append(memory_mb())
        (began, _), (ended, total) = marks[0], marks[-1]
        assert total == count, total
        first = next(mark for mark in marks if mark[1] >= total / SHARE)
        last = next(mark for mark in marks if mark[1] >= total * (1 - 1 / SHARE))
        start = first[1] / (first[0] - began)
        end = (total - last[1]) / (ended - last[0])
        report.add(f"{label}: whole backlog of {count}", total / (ended - began))
        report.add(f"{label}: rate at the start", start)
        report.add(f"{label}: rate at the end", end, start, target="≥ 0.9 of the start")
        growth = memory[-1] - memory[len(memory) // SHARE]
        report.add(f"{label}: memory growth after the start", growth, unit="MB", target="flat")
        store.database.dispose()


def main() -> None:
    """Print SQLite, and PostgreSQL when asked (`--postgres`)."""
    log_to_nowhere()
    settle_memory()
    report = Report("backlog")
    measure(report, "SQLite", "", EVENTS)
    if "--postgres" in sys.argv:
        with servers.postgres() as cluster, cluster.empty_database() as url:
            measure(report, "PostgreSQL", url, EVENTS)
    report.save()


if __name__ == "__main__":
    main()

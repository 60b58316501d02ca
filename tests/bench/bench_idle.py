"""What the whole hub costs while nothing happens: `hub up` on SQLite with its embedded Redis.

Memory is the sum of the proportional set sizes of every process, processor time what they used
over the measured seconds. Prints each process, so that a growth has a name.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from connectors.mango.emulator import Emulator as Mango
from connectors.standard_webhook.emulator import Emulator as Site
from hub.settings import Settings
from hub.store.store import Store
from tests.bench.report import Report
from tests.support.hub import Hub
from tests.support.running import RunningHub, processes, running_hub

SETTLING_SECONDS = 10.0
MEASURED_SECONDS = 45.0
TICKS = os.sysconf("SC_CLK_TCK")


def tree(root: int) -> list[int]:
    """A process and all that descend from it."""
    table = processes()
    mine = {root}
    while grown := {pid for pid, (parent, _) in table.items() if parent in mine} - mine:
        mine |= grown
    return sorted(mine)


def pss_mib(pid: int) -> float:
    """A process's proportional set size."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    raise ValueError(f"no Pss of {pid}")


def cpu_seconds(pid: int) -> float:
    """Processor time that a process has used."""
    cells = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(cells[11]) + int(cells[12])) / TICKS


def switches(pid: int) -> int:
    """How often a process was woken."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("voluntary_ctxt_switches"):
            return int(line.split()[1])
    raise ValueError(f"no switches of {pid}")


def measure(report: Report, hub: RunningHub) -> None:
    """Print each process and the sums."""
    pids = tree(hub.process.pid)
    commands = processes()
    before = {pid: (cpu_seconds(pid), switches(pid)) for pid in pids}
    time.sleep(MEASURED_SECONDS)
    used, woken, memory = 0.0, 0.0, 0.0
    for pid in pids:
        share = 100 * (cpu_seconds(pid) - before[pid][0]) / MEASURED_SECONDS
        wakes = (switches(pid) - before[pid][1]) / MEASURED_SECONDS
        size = pss_mib(pid)
        name = " ".join(commands[pid][1].split())[:48]
        print(f"  {name:<48} {size:>7.1f} MiB {share:>6.2f} % {wakes:>6.1f} wake-ups/s")
        used, woken, memory = used + share, woken + wakes, memory + size
    report.add("idle: memory of every process (PSS)", memory, unit="MiB", target="≤ 250")
    report.add("idle: processor", used, unit="% of a core", target="≤ 1")
    report.add("idle: wake-ups of every process", woken, unit="/s")


def main() -> None:
    """Print the idle hub's cost."""
    report = Report("idle")
    with TemporaryDirectory(prefix="uzel-b-") as folder:
        store = Hub(Store.open(Settings(home=Path(folder), secret_key="bench"), migrate=True))
        store.connect("mango", Mango().connection())
        store.connect("site", Site().connection())
        store.store.database.dispose()
        with running_hub(Path(folder), HUB_SECRET_KEY="bench") as hub:
            time.sleep(SETTLING_SECONDS)
            measure(report, hub)
    report.save()


if __name__ == "__main__":
    main()

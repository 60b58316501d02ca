"""`make bench BENCH="drain stock"`: run the benchmarks one by one, all of them by default.

One that fails stops no other. At the end one table: what, value, ratio, what must be reached and
whether it is. The run is kept under var/bench/runs/; exit code 0 when every benchmark ran to its
end, whatever it reached.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from tests.bench.machine import machine
from tests.bench.report import FOLDER_VARIABLE
from tests.bench.runs import OUTCOME, RUNS, summary

#: A benchmark that takes longer hangs.
LONGEST_SECONDS = 1200.0
HERE = Path(__file__).parent


def main() -> int:
    """Run, show, keep."""
    known = [path.stem.removeprefix("bench_") for path in sorted(HERE.glob("bench_*.py"))]
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="BENCH", help=", ".join(known))
    names = parser.parse_args().names or known
    if unknown := [name for name in names if name not in known]:
        parser.error(f"no such benchmark: {', '.join(unknown)}; known: {', '.join(known)}")
    commands = {
        name: [sys.executable, "-m", f"{__package__}.bench_{name}"] for name in dict.fromkeys(names)
    }
    folder = RUNS / datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    failed = run(commands, folder)
    print(f"\n{summary(folder)}\n\nJSON: {folder}")
    for name, reason in failed.items():
        print(f"!! {name} FAILED: {reason}")
    return int(bool(failed))


def run(
    commands: dict[str, list[str]], folder: Path, longest_seconds: float = LONGEST_SECONDS
) -> dict[str, str]:
    """Run every command with its reports going to the folder; returns name → why it failed."""
    folder.mkdir(parents=True)
    at = datetime.now(UTC).isoformat(timespec="seconds")
    failed: dict[str, str] = {}
    seconds: dict[str, float] = {}
    for name, command in commands.items():
        started = time.monotonic()
        environment = {**os.environ, FOLDER_VARIABLE: str(folder.resolve())}
        try:
            code = subprocess.run(command, env=environment, timeout=longest_seconds).returncode
        except subprocess.TimeoutExpired:
            failed[name] = f"not done after {longest_seconds:g} s"
        else:
            if code:
                failed[name] = f"exit code {code}"
        seconds[name] = round(time.monotonic() - started, 1)
    outcome = {"at": at, "machine": machine(), "seconds": seconds, "failed": failed}
    (folder / OUTCOME).write_text(
        json.dumps(outcome, indent=1, ensure_ascii=False), encoding="utf-8"
    )
    return failed


if __name__ == "__main__":
    sys.exit(main())

"""A 1C in a process of its own, so that its work and memory are not the hub's.

`python -m tests.bench.stock_vendor ROWS`: prints its connection file as JSON, ends when
its standard input does. Up to 200 000 rows the answer is ready made.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from connectors.onec_soap.emulator import Emulator, many_rows

READY_MADE = 200_000


class Rows:
    """An answer made anew for every call, as it is sent."""

    def __init__(self, count: int) -> None:
        self.count = count

    def __iter__(self) -> Iterator[bytes]:
        return many_rows(self.count)


@contextmanager
def vendor(rows: int) -> Iterator[dict[str, Any]]:
    """A 1C with so many rows of stock, as the connection file for it."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.stock_vendor", str(rows)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield json.loads(process.stdout.readline())
    finally:
        process.stdin.close()
        process.wait(timeout=10)


def main() -> None:
    """Serve until told to stop."""
    count = int(sys.argv[1])
    emulator = Emulator()
    emulator.answers["GetRemains"] = (
        b"".join(many_rows(count)) if count <= READY_MADE else Rows(count)
    )
    emulator.start()
    print(json.dumps(emulator.connection()), flush=True)
    sys.stdin.read()
    emulator.stop()


if __name__ == "__main__":
    main()

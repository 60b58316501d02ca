"""What the garbage collector need not look at, in processes that live long."""

from __future__ import annotations

import gc

#: Objects made and not freed before the collector looks at the young ones.
COLLECT_EVERY = 20_000


def settle_memory() -> None:
    """Spare the collector what stays for good: code, tables, connectors.

    It would look through all of that again and again while events come and go: a tenth of a
    drain's time, and now and then a tenth of a second for whoever waits for a page.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECT_EVERY, 20, 50)

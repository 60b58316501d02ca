"""Makes an input smaller while it still shows the same finding."""

from __future__ import annotations

import time
from collections.abc import Callable


def shrink(blob: bytes, shows: Callable[[bytes], bool], seconds: float) -> bytes:
    """The smallest input found in so many seconds: pieces are cut out, large ones first."""
    until = time.monotonic() + seconds
    if not shows(blob):
        return blob
    size = max(1, len(blob) // 2)
    while size and time.monotonic() < until:
        at, cut = 0, False
        while at < len(blob) and time.monotonic() < until:
            smaller = blob[:at] + blob[at + size :]
            if smaller and shows(smaller):
                blob, cut = smaller, True
            else:
                at += size
        if not cut or size > len(blob):
            size = min(size // 2, len(blob) // 2)
    return blob

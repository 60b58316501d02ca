"""Which processes of this machine are still there."""

from __future__ import annotations

import os
from pathlib import Path


def lives(process_id: int) -> bool:
    """Whether a process of this machine is there, and not merely waiting to be buried."""
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return not _is_zombie(process_id)


def _is_zombie(process_id: int) -> bool:
    """Whether the process has ended and only waits for its parent to notice, as Linux tells."""
    try:
        stat = Path(f"/proc/{process_id}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[:1] == ["Z"]

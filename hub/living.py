"""Which processes of this machine are still there."""

from __future__ import annotations

import os
import socket
from pathlib import Path


def is_gone(name: str) -> bool:
    """Whether a name «machine-process» is that of a process of this machine that is no more.

    Only a process of this machine can be seen to be gone.
    """
    machine, _, process = name.rpartition("-")
    return machine == socket.gethostname() and process.isdigit() and not _lives(int(process))


def _lives(process_id: int) -> bool:
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

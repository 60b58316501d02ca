"""What the hub finds when it looks at itself: `hub doctor` in a process of its own, its backups."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from typing import Any

from hub.settings import Settings, child_environment

DOCTOR_SECONDS = 40
SHOWN_BACKUPS = 5
_DOCTOR = (sys.executable, "-c", "from hub.cli import main; main()", "doctor", "--json")


def examine(settings: Settings) -> list[dict[str, Any]]:
    """The findings of `hub doctor`: name, ok, message, remedy."""
    try:
        done = subprocess.run(  # noqa: S603  # our own command, no word of it from outside
            _DOCTOR,
            env=child_environment(settings),
            capture_output=True,
            timeout=DOCTOR_SECONDS,
            check=False,
        )
        found = json.loads(done.stdout)
    except (subprocess.TimeoutExpired, ValueError) as error:
        return [{"name": "doctor", "ok": False, "message": str(error)[:300], "remedy": ""}]
    return [dict(one) for one in found]


def backups(settings: Settings) -> list[dict[str, Any]]:
    """The latest backups that `hub backup` made into its usual folder: name, size, made_at."""
    folder = settings.home / "backups"
    files = sorted(folder.glob("uzel-*.tar.gz"), reverse=True) if folder.is_dir() else []
    return [
        {
            "name": file.name,
            "size": file.stat().st_size,
            "made_at": datetime.fromtimestamp(file.stat().st_mtime, UTC),
        }
        for file in files[:SHOWN_BACKUPS]
    ]

"""The task."""

from __future__ import annotations

import os
from pathlib import Path

from huey import SqliteHuey

from tests.bench.peers import job

place = job.Place(os.environ["PEER_SQLITE"])
tasks = SqliteHuey(
    filename=str(Path(os.environ["PEER_FOLDER"]) / "queue.db"), fsync=True, results=False
)


def work(body: str) -> None:
    """One event."""
    place.do(body)


task = tasks.task(name="work")(work)

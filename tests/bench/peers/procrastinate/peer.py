"""How Flask + Procrastinate is installed, prepared and started."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.bench.peers import job
from tests.bench.peers.install import python, python_packages
from tests.bench.peers.place import GUNICORN, ROOT, Command, Peer, Place, environment

FOLDER = Path(__file__).parent
TASKS = ("--app", "tests.bench.peers.procrastinate.worker.tasks")


def prepare(place: Place) -> None:
    """Both schemas."""
    job.create_tables(place.postgres_url)
    subprocess.run(
        [python("procrastinate", "procrastinate"), *TASKS, "schema", "--apply"],
        cwd=ROOT,
        env=environment(place, {}),
        check=True,
        capture_output=True,
    )


def start(place: Place) -> list[Command]:
    """gunicorn and two workers."""
    web = (python("procrastinate", "gunicorn"), *GUNICORN, "-b", f"127.0.0.1:{place.port}")
    worker = (python("procrastinate", "procrastinate"), *TASKS, "worker")
    return [
        Command((*web, "tests.bench.peers.procrastinate.app:app")),
        Command(worker),
        Command(worker),
    ]


PEER = Peer(
    name="procrastinate",
    title="Flask + Procrastinate",
    keeps="PostgreSQL (synced)",
    install=lambda: python_packages("procrastinate", FOLDER, "procrastinate"),
    prepare=prepare,
    start=start,
    database=lambda place: place.postgres_url,
    needs=frozenset({"postgres"}),
    note="2 workers, stalled jobs retried as in its manual",
)

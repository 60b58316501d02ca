"""How Flask + Celery is installed and started."""

from __future__ import annotations

from pathlib import Path

from tests.bench.peers.install import python, python_packages
from tests.bench.peers.place import GUNICORN, Command, Peer, Place

FOLDER = Path(__file__).parent


def start(place: Place) -> list[Command]:
    """gunicorn and a worker of two processes."""
    web = (python("celery", "gunicorn"), *GUNICORN, "-b", f"127.0.0.1:{place.port}")
    worker = (python("celery", "celery"), "-A", "tests.bench.peers.celery.worker:tasks", "worker")
    return [
        Command((*web, "tests.bench.peers.celery.app:app")),
        Command((*worker, "--concurrency", "2", "--loglevel", "WARNING")),
    ]


PEER = Peer(
    name="celery",
    title="Flask + Celery",
    keeps="Redis (AOF, synced every second)",
    install=lambda: python_packages("celery", FOLDER, "celery"),
    start=start,
    needs=frozenset({"redis"}),
    note="acks_late, 2 processes; a killed task returns after visibility_timeout, 1 h by default",
)

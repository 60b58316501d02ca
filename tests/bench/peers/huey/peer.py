"""How Flask + Huey is installed and started."""

from __future__ import annotations

from pathlib import Path

from tests.bench.peers.install import python, python_packages
from tests.bench.peers.place import GUNICORN, Command, Peer, Place

FOLDER = Path(__file__).parent


def start(place: Place) -> list[Command]:
    """gunicorn and a consumer of two processes."""
    web = (python("huey", "gunicorn"), *GUNICORN, "-b", f"127.0.0.1:{place.port}")
    consumer = (python("huey", "huey_consumer"), "tests.bench.peers.huey.worker.tasks")
    return [
        Command((*web, "tests.bench.peers.huey.app:app")),
        Command((*consumer, "--workers", "2", "--worker-type", "process", "--quiet")),
    ]


PEER = Peer(
    name="huey",
    title="Flask + Huey",
    keeps="SQLite (fsync)",
    install=lambda: python_packages("huey", FOLDER, "huey"),
    start=start,
    note="2 processes",
)

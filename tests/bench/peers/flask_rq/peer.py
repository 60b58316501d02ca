"""How plain Flask + RQ is installed and started."""

from __future__ import annotations

from pathlib import Path

from tests.bench.peers.install import python, python_packages
from tests.bench.peers.place import GUNICORN, Command, Peer, Place

FOLDER = Path(__file__).parent


def start(place: Place) -> list[Command]:
    """gunicorn and two forking workers."""
    web = (python("flask-rq", "gunicorn"), *GUNICORN, "-b", f"127.0.0.1:{place.port}")
    worker = (python("flask-rq", "rq"), "worker", "--url", place.redis_url, "--quiet")
    return [
        Command((*web, "tests.bench.peers.flask_rq.app:app")),
        Command(worker),
        Command(worker),
    ]


PEER = Peer(
    name="flask-rq",
    title="Flask + RQ",
    keeps="Redis (AOF, synced every second)",
    install=lambda: python_packages("flask-rq", FOLDER, "rq"),
    start=start,
    needs=frozenset({"redis"}),
    note="one job per event, 2 forking workers",
)

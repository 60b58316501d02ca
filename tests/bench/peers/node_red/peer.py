"""How Node-RED is installed, given its flow and started."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.bench.peers import job
from tests.bench.peers.install import environment_folder, node_packages
from tests.bench.peers.place import Command, Peer, Place

FOLDER = Path(__file__).parent
OLDEST_NODE = 20


def prepare(place: Place) -> None:
    """The tables and the flow."""
    job.create_tables(str(place.sqlite))
    shutil.copy(FOLDER / "flows.json", place.folder)


def start(place: Place) -> list[Command]:
    """Its one process."""
    packages = environment_folder("node-red") / "node_modules"
    program = (packages / "node-red" / "red.js", "-s", FOLDER / "settings.js", "-u", place.folder)
    return [
        Command(
            ("node", *map(str, program), "flows.json"),
            {"NODE_PATH": str(packages), "PEER_SECRET": job.SECRET.decode()},
        )
    ]


PEER = Peer(
    name="node-red",
    title="Node-RED",
    keeps="SQLite (FULL)",
    install=lambda: node_packages("node-red", FOLDER, "node-red", OLDEST_NODE),
    prepare=prepare,
    start=start,
    note="a flow that writes before it answers, what was left is taken up at start",
)

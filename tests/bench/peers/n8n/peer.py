"""How n8n is installed, given its workflow and started."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from tests.bench.peers import job
from tests.bench.peers.install import environment_folder, node_packages
from tests.bench.peers.place import ROOT, Command, Peer, Place, Unavailable, environment
from tests.support.running import free_port

FOLDER = Path(__file__).parent
OLDEST_NODE = 20
WORKFLOW, CREDENTIAL = "callsOfTheBench1", "placeOfTheBench1"
COMMAND_SECONDS = 90
#: What n8n asks the internet for, and what its code nodes may import.
SETTINGS = {
    "DB_TYPE": "sqlite",
    "N8N_ENCRYPTION_KEY": "a key of the bench",
    "N8N_LISTEN_ADDRESS": "127.0.0.1",
    "N8N_DIAGNOSTICS_ENABLED": "false",
    "N8N_VERSION_NOTIFICATIONS_ENABLED": "false",
    "N8N_TEMPLATES_ENABLED": "false",
    "N8N_PERSONALIZATION_ENABLED": "false",
    "N8N_COMMUNITY_PACKAGES_ENABLED": "false",
    "NODE_FUNCTION_ALLOW_BUILTIN": "crypto",
    "NO_COLOR": "1",
}


def _environment(place: Place) -> dict[str, str]:
    return {
        **SETTINGS,
        "N8N_USER_FOLDER": str(place.folder),
        "N8N_PORT": str(place.port),
        "N8N_RUNNERS_BROKER_PORT": str(free_port()),
    }


def _program() -> tuple[str, ...]:
    return ("node", str(environment_folder("n8n") / "node_modules" / "n8n" / "bin" / "n8n"))


def prepare(place: Place) -> None:
    """The tables, the credential and the published workflow.

    Three starts of n8n's command line; the outcome is kept for the next place of the same run.
    """
    job.create_tables(place.postgres_url)
    kept = place.folder.with_name("n8n-prepared")
    address = kept / "address"
    if address.is_file() and address.read_text(encoding="utf-8") == place.postgres_url:
        shutil.copytree(kept / ".n8n", place.folder / ".n8n")
        return
    _import(place)
    shutil.rmtree(kept, ignore_errors=True)
    shutil.copytree(place.folder / ".n8n", kept / ".n8n")
    address.write_text(place.postgres_url, encoding="utf-8")


def _import(place: Place) -> None:
    found = urlsplit(place.postgres_url)
    data = {"host": parse_qs(found.query)["host"][0], "port": 5432, "user": found.username,
            "database": found.path.lstrip("/"), "password": "", "ssl": "disable"}  # fmt: skip
    credential = {"id": CREDENTIAL, "name": "place", "type": "postgres", "data": data}
    (place.folder / "credential.json").write_text(json.dumps([credential]), encoding="utf-8")
    text = (FOLDER / "workflow.json").read_text(encoding="utf-8")
    code = (FOLDER / "code.js").read_text(encoding="utf-8").replace("@SECRET@", job.SECRET.decode())
    query = (FOLDER / "upsert.sql").read_text(encoding="utf-8")
    for mark, value in (("@CODE@", code), ("@QUERY@", query)):
        text = text.replace(f'"{mark}"', json.dumps(value))
    (place.folder / "workflow.json").write_text(text, encoding="utf-8")
    for command in (
        ("import:credentials", f"--input={place.folder / 'credential.json'}"),
        ("import:workflow", f"--input={place.folder / 'workflow.json'}"),
        ("publish:workflow", f"--id={WORKFLOW}"),
    ):
        done = subprocess.run(
            [*_program(), *command],
            cwd=ROOT,
            env=environment(place, _environment(place)),
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
        )
        if done.returncode:
            raise Unavailable(f"{command[0]}: {(done.stderr or done.stdout)[-300:]}")


def start(place: Place) -> list[Command]:
    """Its main process, which starts its own task runner."""
    return [Command((*_program(), "start"), _environment(place))]


PEER = Peer(
    name="n8n",
    title="n8n",
    keeps="SQLite (an execution)",
    install=lambda: node_packages("n8n", FOLDER, "n8n", OLDEST_NODE),
    prepare=prepare,
    start=start,
    database=lambda place: place.postgres_url,
    needs=frozenset({"postgres"}),
    path="/webhook/calls",
    start_seconds=90.0,
    note="webhook (answers at once) → code → PostgreSQL; it has no node for SQLite",
    on_request="its installation takes 2.3 GB, 2 090 npm packages and several minutes",
)

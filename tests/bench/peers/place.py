"""Where a peer runs and lives for one measurement, and what a peer must say about itself."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench.peers import job

ROOT = Path(__file__).resolve().parents[3]
HOME = ROOT / "var" / "bench" / "peers"
#: The hub's own environment must not leak into anybody.
FOREIGN = (
    "DATABASE_URL", "REDIS_URL", "HUB_SECRET_KEY", "HUB_LANGUAGE", "HUB_HOST", "HUB_HOME",
    "HUB_PORT", "VIRTUAL_ENV", "PYTHONPATH",
)  # fmt: skip
#: Every Python web server alike, as the hub's own: gunicorn, threads.
GUNICORN = ("-k", "gthread", "-w", "2", "--threads", "16", "--keep-alive", "15")


class Unavailable(Exception):
    """This peer cannot be had here; the message says why."""


@dataclass(frozen=True)
class Place:
    """A fresh place: an empty folder, a free port, the servers the peer asked for, empty too."""

    folder: Path
    port: int
    redis_url: str = ""
    postgres_url: str = ""

    @property
    def sqlite(self) -> Path:
        """The file of contacts and calls, for peers that keep them in SQLite."""
        return self.folder / "crm.db"


@dataclass(frozen=True)
class Command:
    """A process of the peer: web or worker."""

    arguments: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)


def _make_tables(place: Place) -> None:
    job.create_tables(str(place.sqlite))


def _in_sqlite(place: Place) -> str:
    return str(place.sqlite)


@dataclass(frozen=True)
class Peer:
    """One stack that does the job. `keeps` says where an event is when the sender gets its 2xx.

    `install` gets it ready once and returns its version, or raises Unavailable; `prepare` makes an
    empty place ready; `start` names its processes; `database` is where `rows_sql` finds one row an
    execution and `seen_sql` the ids among `{ids}` that are there.
    """

    name: str
    title: str
    keeps: str
    install: Callable[[], str]
    start: Callable[[Place], list[Command]]
    needs: frozenset[str] = frozenset()
    prepare: Callable[[Place], None] = _make_tables
    database: Callable[[Place], str] = _in_sqlite
    path: str = job.PATH
    rows_sql: str = "select external_id from history"
    seen_sql: str = "select external_id from calls where external_id in ({ids})"
    #: Seconds its start may take.
    start_seconds: float = 60.0
    note: str = ""
    #: Why it is measured only when asked for by name; empty: always.
    on_request: str = ""


def environment(place: Place, extra: Mapping[str, str]) -> dict[str, str]:
    """What a peer's process is given."""
    kept = {name: value for name, value in os.environ.items() if name not in FOREIGN}
    return {
        **kept,
        "PEER_FOLDER": str(place.folder),
        "PEER_PORT": str(place.port),
        "PEER_SQLITE": str(place.sqlite),
        "PEER_REDIS_URL": place.redis_url,
        "PEER_POSTGRES_URL": place.postgres_url,
        "PYTHONPATH": str(ROOT),
        "PYTHONUNBUFFERED": "1",
        **extra,
    }

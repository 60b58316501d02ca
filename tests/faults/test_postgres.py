"""PostgreSQL goes away in the middle of the work and comes back: nobody waits for a lease then."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp

import pytest
import requests

from hub.settings import Settings
from hub.store.models import attempts, leads
from hub.store.store import Store
from tests.faults.conftest import KEY, environment
from tests.faults.test_kill import unfinished
from tests.soak.ground import Cluster
from tests.support.hub import Hub, lead
from tests.support.running import running_hub
from tests.support.waiting import wait_until

LEADS = 600
PROMISED_SECONDS = 10


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """A PostgreSQL that the test may stop."""
    folder = Path(mkdtemp(prefix="uzel-fp-"))
    folder.chmod(0o755)
    cluster = Cluster(folder)
    cluster.ensure_up()
    cluster.create()
    yield cluster
    cluster.remove()
    rmtree(folder, ignore_errors=True)


@pytest.mark.timeout(240)
def test_work_goes_on_as_soon_as_it_is_back(cluster: Cluster, home: Path) -> None:
    settings = Settings(home=home, database_url=cluster.url(), secret_key=KEY)
    hub = Hub(Store.open(settings, migrate=True))
    hub.site()
    with running_hub(home, **environment(hub)) as running, requests.Session() as session:
        assert running.post(session, "site", lead(LEADS))
        wait_until(lambda: unfinished(hub) == 0, 30, "the work with PostgreSQL")
        # Nothing is worked off before all of it is there: a quick worker would be done by then.
        workers = running.pids("worker live")
        assert workers
        for pid in workers:
            os.kill(pid, signal.SIGSTOP)
        for number in range(LEADS):
            hub.post("site", lead(number))
        for pid in workers:
            os.kill(pid, signal.SIGCONT)
        wait_until(lambda: 1 < len(hub.rows(leads)) <= LEADS, 30, "the middle of the work")
        cluster.stop(signal.SIGKILL)
        assert not running.post(session, "site", lead(LEADS + 1))
        hub.store.database.dispose()
        cluster.ensure_up()
        wait_until(lambda: running.post(session, "site", lead(LEADS + 1)), 30, "an acceptance")
        took = wait_until(lambda: unfinished(hub) == 0, 100, f"the work {running.output}")
    assert took <= PROMISED_SECONDS
    assert len(hub.rows(leads)) == LEADS + 2
    assert len(hub.rows(attempts, outcome="succeeded")) == LEADS + 2
    hub.store.database.dispose()

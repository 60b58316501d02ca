"""PostgreSQL and Redis are restarted, crashed and kept away under load: senders are told to come
again at worst, nothing accepted is lost, the work goes on by itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.settings import Settings
from hub.store.models import events, leads
from hub.store.store import Store
from tests.faults.conftest import KEY
from tests.faults.test_kill import unfinished
from tests.support.hub import Hub
from tests.support.own_postgres import OwnPostgres, own_postgres
from tests.support.running import OwnRedis, running_hub
from tests.support.senders import Senders
from tests.support.waiting import wait_until

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
def postgres() -> Iterator[OwnPostgres]:
    with own_postgres() as server:
        yield server


@pytest.fixture
def hub(postgres: OwnPostgres, home: Path) -> Iterator[Hub]:
    settings = Settings(home=home, database_url=postgres.url, secret_key=KEY)
    hub = Hub(Store.open(settings, migrate=True))
    hub.site()
    yield hub
    hub.store.database.dispose()


def test_restarts_are_ridden_through(postgres: OwnPostgres, hub: Hub, home: Path) -> None:
    redis = OwnRedis(home)
    redis.start()
    environment = {"DATABASE_URL": postgres.url, "HUB_SECRET_KEY": KEY, "REDIS_URL": redis.url}
    try:
        with running_hub(home, **environment) as running:
            with Senders([f"{running.url}/in/site"], may_wait=True) as senders:
                for mode in ("fast", "immediate"):
                    senders.await_more(30)
                    postgres.stop(mode)
                    redis.kill()
                    waited = senders.waited
                    wait_until(lambda: senders.waited > waited, 30, "a sender told to wait")  # noqa: B023  # called at once
                    redis.start()
                    postgres.start()
                senders.await_more(30)
            wait_until(lambda: unfinished(hub) == 0, 60, f"the work {running.output}")
    finally:
        redis.kill()
    assert senders.failures == []
    names = {row["title"] for row in hub.rows(leads)}
    assert {f"Заявка {number}" for number in senders.accepted} <= names
    keys = [row["event_key"] for row in hub.rows(events)]
    assert len(keys) == len(set(keys)) == len(hub.rows(leads))

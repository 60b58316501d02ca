"""What every test may ask for: a store on either database, Redis, the application, the cast."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from redis import Redis

from hub.settings import Settings
from hub.store.database import Database
from hub.store.migrate import upgrade
from hub.store.store import Store
from tests.support import servers
from tests.support.quick import build_rules_when_asked, keep_templates
from tests.support.rows import Rows

SECRET_KEY = "a key for tests only"
build_rules_when_asked()
#: What takes long begins first, or the last of it is done by one worker alone.
LONG = (
    "tests/soak/test_soak.py::test_nothing",
    "tests/embedded/test_demo.py::test_everything",
    "tests/web/test_walk.py",
    "tests/fuzz/test_fuzz.py::test_a_thousand",
    "tests/cli/test_main.py::test_a_new_connector",
    "tests/faults/test_backup.py",
    "tests/api/test_openapi.py::test_no_request",
    "tests/web/test_plans.py",
)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deal the long tests out to the workers: each begins with an equal part of the collection."""
    workers = int(getattr(config, "workerinput", {}).get("workercount", 1))
    ranked = sorted(
        (rank, number)
        for number, item in enumerate(items)
        for rank, name in enumerate(LONG)
        if item.nodeid.startswith(name)
    )
    taken = {number for _, number in ranked}
    rest = (item for number, item in enumerate(items) if number not in taken)
    hands = [[items[number] for _, number in ranked[start::workers]] for start in range(workers)]
    for place, hand in enumerate(hands):
        size = len(items) * (place + 1) // workers - len(items) * place // workers
        hand.extend(islice(rest, max(0, size - len(hand))))
    items[:] = [*chain.from_iterable(hands), *rest]


@pytest.fixture(scope="session")
def postgres_cluster() -> Iterator[servers.Postgres]:
    """A real PostgreSQL, started when the first test asks for it."""
    with servers.postgres() as cluster:
        yield cluster


@pytest.fixture
def postgres_url(postgres_cluster: servers.Postgres) -> str:
    """A migrated PostgreSQL database without a row."""
    return postgres_cluster.emptied()


@pytest.fixture
def bare_postgres_url(postgres_cluster: servers.Postgres) -> Iterator[str]:
    """A PostgreSQL database without a schema, for tests of migrations."""
    with postgres_cluster.empty_database() as url:
        yield url


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file to copy."""
    path = tmp_path_factory.mktemp("template") / "hub.db"
    database = Database(f"sqlite:///{path}")
    upgrade(database)
    database.dispose()
    return path


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """A fresh migrated SQLite database in the hub's home."""
    home = tmp_path / "home"
    home.mkdir(exist_ok=True)
    shutil.copy(sqlite_template, home / "hub.db")
    return f"sqlite:///{home / 'hub.db'}"


@pytest.fixture(scope="session")
def redis_address() -> Iterator[str]:
    """A real Redis, started when the first test asks for it."""
    with servers.redis_server() as url:
        yield url


@pytest.fixture
def redis_url(redis_address: str) -> str:
    """The real Redis, empty."""
    Redis.from_url(redis_address).flushall()
    return redis_address


def _settings(tmp_path: Path, database_url: str, redis_url: str) -> Settings:
    home = tmp_path / "home"
    home.mkdir(exist_ok=True)
    return Settings(
        home=home, database_url=database_url, redis_url=redis_url, secret_key=SECRET_KEY
    )


@pytest.fixture(params=["sqlite", "postgresql"])
def settings(request: pytest.FixtureRequest, tmp_path: Path, redis_url: str) -> Settings:
    """Settings of a hub of its own: the test runs on SQLite and on PostgreSQL."""
    kind = "sqlite_url" if request.param == "sqlite" else "postgres_url"
    return _settings(tmp_path, request.getfixturevalue(kind), redis_url)


@pytest.fixture
def sqlite_settings(tmp_path: Path, sqlite_url: str, redis_url: str) -> Settings:
    """Settings of a hub on SQLite, for tests that no database can change."""
    return _settings(tmp_path, sqlite_url, redis_url)


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    """An empty migrated store, on SQLite and on PostgreSQL."""
    opened = Store.open(settings)
    yield opened
    opened.database.dispose()


@pytest.fixture
def sqlite_store(sqlite_settings: Settings) -> Iterator[Store]:
    """An empty migrated store on SQLite."""
    opened = Store.open(sqlite_settings)
    yield opened
    opened.database.dispose()


@pytest.fixture
def postgres_store(tmp_path: Path, postgres_url: str, redis_url: str) -> Iterator[Store]:
    """An empty migrated store on PostgreSQL."""
    opened = Store.open(_settings(tmp_path, postgres_url, redis_url))
    yield opened
    opened.database.dispose()


@pytest.fixture
def rows(store: Store) -> Rows:
    """Puts rows into the store."""
    return Rows(store)


@pytest.fixture
def app(store: Store) -> Flask:
    """The whole application on the store."""
    # Imported here: connectors' own tests need no application.
    from hub.app import create_app

    return keep_templates(create_app(store=store))


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A client of the application that nobody has signed in."""
    return app.test_client()

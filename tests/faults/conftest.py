"""A store that a whole hub of real processes works on, and the test looks into."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp

import pytest

from hub.settings import Settings
from hub.store.store import Store
from tests.support.hub import Hub

KEY = "a key for tests only"


@pytest.fixture
def home() -> Iterator[Path]:
    """A short path: unix sockets lie in it."""
    folder = Path(mkdtemp(prefix="uzel-f-"))
    yield folder
    rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["sqlite", "postgresql"])
def hub(request: pytest.FixtureRequest, home: Path) -> Iterator[Hub]:
    """The hub's store, on SQLite and on PostgreSQL, with a site and a telephone exchange."""
    url = "" if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    yield from _opened(Settings(home=home, database_url=url, secret_key=KEY))


@pytest.fixture
def sqlite_hub(home: Path) -> Iterator[Hub]:
    """The hub's store on SQLite."""
    yield from _opened(Settings(home=home, secret_key=KEY))


def _opened(settings: Settings) -> Iterator[Hub]:
    store = Store.open(settings, migrate=True)
    yield Hub(store)
    store.database.dispose()


def environment(hub: Hub) -> dict[str, str]:
    """The variables of the same hub as processes."""
    settings = hub.store.settings
    found = {"HUB_SECRET_KEY": settings.secret_key, "DATABASE_URL": settings.database_url}
    return {name: value for name, value in found.items() if value}

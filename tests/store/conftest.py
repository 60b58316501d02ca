"""A hub on either store."""

from __future__ import annotations

import pytest

from hub.store.store import Store
from tests.support.hub import Hub


@pytest.fixture
def hub(store: Store) -> Hub:
    """A hub on SQLite and on PostgreSQL."""
    return Hub(store)


@pytest.fixture
def sqlite_hub(sqlite_store: Store) -> Hub:
    """A hub on SQLite, for tests that no database can change."""
    return Hub(sqlite_store)

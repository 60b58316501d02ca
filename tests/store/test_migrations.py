"""The migrations make exactly the tables the code expects, on both databases."""

from __future__ import annotations

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from hub.store.migrate import is_current, upgrade
from hub.store.models import metadata
from hub.store.store import Store


def test_the_migrated_schema_is_the_one_in_the_models(store: Store) -> None:
    with store.database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": False})
        assert compare_metadata(context, metadata) == []


def test_a_second_upgrade_changes_nothing(store: Store) -> None:
    assert is_current(store.database)
    upgrade(store.database)
    assert is_current(store.database)

"""The migrations make exactly the tables the code expects, on both databases."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import select, text

from hub.store import search_index
from hub.store.database import Database
from hub.store.migrate import _config, is_current, upgrade
from hub.store.models import metadata, stock_levels
from hub.store.store import Store

FORMER_CONNECTION = """
INSERT INTO connections (id, name, connector, title, state, state_reason, settings, schedule,
  mappings, destinations, revision, created_at, updated_at)
VALUES (1, 'onec', 'onec_soap', '', 'active', '', '{}', '{}', '{}', '[]', 1,
  '2026-01-12T09:00:00.000000Z', '2026-01-12T09:00:00.000000Z')
"""
FORMER_LEVEL = """
INSERT INTO stock_levels (connection_id, item_key, variant, warehouse, sku, product_external_id,
  product_name, quantity, stream, updated_at, search_text)
VALUES (1, 'tea', 'зелёный', :warehouse, '', 'tea', '', :number, 'stock',
  '2026-01-12T09:00:00.000000Z', '')
"""


def _of_the_models(_thing: object, name: str | None, *_rest: object) -> bool:
    return not search_index.is_own(name)


def test_the_migrated_schema_is_the_one_in_the_models(store: Store) -> None:
    with store.database.read() as connection:
        opts = {"compare_type": False, "include_object": _of_the_models}
        context = MigrationContext.configure(connection, opts=opts)
        assert compare_metadata(context, metadata) == []


def test_a_second_upgrade_changes_nothing(store: Store) -> None:
    assert is_current(store.database)
    upgrade(store.database)
    assert is_current(store.database)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_stock_of_a_former_version_is_keyed_by_its_names(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = f"sqlite:///{tmp_path / 'hub.db'}"
    if kind == "postgresql":
        url = request.getfixturevalue("bare_postgres_url")
    database, config = Database(url), _config()
    with database.write() as db:
        config.attributes["connection"] = db
        command.upgrade(config, "0004")
        db.execute(text(FORMER_CONNECTION))
        for number, warehouse in enumerate(("А", "Б")):
            db.execute(text(FORMER_LEVEL), {"warehouse": warehouse, "number": number})
    upgrade(database)
    with database.read() as db:
        rows = db.execute(select(stock_levels).order_by(stock_levels.c.id)).all()
    assert [(row.variant_key, row.warehouse_key) for row in rows] == [
        ("зелёный", "А"),
        ("зелёный", "Б"),
    ]
    assert [row.quantity for row in rows] == [0, 1]
    assert all(row.created_at == row.updated_at and row.removed_at is None for row in rows)
    with database.write() as db:
        config.attributes["connection"] = db
        command.downgrade(config, "0004")
    upgrade(database)
    with database.read() as db:
        assert len(db.execute(select(stock_levels)).all()) == 2
    database.dispose()

"""Stock by ids: keys of variant and warehouse, history by day, thresholds, what shops were told."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from hub.store import types

revision = "0005"
down_revision = "0004"

LINKED = sa.text("product_id IS NOT NULL")
FORMER_KEY = ["connection_id", "item_key", "variant", "warehouse"]
FORMER_NAME = "uq_stock_levels_connection_id_item_key_variant_warehouse"
TEXTS = ("variant_key", "warehouse_key", "variant_external_id", "warehouse_external_id")
OTHERS: tuple[tuple[str, Any], ...] = (
    ("unit", sa.String()),
    ("is_deleted", sa.Boolean()),
    ("created_at", types.UtcTime()),
    ("removed_at", types.UtcTime()),
    ("event_id", types.Id),
    ("product_id", types.Id),
)
PRODUCT: tuple[tuple[str, Any], ...] = (
    ("variant_external_id", sa.String()),
    ("is_deleted", sa.Boolean()),
    ("merged_into_id", types.Id),
)


def upgrade() -> None:
    for name, kind in PRODUCT:
        op.add_column("products", sa.Column(name, kind, nullable=True))
    for name in TEXTS:
        op.add_column(
            "stock_levels", sa.Column(name, sa.String(), nullable=False, server_default="")
        )
    for name, kind in OTHERS:
        op.add_column("stock_levels", sa.Column(name, kind, nullable=True))
    # What a level is now it has been since its last change, as far as anybody knows.
    op.execute(
        "UPDATE stock_levels SET variant_key = variant, warehouse_key = warehouse,"
        " created_at = updated_at"
    )
    with op.batch_alter_table("stock_levels") as table:
        table.drop_constraint(FORMER_NAME, type_="unique")
        table.create_unique_constraint(
            "uq_stock_levels_key", ["connection_id", "item_key", "variant_key", "warehouse_key"]
        )
    op.create_index(
        "ix_stock_levels_product",
        "stock_levels",
        ["product_id"],
        postgresql_where=LINKED,
        sqlite_where=LINKED,
    )
    _create_tables()


def _create_tables() -> None:
    op.create_table(
        "stock_history",
        sa.Column("level_id", types.Id, autoincrement=False, nullable=False),
        sa.Column("day", sa.String(10), nullable=False),
        sa.Column("quantity", types.Exact(), nullable=False),
        sa.Column("reserved", types.Exact()),
        sa.Column("available", types.Exact()),
        sa.Column("run_id", types.Id),
        sa.Column("event_id", types.Id),
        sa.Column("set_at", types.UtcTime()),
        sa.PrimaryKeyConstraint("level_id", "day", name=op.f("pk_stock_history")),
    )
    op.create_table(
        "stock_thresholds",
        sa.Column("level_id", types.Id, autoincrement=False, nullable=False),
        sa.Column("minimum", types.Exact(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("updated_at", types.UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("level_id", name=op.f("pk_stock_thresholds")),
    )
    op.create_table(
        "stock_sent",
        sa.Column("id", types.Id, autoincrement=True, nullable=False),
        sa.Column("connection_id", types.Id, nullable=False),
        sa.Column("target", sa.String(), nullable=False),
        sa.Column("sku", sa.String(), nullable=False),
        sa.Column("place", sa.String(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("quantity", types.Exact()),
        sa.Column("told", types.Exact(), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("run_id", types.Id),
        sa.Column("updated_at", types.UtcTime(), nullable=False),
        sa.Column("retry_at", types.UtcTime()),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stock_sent")),
        sa.UniqueConstraint(
            "connection_id", "target", name=op.f("uq_stock_sent_connection_id_target")
        ),
        sa.ForeignKeyConstraint(
            ["connection_id"], ["connections.id"], name=op.f("fk_stock_sent_connection_id")
        ),
    )
    op.create_index("ix_stock_sent_status", "stock_sent", ["connection_id", "status", "sku"])
    op.create_table(
        "possible_products",
        sa.Column("id", types.Id, autoincrement=True, nullable=False),
        sa.Column("product_id", types.Id, nullable=False),
        sa.Column("other_id", types.Id, nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("moved", types.Json),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("created_at", types.UtcTime(), nullable=False),
        sa.Column("settled_at", types.UtcTime()),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_possible_products")),
        sa.UniqueConstraint(
            "product_id", "other_id", name=op.f("uq_possible_products_product_id_other_id")
        ),
    )


def downgrade() -> None:
    for name in ("possible_products", "stock_sent", "stock_thresholds", "stock_history"):
        op.drop_table(name)
    op.drop_index("ix_stock_levels_product", table_name="stock_levels")
    # Former versions know neither levels that are gone nor two variants of one name.
    op.execute("DELETE FROM stock_levels WHERE removed_at IS NOT NULL")
    op.execute(
        "DELETE FROM stock_levels WHERE id NOT IN (SELECT max(id) FROM stock_levels"
        " GROUP BY connection_id, item_key, variant, warehouse)"
    )
    with op.batch_alter_table("stock_levels") as table:
        table.drop_constraint("uq_stock_levels_key", type_="unique")
        table.create_unique_constraint(FORMER_NAME, FORMER_KEY)
        for name in (*TEXTS, *(name for name, _ in OTHERS)):
            table.drop_column(name)
    with op.batch_alter_table("products") as table:
        for name, _ in PRODUCT:
            table.drop_column(name)

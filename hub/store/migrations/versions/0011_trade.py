"""Stages of leads and orders, differences between shop and 1C, one row per product in stock."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from hub.store import types

revision = "0011"
down_revision = "0010"

LOW: dict[str, Any] = {
    "postgresql_where": sa.text("is_low"),
    "sqlite_where": sa.text("is_low = 1"),
}
#: What crm/stages.py makes of the known words of shops and forms.
STAGES = {
    "orders": {
        "in_work": ("processing",),
        "waiting": ("on-hold",),
        "done": ("completed",),
        "cancelled": ("cancelled", "refunded", "failed"),
    },
    "leads": {
        "in_work": ("in_work", "in_progress", "processing", "contacted"),
        "won": ("won", "converted", "done", "success"),
        "lost": ("lost", "rejected", "spam", "junk", "cancelled"),
    },
}
INDEXES: tuple[tuple[str, str, tuple[Any, ...], dict[str, Any]], ...] = (
    ("ix_leads_stage", "leads", ("stage", "id"), {}),
    ("ix_leads_channel", "leads", ("channel", "id"), {}),
    ("ix_leads_manager", "leads", (sa.text("coalesce(manager, '')"), "id"), {}),
    ("ix_leads_received", "leads", (sa.text("coalesce(received_at, created_at)"), "id"), {}),
    ("ix_deals_stage", "deals", ("stage", "id"), {}),
    ("ix_deals_manager", "deals", (sa.text("coalesce(manager, '')"), "id"), {}),
    ("ix_orders_stage", "orders", ("stage", "placed_at", "id"), {}),
    ("ix_orders_status", "orders", ("status", "placed_at", "id"), {}),
    ("ix_orders_channel", "orders", ("channel", "placed_at", "id"), {}),
    ("ix_orders_manager", "orders", (sa.text("coalesce(manager, '')"), "placed_at", "id"), {}),
    (
        "ix_orders_differs",
        "orders",
        ("placed_at", "id"),
        {
            "postgresql_where": sa.text("differs IS NOT NULL"),
            "sqlite_where": sa.text("differs IS NOT NULL"),
        },
    ),
    ("ix_orders_total", "orders", (sa.text("CAST(total AS NUMERIC)"),), {}),
)
#: The differences that columns of a former version can show.
DIFFERS = """
UPDATE orders SET differs = CASE
  WHEN status IN ('cancelled', 'refunded', 'failed') THEN 'cancelled'
  WHEN erp_cancelled THEN 'cancelled' ELSE 'shipped' END
WHERE erp_number IS NOT NULL AND (
  (status IN ('cancelled', 'refunded', 'failed') AND erp_cancelled = {false})
  OR (erp_cancelled AND status NOT IN ('cancelled', 'refunded', 'failed'))
  OR (erp_shipped_at IS NOT NULL AND status IN ('pending', 'processing', 'on-hold')))
"""


def upgrade() -> None:
    for table in ("orders", "leads"):
        op.add_column(
            table, sa.Column("stage", sa.String(32), nullable=False, server_default="new")
        )
    op.add_column("orders", sa.Column("erp_total", types.Exact(), nullable=True))
    op.add_column("orders", sa.Column("erp_lines", types.Json, nullable=True))
    op.add_column("orders", sa.Column("differs", sa.String(), nullable=True))
    _make_stock()
    for table, stages in STAGES.items():
        cases = " ".join(
            f"WHEN status IN ({', '.join(repr(word) for word in words)}) THEN '{stage}'"
            for stage, words in stages.items()
        )
        known = ", ".join(repr(word) for words in stages.values() for word in words)
        op.execute(f"UPDATE {table} SET stage = CASE {cases} END WHERE status IN ({known})")  # noqa: S608  # words of ours
    is_sqlite = op.get_context().dialect.name == "sqlite"
    op.execute(DIFFERS.format(false="0" if is_sqlite else "false"))
    for name, table, columns, options in INDEXES:
        op.create_index(name, table, list(columns), **options)


def _make_stock() -> None:
    op.create_table(
        "stock_items",
        sa.Column("id", types.Id, autoincrement=True, nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("product_id", types.Id, nullable=True),
        sa.Column("connection_id", types.Id, nullable=False),
        sa.Column("item_key", sa.String(), nullable=False),
        sa.Column("variant_key", sa.String(), nullable=False),
        sa.Column("sku", sa.String(), nullable=False),
        sa.Column("barcode", sa.String(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("variant", sa.String(), nullable=False),
        sa.Column("category", sa.String(), nullable=False),
        sa.Column("sort_name", sa.String(), nullable=False),
        sa.Column("free", sa.Float(), nullable=False),
        sa.Column("is_low", sa.Boolean(), nullable=False),
        sa.Column("places", sa.String(), nullable=False),
        sa.Column("stocked", sa.String(), nullable=False),
        sa.Column("sources", sa.String(), nullable=False),
        sa.Column("search_text", sa.Text(), nullable=False),
        sa.Column("updated_at", types.UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_stock_items"),
        sa.UniqueConstraint("key", name="uq_stock_items_key"),
    )
    op.create_index("ix_stock_items_product_id", "stock_items", ["product_id"])
    op.create_index("ix_stock_items_name", "stock_items", ["sort_name", "id"])
    op.create_index("ix_stock_items_sku", "stock_items", ["sku", "id"])
    op.create_index("ix_stock_items_free", "stock_items", ["free", "id"])
    op.create_index("ix_stock_items_barcode", "stock_items", ["barcode"])
    op.create_index("ix_stock_items_category", "stock_items", ["category", "sort_name", "id"])
    op.create_index("ix_stock_items_low", "stock_items", ["sort_name", "id"], **LOW)
    op.create_table(
        "stock_places",
        sa.Column("id", types.Id, autoincrement=True, nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_stock_places"),
        sa.UniqueConstraint("key", name="uq_stock_places_key"),
    )


def downgrade() -> None:
    for name, table, _columns, _options in reversed(INDEXES):
        op.drop_index(name, table_name=table)
    op.drop_table("stock_places")
    op.drop_table("stock_items")
    for name in ("differs", "stage", "erp_lines", "erp_total"):
        op.drop_column("orders", name)
    op.drop_column("leads", "stage")

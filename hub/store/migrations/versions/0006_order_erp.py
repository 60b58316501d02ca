"""An order carries what the accounting system says of it; a delivery's receipt may say it."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from hub.store import types

revision = "0006"
down_revision = "0005"

COLUMNS: dict[str, sa.types.TypeEngine[Any]] = {
    "erp_number": sa.String(),
    "erp_status": sa.String(),
    "erp_date": types.UtcTime(),
    "erp_paid": types.Exact(),
    "erp_paid_at": types.UtcTime(),
    "erp_shipped_at": types.UtcTime(),
    "erp_posted": sa.Boolean(),
    "erp_cancelled": sa.Boolean(),
}


def upgrade() -> None:
    for name, kind in COLUMNS.items():
        op.add_column("orders", sa.Column(name, kind, nullable=True))
    op.create_index(op.f("ix_orders_erp_number"), "orders", ["erp_number"], unique=False)
    op.add_column("changes", sa.Column("delivery_id", types.Id, nullable=True))


def downgrade() -> None:
    op.drop_column("changes", "delivery_id")
    op.drop_index(op.f("ix_orders_erp_number"), table_name="orders")
    for name in reversed(COLUMNS):
        op.drop_column("orders", name)

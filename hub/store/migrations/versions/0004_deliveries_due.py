"""Due deliveries are found per destination: another one's backlog must not be walked through."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

OPEN = sa.text("status in ('pending', 'waiting')")


def upgrade() -> None:
    _replace(["connection_id", "due_at"])


def downgrade() -> None:
    _replace(["due_at"])


def _replace(columns: list[str]) -> None:
    op.drop_index("ix_deliveries_due", table_name="deliveries")
    op.create_index(
        "ix_deliveries_due",
        "deliveries",
        columns,
        postgresql_where=OPEN,
        sqlite_where=OPEN,
    )

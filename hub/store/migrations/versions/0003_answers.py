"""The last answer of a stream; warnings of a run beside its rejected rows."""

import sqlalchemy as sa
from alembic import op

from hub.store import types

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("cursors", sa.Column("answer", types.Json, nullable=True))
    op.add_column(
        "sync_runs", sa.Column("rows_warned", sa.Integer(), nullable=False, server_default="0")
    )
    op.add_column(
        "row_issues",
        sa.Column("kind", sa.String(length=16), nullable=False, server_default="rejected"),
    )


def downgrade() -> None:
    op.drop_column("row_issues", "kind")
    op.drop_column("sync_runs", "rows_warned")
    op.drop_column("cursors", "answer")

"""Reminders of tasks by mail: who asked for them, which tasks were told of."""

import sqlalchemy as sa
from alembic import op

from hub.store import types

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    op.add_column(
        "users", sa.Column("task_mail", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    op.create_table(
        "task_reminders",
        sa.Column("task_id", types.Id, autoincrement=False, nullable=False),
        sa.Column("user_id", types.Id, nullable=False),
        sa.Column("begun_at", types.UtcTime(), nullable=False),
        sa.Column("sent_at", types.UtcTime()),
        sa.PrimaryKeyConstraint("task_id", name=op.f("pk_task_reminders")),
    )


def downgrade() -> None:
    op.drop_table("task_reminders")
    op.drop_column("users", "task_mail")

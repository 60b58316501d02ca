"""Calls found by number, manager, line and result in order of time; people's marks on calls."""

import sqlalchemy as sa
from alembic import op

from hub.store import types

revision = "0009"
down_revision = "0008a"

BY_TIME = {
    "from_number": "ix_calls_from",
    "to_number": "ix_calls_to",
    "manager": "ix_calls_manager",
    "line_number": "ix_calls_line",
    "status": "ix_calls_status",
}


def upgrade() -> None:
    for column, name in BY_TIME.items():
        op.create_index(name, "calls", [column, "started_at", "id"])
    op.drop_index("ix_calls_from_number", table_name="calls")
    op.drop_index("ix_calls_to_number", table_name="calls")
    op.create_table(
        "call_marks",
        sa.Column("call_id", types.Id, nullable=False),
        sa.Column("done_at", types.UtcTime(), nullable=True),
        sa.Column("done_by", types.Short, nullable=True),
        sa.Column("note", types.LongText, nullable=True),
        sa.Column("note_at", types.UtcTime(), nullable=True),
        sa.Column("note_by", types.Short, nullable=True),
        sa.ForeignKeyConstraint(
            ["call_id"], ["calls.id"], name="fk_call_marks_call_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("call_id", name="pk_call_marks"),
    )


def downgrade() -> None:
    op.drop_table("call_marks")
    op.create_index("ix_calls_to_number", "calls", ["to_number"])
    op.create_index("ix_calls_from_number", "calls", ["from_number"])
    for name in reversed(BY_TIME.values()):
        op.drop_index(name, table_name="calls")

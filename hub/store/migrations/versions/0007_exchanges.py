"""Dialogues: sessions, uploads read by sync runs, deliveries handed out and not yet confirmed."""

import sqlalchemy as sa
from alembic import op

from hub.store import types

revision = "0007"
down_revision = "0006"

FILES = sa.text("type = 'file'")
OPEN_UPLOADS = sa.text("upload IS NOT NULL AND status in ('queued', 'running')")


def upgrade() -> None:
    op.create_table(
        "exchange_sessions",
        sa.Column("id", types.Short, nullable=False),
        sa.Column("connection_id", types.Id, nullable=False),
        sa.Column("created_at", types.UtcTime, nullable=False),
        sa.ForeignKeyConstraint(
            ["connection_id"],
            ["connections.id"],
            name="fk_exchange_sessions_connection_id",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_exchange_sessions"),
    )
    op.create_index(
        "ix_exchange_sessions_age", "exchange_sessions", ["connection_id", "created_at"]
    )
    op.create_table(
        "uploads",
        sa.Column("id", types.Id, autoincrement=True, nullable=False),
        sa.Column("connection_id", types.Id, nullable=False),
        sa.Column("session_id", types.Short, nullable=False),
        sa.Column("name", types.Short, nullable=False),
        sa.Column("inner", types.Short, nullable=False),
        sa.Column("last_event_id", types.Id, nullable=False),
        sa.Column("run_id", types.Id, nullable=False),
        sa.ForeignKeyConstraint(
            ["connection_id"], ["connections.id"], name="fk_uploads_connection_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_uploads"),
        sa.UniqueConstraint(
            "session_id",
            "name",
            "inner",
            "last_event_id",
            name="uq_uploads_session_id_name_inner_last_event_id",
        ),
    )
    op.create_index("ix_uploads_run_id", "uploads", ["run_id"])
    op.create_table(
        "hand_outs",
        sa.Column("session_id", types.Short, nullable=False),
        sa.Column("delivery_id", types.Id, nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("handed_at", types.UtcTime, nullable=False),
        sa.ForeignKeyConstraint(
            ["session_id"],
            ["exchange_sessions.id"],
            name="fk_hand_outs_session_id",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["delivery_id"],
            ["deliveries.id"],
            name="fk_hand_outs_delivery_id",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("session_id", "delivery_id", name="pk_hand_outs"),
    )
    op.add_column("sync_runs", sa.Column("upload", types.Json, nullable=True))
    op.create_index(
        "ix_sync_runs_uploads",
        "sync_runs",
        ["connection_id", "id"],
        postgresql_where=OPEN_UPLOADS,
        sqlite_where=OPEN_UPLOADS,
    )
    op.create_index(
        "ix_events_files",
        "events",
        ["connection_id", "ordering_key", "id"],
        postgresql_where=FILES,
        sqlite_where=FILES,
    )


def downgrade() -> None:
    op.drop_index("ix_events_files", table_name="events")
    op.drop_index("ix_sync_runs_uploads", table_name="sync_runs")
    op.drop_column("sync_runs", "upload")
    op.drop_table("hand_outs")
    op.drop_table("uploads")
    op.drop_table("exchange_sessions")

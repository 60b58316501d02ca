"""Operations: replays of many events, incidents and their notices, reconciliations asked for."""

import sqlalchemy as sa
from alembic import op

from hub.store import types

revision = "0013"
down_revision = "0012"

OPEN = sa.text("status in ('queued', 'running')")
PENDING = sa.text("status = 'pending'")
FAILED = sa.text("error_code IS NOT NULL")


def upgrade() -> None:
    op.create_table(
        "notice_channels",
        sa.Column("id", types.Id, autoincrement=True, nullable=False),
        sa.Column("title", types.Short, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("settings", types.Json, nullable=False),
        sa.Column("secrets", sa.LargeBinary(), nullable=True),
        sa.Column("severity", sa.String(length=16), nullable=False),
        sa.Column("quiet_from", sa.String(length=5), nullable=False),
        sa.Column("quiet_until", sa.String(length=5), nullable=False),
        sa.Column("interval_minutes", sa.Integer(), nullable=False),
        sa.Column("sent_at", types.UtcTime(), nullable=True),
        sa.Column("error_message", types.LongText, nullable=False),
        sa.Column("created_at", types.UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_notice_channels"),
    )
    op.create_table(
        "replay_jobs",
        sa.Column("id", types.Id, autoincrement=True, nullable=False),
        sa.Column("mode", sa.String(length=8), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("selection", types.Json, nullable=False),
        sa.Column("step", sa.String(length=16), nullable=False),
        sa.Column("actor", types.Short, nullable=False),
        sa.Column("reason", types.LongText, nullable=False),
        sa.Column("per_second", sa.Integer(), nullable=False),
        sa.Column("most", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=True),
        sa.Column("first_id", types.Id, nullable=False),
        sa.Column("last_id", types.Id, nullable=False),
        sa.Column("position", types.Id, nullable=False),
        sa.Column("taken", sa.Integer(), nullable=False),
        sa.Column("in_flight", types.Json, nullable=False),
        sa.Column("counts", types.Json, nullable=False),
        sa.Column("findings", types.Json, nullable=False),
        sa.Column("replay_id", types.Id, nullable=True),
        sa.Column("error_message", types.LongText, nullable=True),
        sa.Column("created_at", types.UtcTime(), nullable=False),
        sa.Column("started_at", types.UtcTime(), nullable=True),
        sa.Column("updated_at", types.UtcTime(), nullable=False),
        sa.Column("finished_at", types.UtcTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_replay_jobs"),
    )
    op.create_index(
        "ix_replay_jobs_open", "replay_jobs", ["id"], postgresql_where=OPEN, sqlite_where=OPEN
    )
    op.create_table(
        "incidents",
        sa.Column("id", types.Id, autoincrement=True, nullable=False),
        sa.Column("key", types.Short, nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("connection_id", types.Id, nullable=True),
        sa.Column("subject", types.Short, nullable=False),
        sa.Column("cause", types.Short, nullable=False),
        sa.Column("severity", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("message", types.LongText, nullable=False),
        sa.Column("samples", types.Json, nullable=False),
        sa.Column("opened_at", types.UtcTime(), nullable=False),
        sa.Column("seen_at", types.UtcTime(), nullable=False),
        sa.Column("resolved_at", types.UtcTime(), nullable=True),
        sa.Column("muted_until", types.UtcTime(), nullable=True),
        sa.Column("actor", types.Short, nullable=False),
        sa.Column("note", types.LongText, nullable=False),
        sa.Column("transition", sa.Integer(), nullable=False),
        sa.Column("openings", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["connection_id"], ["connections.id"], name="fk_incidents_connection_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_incidents"),
        sa.UniqueConstraint("key", name="uq_incidents_key"),
    )
    op.create_index("ix_incidents_seen", "incidents", ["seen_at", "id"])
    op.create_index("ix_incidents_state", "incidents", ["state", "id"])
    op.create_table(
        "reconcile_jobs",
        sa.Column("id", types.Id, autoincrement=True, nullable=False),
        sa.Column("connection_id", types.Id, nullable=False),
        sa.Column("first_day", sa.String(length=10), nullable=False),
        sa.Column("last_day", sa.String(length=10), nullable=False),
        sa.Column("trigger", sa.String(length=16), nullable=False),
        sa.Column("actor", types.Short, nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("error_message", types.LongText, nullable=False),
        sa.Column("created_at", types.UtcTime(), nullable=False),
        sa.Column("finished_at", types.UtcTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["connection_id"], ["connections.id"], name="fk_reconcile_jobs_connection_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_reconcile_jobs"),
    )
    op.create_index(
        "ix_reconcile_jobs_open", "reconcile_jobs", ["id"], postgresql_where=OPEN, sqlite_where=OPEN
    )
    op.create_table(
        "notices",
        sa.Column("id", types.Id, autoincrement=True, nullable=False),
        sa.Column("incident_id", types.Id, nullable=False),
        sa.Column("channel_id", types.Id, nullable=False),
        sa.Column("transition", sa.Integer(), nullable=False),
        sa.Column("event", sa.String(length=16), nullable=False),
        sa.Column("severity", sa.String(length=16), nullable=False),
        sa.Column("message", types.LongText, nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("due_at", types.UtcTime(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("error_message", types.LongText, nullable=False),
        sa.Column("message_key", types.Short, nullable=False),
        sa.Column("created_at", types.UtcTime(), nullable=False),
        sa.Column("sent_at", types.UtcTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["channel_id"], ["notice_channels.id"], name="fk_notices_channel_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["incident_id"], ["incidents.id"], name="fk_notices_incident_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_notices"),
        sa.UniqueConstraint(
            "incident_id",
            "transition",
            "channel_id",
            name="uq_notices_incident_id_transition_channel_id",
        ),
    )
    op.create_index("ix_notices_channel_id", "notices", ["channel_id"])
    op.create_index(
        "ix_notices_due", "notices", ["due_at"], postgresql_where=PENDING, sqlite_where=PENDING
    )
    op.create_table(
        "replayed_events",
        sa.Column("event_id", types.Id, nullable=False),
        sa.Column("replay_id", types.Id, nullable=False),
        sa.ForeignKeyConstraint(
            ["event_id"], ["events.id"], name="fk_replayed_events_event_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("event_id", "replay_id", name="pk_replayed_events"),
    )
    op.create_index("ix_sync_runs_connection", "sync_runs", ["connection_id", "id"])
    op.create_index("ix_sync_runs_status", "sync_runs", ["status", "id"])
    op.create_index("ix_deliveries_record", "deliveries", ["entity", "record_id", "id"])
    op.create_index(
        "ix_events_error",
        "events",
        ["error_code", "id"],
        postgresql_where=FAILED,
        sqlite_where=FAILED,
    )


def downgrade() -> None:
    op.drop_index("ix_sync_runs_status", table_name="sync_runs")
    op.drop_index("ix_sync_runs_connection", table_name="sync_runs")
    op.drop_index("ix_events_error", table_name="events")
    op.drop_index("ix_deliveries_record", table_name="deliveries")
    op.drop_table("replayed_events")
    op.drop_index("ix_notices_due", table_name="notices")
    op.drop_index("ix_notices_channel_id", table_name="notices")
    op.drop_table("notices")
    op.drop_index("ix_reconcile_jobs_open", table_name="reconcile_jobs")
    op.drop_table("reconcile_jobs")
    op.drop_index("ix_incidents_state", table_name="incidents")
    op.drop_index("ix_incidents_seen", table_name="incidents")
    op.drop_table("incidents")
    op.drop_index("ix_replay_jobs_open", table_name="replay_jobs")
    op.drop_table("replay_jobs")
    op.drop_table("notice_channels")

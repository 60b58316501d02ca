"""Reports: the numbers of days and months, who gets them by mail."""

import sqlalchemy as sa
from alembic import op

from hub.store import types

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.create_table(
        "report_days",
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("scope", types.Short, nullable=False),
        sa.Column("day", sa.String(10), nullable=False),
        sa.Column("numbers", types.Json, nullable=False),
        sa.Column("counted_at", types.UtcTime, nullable=False),
        sa.PrimaryKeyConstraint("kind", "scope", "day", name="pk_report_days"),
    )
    op.create_table(
        "report_marks",
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("day", sa.String(10), nullable=False),
        sa.Column("mark", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "day", name="pk_report_marks"),
    )
    op.create_table(
        "report_subscriptions",
        sa.Column("id", types.Id, autoincrement=True, nullable=False),
        sa.Column("report", sa.String(16), nullable=False),
        sa.Column("rhythm", sa.String(8), nullable=False),
        sa.Column("hour", sa.Integer(), nullable=False),
        sa.Column("recipients", types.Json, nullable=False),
        sa.Column("is_paused", sa.Boolean(), nullable=False),
        sa.Column("author_id", types.Id, nullable=False),
        sa.Column("created_at", types.UtcTime, nullable=False),
        sa.Column("due_at", types.UtcTime, nullable=True),
        sa.ForeignKeyConstraint(
            ["author_id"], ["users.id"], name="fk_report_subscriptions_author_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_report_subscriptions"),
    )
    op.create_index("ix_report_subscriptions_due", "report_subscriptions", ["due_at"])
    op.create_table(
        "report_letters",
        sa.Column("id", types.Id, autoincrement=True, nullable=False),
        sa.Column("subscription_id", types.Id, nullable=False),
        sa.Column("slot", types.Short, nullable=False),
        sa.Column("user_id", types.Id, nullable=False),
        sa.Column("status", sa.String(8), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("try_at", types.UtcTime, nullable=True),
        sa.Column("begun_at", types.UtcTime, nullable=True),
        sa.Column("sent_at", types.UtcTime, nullable=True),
        sa.Column("error", types.LongText, nullable=True),
        sa.Column("created_at", types.UtcTime, nullable=False),
        sa.ForeignKeyConstraint(
            ["subscription_id"],
            ["report_subscriptions.id"],
            name="fk_report_letters_subscription_id",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_report_letters_user_id"),
        sa.PrimaryKeyConstraint("id", name="pk_report_letters"),
        sa.UniqueConstraint(
            "subscription_id",
            "slot",
            "user_id",
            name="uq_report_letters_subscription_id_slot_user_id",
        ),
    )
    op.create_index("ix_report_letters_due", "report_letters", ["status", "try_at"])
    # A lead's day: when it was received, else when the hub learnt of it.
    op.create_index("ix_leads_moments", "leads", ["received_at", "created_at", "id"])


def downgrade() -> None:
    op.drop_index("ix_leads_moments", table_name="leads")
    op.drop_table("report_letters")
    op.drop_table("report_subscriptions")
    op.drop_table("report_marks")
    op.drop_table("report_days")

"""Replays that no worker overwrites; companies that only one worker makes."""

import sqlalchemy as sa
from alembic import op

from hub.store import types

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column(
        "events", sa.Column("generation", sa.Integer(), server_default="0", nullable=False)
    )
    op.create_table(
        "company_claims",
        sa.Column("inn", sa.String(), nullable=False),
        sa.Column("place", sa.String(), nullable=False),
        sa.Column("company_id", types.Id, nullable=False),
        sa.ForeignKeyConstraint(
            ["company_id"],
            ["companies.id"],
            name=op.f("fk_company_claims_company_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("inn", "place", name=op.f("pk_company_claims")),
    )
    op.create_index(
        op.f("ix_company_claims_company_id"), "company_claims", ["company_id"], unique=False
    )


def downgrade() -> None:
    op.drop_table("company_claims")
    op.drop_column("events", "generation")

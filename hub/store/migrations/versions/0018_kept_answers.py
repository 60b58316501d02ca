"""The first answers to API requests that came with an Idempotency-Key; contacts by company."""

import sqlalchemy as sa
from alembic import op

from hub.store import types
from hub.store.migrate import add_index

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    # «If not exists»: an interrupted build of the last index leaves the table behind.
    op.create_table(
        "kept_answers",
        sa.Column("id", types.Id, autoincrement=True, nullable=False),
        sa.Column("token_id", types.Id, nullable=False),
        sa.Column("key_hash", sa.String(64), nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("begun_at", types.UtcTime(), nullable=False),
        sa.Column("owner", sa.String(255), nullable=False),
        sa.Column("expires_at", types.UtcTime(), nullable=False),
        sa.Column("made_id", types.Id),
        sa.Column("status_code", sa.Integer()),
        sa.Column("headers", types.Json),
        sa.Column("body", types.Json),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_kept_answers")),
        sa.UniqueConstraint("token_id", "key_hash", name=op.f("uq_kept_answers_token_id_key_hash")),
        if_not_exists=True,
    )
    op.create_index("ix_kept_answers_begun_at", "kept_answers", ["begun_at"], if_not_exists=True)
    add_index("ix_contacts_company", "contacts", ["company_name"], "company_name IS NOT NULL")


def downgrade() -> None:
    op.drop_table("kept_answers")
    op.drop_index("ix_contacts_company", table_name="contacts")

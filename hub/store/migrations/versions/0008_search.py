"""Search by any part: «ё» is «е»; notes on clients.

The trigram index itself is made by `search_index.ensure`, where a database can have one.
"""

import sqlalchemy as sa
from alembic import op

from hub.store import types

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.create_table(
        "notes",
        sa.Column("id", types.Id, autoincrement=True, nullable=False),
        sa.Column("contact_id", types.Id, nullable=False),
        sa.Column("text", types.LongText, nullable=False),
        sa.Column("author", types.Short, nullable=False),
        sa.Column("user_id", types.Id, nullable=True),
        sa.Column("created_at", types.UtcTime(), nullable=False),
        sa.Column("updated_at", types.UtcTime(), nullable=False),
        sa.Column("deleted_at", types.UtcTime(), nullable=True),
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.id"], name="fk_notes_contact_id"),
        sa.PrimaryKeyConstraint("id", name="pk_notes"),
    )
    op.create_index("ix_notes_contact", "notes", ["contact_id", "id"])
    for table in ("contacts", "companies", "products", "stock_levels"):
        op.execute(
            f"UPDATE {table} SET search_text = replace(search_text, 'ё', 'е')"  # noqa: S608  # names of ours
            " WHERE search_text LIKE '%ё%'"
        )


def downgrade() -> None:
    op.execute("DELETE FROM timeline WHERE kind = 'note'")
    op.drop_table("notes")

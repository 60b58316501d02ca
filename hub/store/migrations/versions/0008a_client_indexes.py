"""Indexes of the clients' lists and card, each built while others write."""

from alembic import op

from hub.store.migrate import add_index

revision = "0008a"
down_revision = "0008"

INDEXES = (
    ("ix_contacts_inn", "contacts", ["inn"]),
    ("ix_contacts_name", "contacts", ["name", "id"]),
    ("ix_contacts_connection_id", "contacts", ["connection_id", "id"]),
    ("ix_deals_open", "deals", ["closed_at", "contact_id"]),
    ("ix_merges_kept_id", "merges", ["kept_id"]),
    ("ix_merges_merged_id", "merges", ["merged_id"]),
    ("ix_possible_duplicates_other_id", "possible_duplicates", ["other_id"]),
    ("ix_companies_name", "companies", ["name", "id"]),
)


def upgrade() -> None:
    # Nothing but indexes, each made anew: an interrupted try is simply repeated.
    for name, table, columns in INDEXES:
        add_index(name, table, columns)


def downgrade() -> None:
    for name, table, _ in INDEXES:
        op.drop_index(name, table_name=table)

"""People: where each is signed in, one-time links, second factors, erased persons; quick audit."""

import sqlalchemy as sa
from alembic import op

from hub.store import types

revision = "0015"
down_revision = "0013"

AUDIT = {
    "ix_audit_at": ["at", "id"],
    "ix_audit_actor": ["actor", "at", "id"],
    "ix_audit_action": ["action", "at", "id"],
    "ix_audit_kind": ["subject", "at", "id"],
    "ix_audit_deeds": ["actor", "action", "at", "id"],
}


def upgrade() -> None:
    op.create_table(
        "sign_ins",
        sa.Column("id", types.Id, autoincrement=True, nullable=False),
        sa.Column("user_id", types.Id, nullable=False),
        sa.Column("created_at", types.UtcTime(), nullable=False),
        sa.Column("last_seen_at", types.UtcTime(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("agent", sa.String(), nullable=False),
        sa.Column("way", sa.String(16), nullable=False),
        sa.Column("ended_at", types.UtcTime()),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_sign_ins_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sign_ins")),
    )
    op.create_index("ix_sign_ins_user", "sign_ins", ["user_id", "ended_at", "id"])
    op.create_table(
        "invitations",
        sa.Column("id", types.Id, autoincrement=True, nullable=False),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("user_id", types.Id),
        sa.Column("token_hash", sa.String(), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("created_at", types.UtcTime(), nullable=False),
        sa.Column("expires_at", types.UtcTime(), nullable=False),
        sa.Column("used_at", types.UtcTime()),
        sa.Column("revoked_at", types.UtcTime()),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_invitations_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invitations")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_invitations_token_hash")),
    )
    op.create_index(op.f("ix_invitations_email"), "invitations", ["email"])
    op.create_table(
        "totp",
        sa.Column("user_id", types.Id, nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", types.UtcTime(), nullable=False),
        sa.Column("confirmed_at", types.UtcTime()),
        sa.Column("last_step", sa.Integer(), nullable=False),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.Column("locked_until", types.UtcTime()),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_totp_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_totp")),
    )
    op.create_table(
        "recovery_codes",
        sa.Column("id", types.Id, autoincrement=True, nullable=False),
        sa.Column("user_id", types.Id, nullable=False),
        sa.Column("code_hash", sa.String(), nullable=False),
        sa.Column("used_at", types.UtcTime()),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_recovery_codes_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recovery_codes")),
    )
    op.create_index(op.f("ix_recovery_codes_user_id"), "recovery_codes", ["user_id"])
    _erasures()
    for name, columns in AUDIT.items():
        op.create_index(name, "audit", columns)
    is_merged = sa.text("merged_into_id IS NOT NULL")
    op.create_index(
        "ix_contacts_merged",
        "contacts",
        ["merged_into_id"],
        postgresql_where=is_merged,
        sqlite_where=is_merged,
    )
    op.add_column("tokens", sa.Column("scopes", types.Json))
    op.add_column("tokens", sa.Column("created_by", sa.String(), nullable=False, server_default=""))
    # An index: to add a constraint SQLite would build the table anew, and drop what refers to it.
    op.add_column("users", sa.Column("subject", sa.String()))
    op.create_index("uq_users_subject", "users", ["subject"], unique=True)


def _erasures() -> None:
    op.create_table(
        "erasures",
        sa.Column("id", types.Id, autoincrement=True, nullable=False),
        sa.Column("contact_id", types.Id),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("step", sa.String(64), nullable=False),
        sa.Column("position", types.Id, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("requested_by", sa.String(), nullable=False),
        sa.Column("requested_at", types.UtcTime(), nullable=False),
        sa.Column("finished_at", types.UtcTime()),
        sa.Column("sealed", sa.LargeBinary()),
        sa.Column("counts", types.Json, nullable=False),
        sa.Column("proof", types.Json),
        sa.Column("proof_hash", sa.String()),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_erasures")),
    )
    op.create_index("ix_erasures_status", "erasures", ["status", "id"])
    op.create_index("ix_erasures_contact", "erasures", ["contact_id"])
    op.create_table(
        "erased_marks",
        sa.Column("mark", sa.String(), nullable=False),
        sa.Column("erasure_id", types.Id, nullable=False),
        sa.ForeignKeyConstraint(
            ["erasure_id"],
            ["erasures.id"],
            name=op.f("fk_erased_marks_erasure_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("mark", "erasure_id", name=op.f("pk_erased_marks")),
    )


def downgrade() -> None:
    op.drop_index("uq_users_subject", table_name="users")
    op.drop_column("users", "subject")
    op.drop_column("tokens", "created_by")
    op.drop_column("tokens", "scopes")
    op.drop_index("ix_contacts_merged", table_name="contacts")
    for name in AUDIT:
        op.drop_index(name, table_name="audit")
    for name in ("erased_marks", "erasures", "recovery_codes", "totp", "invitations", "sign_ins"):
        op.drop_table(name)

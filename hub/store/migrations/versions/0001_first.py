"""The first schema."""

import sqlalchemy as sa
from alembic import op

from hub.store import types

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "attempts",
        sa.Column("id", types.Id, autoincrement=True, nullable=False),
        sa.Column("subject", sa.String(length=16), nullable=False),
        sa.Column("subject_id", types.Id, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("step", sa.String(length=16), nullable=False),
        sa.Column("started_at", types.UtcTime(), nullable=False),
        sa.Column("duration_ms", sa.Integer(), nullable=False),
        sa.Column("error_code", sa.String(), nullable=True),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.Column("status_code", sa.Integer(), nullable=True),
        sa.Column("request", sa.Text(), nullable=True),
        sa.Column("reply", sa.Text(), nullable=True),
        sa.Column("replay_id", types.Id, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attempts")),
    )
    op.create_index(
        "ix_attempts_subject", "attempts", ["subject", "subject_id", "id"], unique=False
    )
    op.create_table(
        "audit",
        sa.Column("id", types.Id, autoincrement=True, nullable=False),
        sa.Column("at", types.UtcTime(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("subject_id", sa.String(), nullable=False),
        sa.Column("details", types.Json, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
    )
    op.create_index("ix_audit_subject", "audit", ["subject", "subject_id", "id"], unique=False)
    op.create_table(
        "changes",
        sa.Column("id", types.Id, autoincrement=True, nullable=False),
        sa.Column("entity", sa.String(length=16), nullable=False),
        sa.Column("record_id", types.Id, nullable=False),
        sa.Column("event_id", types.Id, nullable=True),
        sa.Column("run_id", types.Id, nullable=True),
        sa.Column("user_id", types.Id, nullable=True),
        sa.Column("action", sa.String(length=16), nullable=False),
        sa.Column("fields", types.Json, nullable=False),
        sa.Column("at", types.UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_changes")),
    )
    op.create_index(op.f("ix_changes_event_id"), "changes", ["event_id"], unique=False)
    op.create_index("ix_changes_record", "changes", ["entity", "record_id", "id"], unique=False)
    op.create_index(op.f("ix_changes_run_id"), "changes", ["run_id"], unique=False)
    op.create_table(
        "connections",
        sa.Column("id", types.Id, autoincrement=True, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("connector", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("state_reason", sa.Text(), nullable=False),
        sa.Column("settings", types.Json, nullable=False),
        sa.Column("secrets", sa.LargeBinary(), nullable=True),
        sa.Column("schedule", types.Json, nullable=False),
        sa.Column("mappings", types.Json, nullable=False),
        sa.Column("destinations", types.Json, nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("created_at", types.UtcTime(), nullable=False),
        sa.Column("updated_at", types.UtcTime(), nullable=False),
        sa.Column("last_event_at", types.UtcTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_connections")),
        sa.UniqueConstraint("name", name=op.f("uq_connections_name")),
    )
    op.create_table(
        "facts",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("updated_at", types.UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_facts")),
    )
    op.create_table(
        "leases",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("token", sa.Integer(), nullable=False),
        sa.Column("expires_at", types.UtcTime(), nullable=False),
        sa.Column("deaths", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_leases")),
    )
    op.create_table(
        "message_refs",
        sa.Column("ref", sa.String(), nullable=False),
        sa.Column("thread_key", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("ref", name=op.f("pk_message_refs")),
    )
    op.create_index(
        op.f("ix_message_refs_thread_key"), "message_refs", ["thread_key"], unique=False
    )
    op.create_table(
        "rejections",
        sa.Column("id", types.Id, autoincrement=True, nullable=False),
        sa.Column("connection_name", sa.String(), nullable=False),
        sa.Column("cause", sa.String(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("first_at", types.UtcTime(), nullable=False),
        sa.Column("last_at", types.UtcTime(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("remote_addr", sa.String(), nullable=False),
        sa.Column("sample", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rejections")),
        sa.UniqueConstraint(
            "connection_name",
            "cause",
            "message",
            name=op.f("uq_rejections_connection_name_cause_message"),
        ),
    )
    op.create_index(
        op.f("ix_rejections_connection_name"), "rejections", ["connection_name"], unique=False
    )
    op.create_table(
        "replays",
        sa.Column("id", types.Id, autoincrement=True, nullable=False),
        sa.Column("created_at", types.UtcTime(), nullable=False),
        sa.Column("user_id", types.Id, nullable=True),
        sa.Column("step", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("event_count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_replays")),
    )
    op.create_table(
        "row_issues",
        sa.Column("id", types.Id, autoincrement=True, nullable=False),
        sa.Column("run_id", types.Id, nullable=False),
        sa.Column("place", sa.String(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("row", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_row_issues")),
    )
    op.create_index(op.f("ix_row_issues_run_id"), "row_issues", ["run_id"], unique=False)
    op.create_table(
        "tokens",
        sa.Column("id", types.Id, autoincrement=True, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("token_hash", sa.String(), nullable=False),
        sa.Column("created_at", types.UtcTime(), nullable=False),
        sa.Column("expires_at", types.UtcTime(), nullable=True),
        sa.Column("last_used_at", types.UtcTime(), nullable=True),
        sa.Column("revoked_at", types.UtcTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tokens")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_tokens_token_hash")),
    )
    op.create_table(
        "users",
        sa.Column("id", types.Id, autoincrement=True, nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("password_hash", sa.String(), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("session_epoch", sa.Integer(), nullable=False),
        sa.Column("created_at", types.UtcTime(), nullable=False),
        sa.Column("last_login_at", types.UtcTime(), nullable=True),
        sa.Column("failed_logins", sa.Integer(), nullable=False),
        sa.Column("locked_until", types.UtcTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
        sa.UniqueConstraint("email", name=op.f("uq_users_email")),
    )
    op.create_table(
        "bindings",
        sa.Column("id", types.Id, autoincrement=True, nullable=False),
        sa.Column("connection_id", types.Id, nullable=False),
        sa.Column("entity", sa.String(length=16), nullable=False),
        sa.Column("external_id", sa.String(), nullable=False),
        sa.Column("record_id", types.Id, nullable=False),
        sa.ForeignKeyConstraint(
            ["connection_id"], ["connections.id"], name=op.f("fk_bindings_connection_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bindings")),
        sa.UniqueConstraint(
            "connection_id",
            "entity",
            "external_id",
            name=op.f("uq_bindings_connection_id_entity_external_id"),
        ),
    )
    op.create_index("ix_bindings_record", "bindings", ["entity", "record_id"], unique=False)
    op.create_table(
        "companies",
        sa.Column("id", types.Id, autoincrement=True, nullable=False),
        sa.Column("connection_id", types.Id, nullable=True),
        sa.Column("external_id", sa.String(), nullable=True),
        sa.Column("created_at", types.UtcTime(), nullable=False),
        sa.Column("updated_at", types.UtcTime(), nullable=False),
        sa.Column("deleted_at", types.UtcTime(), nullable=True),
        sa.Column("extra", types.Json, nullable=False),
        sa.Column("origins", types.Json, nullable=False),
        sa.Column("name", sa.String(), nullable=True),
        sa.Column("legal_name", sa.String(), nullable=True),
        sa.Column("inn", sa.String(), nullable=True),
        sa.Column("kpp", sa.String(), nullable=True),
        sa.Column("phone", sa.String(), nullable=True),
        sa.Column("email", sa.String(), nullable=True),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("comment", sa.Text(), nullable=True),
        sa.Column("manager", sa.String(), nullable=True),
        sa.Column("search_text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["connection_id"], ["connections.id"], name=op.f("fk_companies_connection_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_companies")),
    )
    op.create_index(op.f("ix_companies_email"), "companies", ["email"], unique=False)
    op.create_index(op.f("ix_companies_inn"), "companies", ["inn"], unique=False)
    op.create_index(op.f("ix_companies_phone"), "companies", ["phone"], unique=False)
    op.create_index("ix_companies_updated", "companies", ["updated_at", "id"], unique=False)
    op.create_table(
        "connection_revisions",
        sa.Column("id", types.Id, autoincrement=True, nullable=False),
        sa.Column("connection_id", types.Id, nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("document", types.Json, nullable=False),
        sa.Column("author", sa.String(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("created_at", types.UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["connection_id"],
            ["connections.id"],
            name=op.f("fk_connection_revisions_connection_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_connection_revisions")),
    )
    op.create_index(
        op.f("ix_connection_revisions_connection_id"),
        "connection_revisions",
        ["connection_id"],
        unique=False,
    )
    op.create_table(
        "contacts",
        sa.Column("id", types.Id, autoincrement=True, nullable=False),
        sa.Column("connection_id", types.Id, nullable=True),
        sa.Column("external_id", sa.String(), nullable=True),
        sa.Column("created_at", types.UtcTime(), nullable=False),
        sa.Column("updated_at", types.UtcTime(), nullable=False),
        sa.Column("deleted_at", types.UtcTime(), nullable=True),
        sa.Column("extra", types.Json, nullable=False),
        sa.Column("origins", types.Json, nullable=False),
        sa.Column("name", sa.String(), nullable=True),
        sa.Column("phone", sa.String(), nullable=True),
        sa.Column("email", sa.String(), nullable=True),
        sa.Column("company_name", sa.String(), nullable=True),
        sa.Column("position", sa.String(), nullable=True),
        sa.Column("inn", sa.String(), nullable=True),
        sa.Column("city", sa.String(), nullable=True),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("comment", sa.Text(), nullable=True),
        sa.Column("manager", sa.String(), nullable=True),
        sa.Column("search_text", sa.Text(), nullable=False),
        sa.Column("last_activity_at", types.UtcTime(), nullable=True),
        sa.Column("merged_into_id", types.Id, nullable=True),
        sa.ForeignKeyConstraint(
            ["connection_id"], ["connections.id"], name=op.f("fk_contacts_connection_id")
        ),
        sa.ForeignKeyConstraint(
            ["merged_into_id"], ["contacts.id"], name=op.f("fk_contacts_merged_into_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contacts")),
    )
    op.create_index("ix_contacts_activity", "contacts", ["last_activity_at", "id"], unique=False)
    op.create_index(op.f("ix_contacts_manager"), "contacts", ["manager"], unique=False)
    op.create_index("ix_contacts_updated", "contacts", ["updated_at", "id"], unique=False)
    op.create_table(
        "cursors",
        sa.Column("connection_id", types.Id, nullable=False),
        sa.Column("stream", sa.String(), nullable=False),
        sa.Column("cursor", types.Json, nullable=False),
        sa.Column("updated_at", types.UtcTime(), nullable=False),
        sa.Column("next_run_at", types.UtcTime(), nullable=True),
        sa.Column("fresh_at", types.UtcTime(), nullable=True),
        sa.Column("row_count", sa.Integer(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["connection_id"], ["connections.id"], name=op.f("fk_cursors_connection_id")
        ),
        sa.PrimaryKeyConstraint("connection_id", "stream", name=op.f("pk_cursors")),
    )
    op.create_index(op.f("ix_cursors_next_run_at"), "cursors", ["next_run_at"], unique=False)
    op.create_table(
        "deliveries",
        sa.Column("id", types.Id, autoincrement=True, nullable=False),
        sa.Column("connection_id", types.Id, nullable=False),
        sa.Column("entity", sa.String(length=16), nullable=False),
        sa.Column("record_id", types.Id, nullable=False),
        sa.Column("event_type", sa.String(), nullable=False),
        sa.Column("delivery_key", sa.String(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("created_at", types.UtcTime(), nullable=False),
        sa.Column("changed_at", types.UtcTime(), nullable=False),
        sa.Column("due_at", types.UtcTime(), nullable=True),
        sa.Column("finished_at", types.UtcTime(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("is_deleted", sa.Boolean(), nullable=False),
        sa.Column("event_id", types.Id, nullable=True),
        sa.Column("error_code", sa.String(), nullable=True),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["connection_id"], ["connections.id"], name=op.f("fk_deliveries_connection_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deliveries")),
        sa.UniqueConstraint("delivery_key", name=op.f("uq_deliveries_delivery_key")),
    )
    op.create_index(
        "ix_deliveries_due",
        "deliveries",
        ["due_at"],
        unique=False,
        postgresql_where=sa.text("status in ('pending', 'waiting')"),
        sqlite_where=sa.text("status in ('pending', 'waiting')"),
    )
    op.create_index("ix_deliveries_status", "deliveries", ["status", "id"], unique=False)
    op.create_index(
        "uq_deliveries_open",
        "deliveries",
        ["connection_id", "entity", "record_id"],
        unique=True,
        postgresql_where=sa.text("status in ('pending', 'waiting', 'paused')"),
        sqlite_where=sa.text("status in ('pending', 'waiting', 'paused')"),
    )
    op.create_table(
        "event_counts",
        sa.Column("connection_id", types.Id, nullable=False),
        sa.Column("hour", types.UtcTime(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["connection_id"], ["connections.id"], name=op.f("fk_event_counts_connection_id")
        ),
        sa.PrimaryKeyConstraint("connection_id", "hour", "status", name=op.f("pk_event_counts")),
    )
    op.create_table(
        "events",
        sa.Column("id", types.Id, autoincrement=True, nullable=False),
        sa.Column("connection_id", types.Id, nullable=False),
        sa.Column("event_key", sa.String(), nullable=False),
        sa.Column("ordering_key", sa.String(), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("received_at", types.UtcTime(), nullable=False),
        sa.Column("finished_at", types.UtcTime(), nullable=True),
        sa.Column("retry_at", types.UtcTime(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("deaths", sa.Integer(), nullable=False),
        sa.Column("error_code", sa.String(), nullable=True),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["connection_id"], ["connections.id"], name=op.f("fk_events_connection_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
        sa.UniqueConstraint(
            "connection_id", "event_key", name=op.f("uq_events_connection_id_event_key")
        ),
    )
    op.create_index(
        "ix_events_connection_status", "events", ["connection_id", "status", "id"], unique=False
    )
    op.create_index(
        "ix_events_dead",
        "events",
        ["connection_id", "error_code"],
        unique=False,
        postgresql_where=sa.text("status = 'dead'"),
        sqlite_where=sa.text("status = 'dead'"),
    )
    op.create_index(
        "ix_events_open",
        "events",
        ["connection_id", "id"],
        unique=False,
        postgresql_where=sa.text("status = 'received'"),
        sqlite_where=sa.text("status = 'received'"),
    )
    op.create_index("ix_events_status", "events", ["status", "id"], unique=False)
    op.create_index(
        "ix_events_waiting",
        "events",
        ["retry_at"],
        unique=False,
        postgresql_where=sa.text("status = 'waiting'"),
        sqlite_where=sa.text("status = 'waiting'"),
    )
    op.create_table(
        "products",
        sa.Column("id", types.Id, autoincrement=True, nullable=False),
        sa.Column("connection_id", types.Id, nullable=True),
        sa.Column("external_id", sa.String(), nullable=True),
        sa.Column("created_at", types.UtcTime(), nullable=False),
        sa.Column("updated_at", types.UtcTime(), nullable=False),
        sa.Column("deleted_at", types.UtcTime(), nullable=True),
        sa.Column("extra", types.Json, nullable=False),
        sa.Column("origins", types.Json, nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("sku", sa.String(), nullable=True),
        sa.Column("barcode", sa.String(), nullable=True),
        sa.Column("variant", sa.String(), nullable=True),
        sa.Column("parent_external_id", sa.String(), nullable=True),
        sa.Column("price", types.Exact(), nullable=True),
        sa.Column("currency", sa.String(length=8), nullable=True),
        sa.Column("unit", sa.String(), nullable=True),
        sa.Column("category", sa.String(), nullable=True),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("is_active", sa.Boolean(), nullable=True),
        sa.Column("search_text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["connection_id"], ["connections.id"], name=op.f("fk_products_connection_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_products")),
    )
    op.create_index(op.f("ix_products_barcode"), "products", ["barcode"], unique=False)
    op.create_index(op.f("ix_products_sku"), "products", ["sku"], unique=False)
    op.create_index("ix_products_updated", "products", ["updated_at", "id"], unique=False)
    op.create_table(
        "reconciliations",
        sa.Column("id", types.Id, autoincrement=True, nullable=False),
        sa.Column("connection_id", types.Id, nullable=False),
        sa.Column("day", sa.String(), nullable=False),
        sa.Column("theirs", sa.Integer(), nullable=False),
        sa.Column("ours", sa.Integer(), nullable=False),
        sa.Column("recovered", sa.Integer(), nullable=False),
        sa.Column("unexplained", sa.Integer(), nullable=False),
        sa.Column("details", types.Json, nullable=False),
        sa.Column("created_at", types.UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["connection_id"], ["connections.id"], name=op.f("fk_reconciliations_connection_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reconciliations")),
        sa.UniqueConstraint(
            "connection_id", "day", name=op.f("uq_reconciliations_connection_id_day")
        ),
    )
    op.create_table(
        "stock_levels",
        sa.Column("id", types.Id, autoincrement=True, nullable=False),
        sa.Column("connection_id", types.Id, nullable=False),
        sa.Column("item_key", sa.String(), nullable=False),
        sa.Column("variant", sa.String(), nullable=False),
        sa.Column("warehouse", sa.String(), nullable=False),
        sa.Column("sku", sa.String(), nullable=False),
        sa.Column("product_external_id", sa.String(), nullable=False),
        sa.Column("product_name", sa.Text(), nullable=False),
        sa.Column("quantity", types.Exact(), nullable=False),
        sa.Column("reserved", types.Exact(), nullable=True),
        sa.Column("available", types.Exact(), nullable=True),
        sa.Column("price", types.Exact(), nullable=True),
        sa.Column("currency", sa.String(length=8), nullable=True),
        sa.Column("as_of", types.UtcTime(), nullable=True),
        sa.Column("stream", sa.String(), nullable=False),
        sa.Column("updated_at", types.UtcTime(), nullable=False),
        sa.Column("run_id", types.Id, nullable=True),
        sa.Column("search_text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["connection_id"], ["connections.id"], name=op.f("fk_stock_levels_connection_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stock_levels")),
        sa.UniqueConstraint(
            "connection_id",
            "item_key",
            "variant",
            "warehouse",
            name=op.f("uq_stock_levels_connection_id_item_key_variant_warehouse"),
        ),
    )
    op.create_index(op.f("ix_stock_levels_sku"), "stock_levels", ["sku"], unique=False)
    op.create_index("ix_stock_levels_updated", "stock_levels", ["updated_at", "id"], unique=False)
    op.create_table(
        "sync_runs",
        sa.Column("id", types.Id, autoincrement=True, nullable=False),
        sa.Column("connection_id", types.Id, nullable=False),
        sa.Column("stream", sa.String(), nullable=False),
        sa.Column("trigger", sa.String(length=16), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("created_at", types.UtcTime(), nullable=False),
        sa.Column("started_at", types.UtcTime(), nullable=True),
        sa.Column("finished_at", types.UtcTime(), nullable=True),
        sa.Column("rows_read", sa.Integer(), nullable=False),
        sa.Column("rows_created", sa.Integer(), nullable=False),
        sa.Column("rows_changed", sa.Integer(), nullable=False),
        sa.Column("rows_removed", sa.Integer(), nullable=False),
        sa.Column("rows_rejected", sa.Integer(), nullable=False),
        sa.Column("cursor_before", types.Json, nullable=True),
        sa.Column("cursor_after", types.Json, nullable=True),
        sa.Column("error_code", sa.String(), nullable=True),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.Column("held_reason", sa.Text(), nullable=True),
        sa.Column("approved_by", sa.String(), nullable=True),
        sa.Column("accepted_rows", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["connection_id"], ["connections.id"], name=op.f("fk_sync_runs_connection_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sync_runs")),
    )
    op.create_index(
        "ix_sync_runs_stream", "sync_runs", ["connection_id", "stream", "id"], unique=False
    )
    op.create_table(
        "calls",
        sa.Column("id", types.Id, autoincrement=True, nullable=False),
        sa.Column("connection_id", types.Id, nullable=True),
        sa.Column("external_id", sa.String(), nullable=True),
        sa.Column("created_at", types.UtcTime(), nullable=False),
        sa.Column("updated_at", types.UtcTime(), nullable=False),
        sa.Column("deleted_at", types.UtcTime(), nullable=True),
        sa.Column("extra", types.Json, nullable=False),
        sa.Column("origins", types.Json, nullable=False),
        sa.Column("contact_id", types.Id, nullable=True),
        sa.Column("direction", sa.String(length=16), nullable=True),
        sa.Column("status", sa.String(length=16), nullable=True),
        sa.Column("from_number", sa.String(), nullable=True),
        sa.Column("to_number", sa.String(), nullable=True),
        sa.Column("line_number", sa.String(), nullable=True),
        sa.Column("extension", sa.String(), nullable=True),
        sa.Column("started_at", types.UtcTime(), nullable=True),
        sa.Column("answered_at", types.UtcTime(), nullable=True),
        sa.Column("ended_at", types.UtcTime(), nullable=True),
        sa.Column("wait_seconds", sa.Integer(), nullable=True),
        sa.Column("talk_seconds", sa.Integer(), nullable=True),
        sa.Column("recording_id", sa.String(), nullable=True),
        sa.Column("recording_url", sa.Text(), nullable=True),
        sa.Column("manager", sa.String(), nullable=True),
        sa.Column("parts", types.Json, nullable=False),
        sa.ForeignKeyConstraint(
            ["connection_id"], ["connections.id"], name=op.f("fk_calls_connection_id")
        ),
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.id"], name=op.f("fk_calls_contact_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_calls")),
    )
    op.create_index(op.f("ix_calls_contact_id"), "calls", ["contact_id"], unique=False)
    op.create_index(op.f("ix_calls_from_number"), "calls", ["from_number"], unique=False)
    op.create_index("ix_calls_started", "calls", ["started_at", "id"], unique=False)
    op.create_index(op.f("ix_calls_to_number"), "calls", ["to_number"], unique=False)
    op.create_index("ix_calls_updated", "calls", ["updated_at", "id"], unique=False)
    op.create_table(
        "contact_points",
        sa.Column("id", types.Id, autoincrement=True, nullable=False),
        sa.Column("contact_id", types.Id, nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contacts.id"], name=op.f("fk_contact_points_contact_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contact_points")),
        sa.UniqueConstraint(
            "contact_id", "kind", "value", name=op.f("uq_contact_points_contact_id_kind_value")
        ),
    )
    op.create_index(
        op.f("ix_contact_points_contact_id"), "contact_points", ["contact_id"], unique=False
    )
    op.create_index("ix_contact_points_value", "contact_points", ["kind", "value"], unique=False)
    op.create_table(
        "deals",
        sa.Column("id", types.Id, autoincrement=True, nullable=False),
        sa.Column("connection_id", types.Id, nullable=True),
        sa.Column("external_id", sa.String(), nullable=True),
        sa.Column("created_at", types.UtcTime(), nullable=False),
        sa.Column("updated_at", types.UtcTime(), nullable=False),
        sa.Column("deleted_at", types.UtcTime(), nullable=True),
        sa.Column("extra", types.Json, nullable=False),
        sa.Column("origins", types.Json, nullable=False),
        sa.Column("contact_id", types.Id, nullable=True),
        sa.Column("title", sa.String(), nullable=True),
        sa.Column("stage", sa.String(), nullable=True),
        sa.Column("amount", types.Exact(), nullable=True),
        sa.Column("currency", sa.String(length=8), nullable=True),
        sa.Column("manager", sa.String(), nullable=True),
        sa.Column("closed_at", types.UtcTime(), nullable=True),
        sa.Column("comment", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["connection_id"], ["connections.id"], name=op.f("fk_deals_connection_id")
        ),
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.id"], name=op.f("fk_deals_contact_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deals")),
    )
    op.create_index(op.f("ix_deals_contact_id"), "deals", ["contact_id"], unique=False)
    op.create_index("ix_deals_updated", "deals", ["updated_at", "id"], unique=False)
    op.create_table(
        "event_bodies",
        sa.Column("event_id", types.Id, nullable=False),
        sa.Column("method", sa.String(length=16), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("query", sa.Text(), nullable=False),
        sa.Column("headers", types.Json, nullable=False),
        sa.Column("remote_addr", sa.String(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["event_id"], ["events.id"], name=op.f("fk_event_bodies_event_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_event_bodies")),
    )
    op.create_table(
        "identity_claims",
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.Column("contact_id", types.Id, nullable=False),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contacts.id"], name=op.f("fk_identity_claims_contact_id")
        ),
        sa.PrimaryKeyConstraint("kind", "value", name=op.f("pk_identity_claims")),
    )
    op.create_index(
        op.f("ix_identity_claims_contact_id"), "identity_claims", ["contact_id"], unique=False
    )
    op.create_table(
        "leads",
        sa.Column("id", types.Id, autoincrement=True, nullable=False),
        sa.Column("connection_id", types.Id, nullable=True),
        sa.Column("external_id", sa.String(), nullable=True),
        sa.Column("created_at", types.UtcTime(), nullable=False),
        sa.Column("updated_at", types.UtcTime(), nullable=False),
        sa.Column("deleted_at", types.UtcTime(), nullable=True),
        sa.Column("extra", types.Json, nullable=False),
        sa.Column("origins", types.Json, nullable=False),
        sa.Column("contact_id", types.Id, nullable=True),
        sa.Column("title", sa.String(), nullable=True),
        sa.Column("status", sa.String(), nullable=True),
        sa.Column("channel", sa.String(), nullable=True),
        sa.Column("campaign", sa.String(), nullable=True),
        sa.Column("amount", types.Exact(), nullable=True),
        sa.Column("currency", sa.String(length=8), nullable=True),
        sa.Column("comment", sa.Text(), nullable=True),
        sa.Column("page_url", sa.Text(), nullable=True),
        sa.Column("manager", sa.String(), nullable=True),
        sa.Column("received_at", types.UtcTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["connection_id"], ["connections.id"], name=op.f("fk_leads_connection_id")
        ),
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.id"], name=op.f("fk_leads_contact_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_leads")),
    )
    op.create_index(op.f("ix_leads_contact_id"), "leads", ["contact_id"], unique=False)
    op.create_index("ix_leads_updated", "leads", ["updated_at", "id"], unique=False)
    op.create_table(
        "merges",
        sa.Column("id", types.Id, autoincrement=True, nullable=False),
        sa.Column("kept_id", types.Id, nullable=False),
        sa.Column("merged_id", types.Id, nullable=False),
        sa.Column("moved", types.Json, nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("created_at", types.UtcTime(), nullable=False),
        sa.Column("undone_at", types.UtcTime(), nullable=True),
        sa.ForeignKeyConstraint(["kept_id"], ["contacts.id"], name=op.f("fk_merges_kept_id")),
        sa.ForeignKeyConstraint(["merged_id"], ["contacts.id"], name=op.f("fk_merges_merged_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_merges")),
    )
    op.create_table(
        "messages",
        sa.Column("id", types.Id, autoincrement=True, nullable=False),
        sa.Column("connection_id", types.Id, nullable=True),
        sa.Column("external_id", sa.String(), nullable=True),
        sa.Column("created_at", types.UtcTime(), nullable=False),
        sa.Column("updated_at", types.UtcTime(), nullable=False),
        sa.Column("deleted_at", types.UtcTime(), nullable=True),
        sa.Column("extra", types.Json, nullable=False),
        sa.Column("origins", types.Json, nullable=False),
        sa.Column("contact_id", types.Id, nullable=True),
        sa.Column("channel", sa.String(length=16), nullable=True),
        sa.Column("direction", sa.String(length=8), nullable=True),
        sa.Column("from_address", sa.String(), nullable=True),
        sa.Column("to_address", sa.Text(), nullable=True),
        sa.Column("subject", sa.Text(), nullable=True),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("sent_at", types.UtcTime(), nullable=True),
        sa.Column("message_id", sa.Text(), nullable=True),
        sa.Column("in_reply_to", sa.Text(), nullable=True),
        sa.Column("references", types.Json, nullable=True),
        sa.Column("attachments", types.Json, nullable=True),
        sa.Column("kind", sa.String(length=16), nullable=True),
        sa.Column("manager", sa.String(), nullable=True),
        sa.Column("thread_key", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["connection_id"], ["connections.id"], name=op.f("fk_messages_connection_id")
        ),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contacts.id"], name=op.f("fk_messages_contact_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_messages")),
    )
    op.create_index(op.f("ix_messages_contact_id"), "messages", ["contact_id"], unique=False)
    op.create_index("ix_messages_sent", "messages", ["sent_at", "id"], unique=False)
    op.create_index(op.f("ix_messages_thread_key"), "messages", ["thread_key"], unique=False)
    op.create_index("ix_messages_updated", "messages", ["updated_at", "id"], unique=False)
    op.create_table(
        "orders",
        sa.Column("id", types.Id, autoincrement=True, nullable=False),
        sa.Column("connection_id", types.Id, nullable=True),
        sa.Column("external_id", sa.String(), nullable=True),
        sa.Column("created_at", types.UtcTime(), nullable=False),
        sa.Column("updated_at", types.UtcTime(), nullable=False),
        sa.Column("deleted_at", types.UtcTime(), nullable=True),
        sa.Column("extra", types.Json, nullable=False),
        sa.Column("origins", types.Json, nullable=False),
        sa.Column("contact_id", types.Id, nullable=True),
        sa.Column("number", sa.String(), nullable=True),
        sa.Column("status", sa.String(), nullable=True),
        sa.Column("placed_at", types.UtcTime(), nullable=True),
        sa.Column("currency", sa.String(length=8), nullable=True),
        sa.Column("total", types.Exact(), nullable=True),
        sa.Column("paid_at", types.UtcTime(), nullable=True),
        sa.Column("payment_method", sa.String(), nullable=True),
        sa.Column("delivery_method", sa.String(), nullable=True),
        sa.Column("delivery_total", types.Exact(), nullable=True),
        sa.Column("delivery_address", sa.Text(), nullable=True),
        sa.Column("channel", sa.String(), nullable=True),
        sa.Column("comment", sa.Text(), nullable=True),
        sa.Column("manager", sa.String(), nullable=True),
        sa.Column("lines", types.Json, nullable=False),
        sa.ForeignKeyConstraint(
            ["connection_id"], ["connections.id"], name=op.f("fk_orders_connection_id")
        ),
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.id"], name=op.f("fk_orders_contact_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_orders")),
    )
    op.create_index(op.f("ix_orders_contact_id"), "orders", ["contact_id"], unique=False)
    op.create_index(op.f("ix_orders_number"), "orders", ["number"], unique=False)
    op.create_index("ix_orders_placed", "orders", ["placed_at", "id"], unique=False)
    op.create_index("ix_orders_updated", "orders", ["updated_at", "id"], unique=False)
    op.create_table(
        "possible_duplicates",
        sa.Column("id", types.Id, autoincrement=True, nullable=False),
        sa.Column("contact_id", types.Id, nullable=False),
        sa.Column("other_id", types.Id, nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("event_id", types.Id, nullable=True),
        sa.Column("created_at", types.UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contacts.id"], name=op.f("fk_possible_duplicates_contact_id")
        ),
        sa.ForeignKeyConstraint(
            ["other_id"], ["contacts.id"], name=op.f("fk_possible_duplicates_other_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_possible_duplicates")),
        sa.UniqueConstraint(
            "contact_id", "other_id", name=op.f("uq_possible_duplicates_contact_id_other_id")
        ),
    )
    op.create_table(
        "tasks",
        sa.Column("id", types.Id, autoincrement=True, nullable=False),
        sa.Column("connection_id", types.Id, nullable=True),
        sa.Column("external_id", sa.String(), nullable=True),
        sa.Column("created_at", types.UtcTime(), nullable=False),
        sa.Column("updated_at", types.UtcTime(), nullable=False),
        sa.Column("deleted_at", types.UtcTime(), nullable=True),
        sa.Column("extra", types.Json, nullable=False),
        sa.Column("origins", types.Json, nullable=False),
        sa.Column("contact_id", types.Id, nullable=True),
        sa.Column("title", sa.String(), nullable=True),
        sa.Column("due_at", types.UtcTime(), nullable=True),
        sa.Column("done_at", types.UtcTime(), nullable=True),
        sa.Column("comment", sa.Text(), nullable=True),
        sa.Column("manager", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["connection_id"], ["connections.id"], name=op.f("fk_tasks_connection_id")
        ),
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.id"], name=op.f("fk_tasks_contact_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tasks")),
    )
    op.create_index(op.f("ix_tasks_contact_id"), "tasks", ["contact_id"], unique=False)
    op.create_index(op.f("ix_tasks_manager"), "tasks", ["manager"], unique=False)
    op.create_index("ix_tasks_updated", "tasks", ["updated_at", "id"], unique=False)
    op.create_table(
        "timeline",
        sa.Column("id", types.Id, autoincrement=True, nullable=False),
        sa.Column("contact_id", types.Id, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("record_id", types.Id, nullable=False),
        sa.Column("occurred_at", types.UtcTime(), nullable=False),
        sa.Column("connection_id", types.Id, nullable=True),
        sa.Column("event_id", types.Id, nullable=True),
        sa.Column("summary", types.Json, nullable=False),
        sa.ForeignKeyConstraint(
            ["connection_id"], ["connections.id"], name=op.f("fk_timeline_connection_id")
        ),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contacts.id"], name=op.f("fk_timeline_contact_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_timeline")),
        sa.UniqueConstraint("kind", "record_id", name=op.f("uq_timeline_kind_record_id")),
    )
    op.create_index(
        "ix_timeline_contact", "timeline", ["contact_id", "occurred_at", "id"], unique=False
    )


def downgrade() -> None:
    op.drop_index("ix_timeline_contact", table_name="timeline")
    op.drop_table("timeline")
    op.drop_index("ix_tasks_updated", table_name="tasks")
    op.drop_index(op.f("ix_tasks_manager"), table_name="tasks")
    op.drop_index(op.f("ix_tasks_contact_id"), table_name="tasks")
    op.drop_table("tasks")
    op.drop_table("possible_duplicates")
    op.drop_index("ix_orders_updated", table_name="orders")
    op.drop_index("ix_orders_placed", table_name="orders")
    op.drop_index(op.f("ix_orders_number"), table_name="orders")
    op.drop_index(op.f("ix_orders_contact_id"), table_name="orders")
    op.drop_table("orders")
    op.drop_index("ix_messages_updated", table_name="messages")
    op.drop_index(op.f("ix_messages_thread_key"), table_name="messages")
    op.drop_index("ix_messages_sent", table_name="messages")
    op.drop_index(op.f("ix_messages_contact_id"), table_name="messages")
    op.drop_table("messages")
    op.drop_table("merges")
    op.drop_index("ix_leads_updated", table_name="leads")
    op.drop_index(op.f("ix_leads_contact_id"), table_name="leads")
    op.drop_table("leads")
    op.drop_index(op.f("ix_identity_claims_contact_id"), table_name="identity_claims")
    op.drop_table("identity_claims")
    op.drop_table("event_bodies")
    op.drop_index("ix_deals_updated", table_name="deals")
    op.drop_index(op.f("ix_deals_contact_id"), table_name="deals")
    op.drop_table("deals")
    op.drop_index("ix_contact_points_value", table_name="contact_points")
    op.drop_index(op.f("ix_contact_points_contact_id"), table_name="contact_points")
    op.drop_table("contact_points")
    op.drop_index("ix_calls_updated", table_name="calls")
    op.drop_index(op.f("ix_calls_to_number"), table_name="calls")
    op.drop_index("ix_calls_started", table_name="calls")
    op.drop_index(op.f("ix_calls_from_number"), table_name="calls")
    op.drop_index(op.f("ix_calls_contact_id"), table_name="calls")
    op.drop_table("calls")
    op.drop_index("ix_sync_runs_stream", table_name="sync_runs")
    op.drop_table("sync_runs")
    op.drop_index("ix_stock_levels_updated", table_name="stock_levels")
    op.drop_index(op.f("ix_stock_levels_sku"), table_name="stock_levels")
    op.drop_table("stock_levels")
    op.drop_table("reconciliations")
    op.drop_index("ix_products_updated", table_name="products")
    op.drop_index(op.f("ix_products_sku"), table_name="products")
    op.drop_index(op.f("ix_products_barcode"), table_name="products")
    op.drop_table("products")
    op.drop_index(
        "ix_events_waiting",
        table_name="events",
        postgresql_where=sa.text("status = 'waiting'"),
        sqlite_where=sa.text("status = 'waiting'"),
    )
    op.drop_index("ix_events_status", table_name="events")
    op.drop_index(
        "ix_events_open",
        table_name="events",
        postgresql_where=sa.text("status = 'received'"),
        sqlite_where=sa.text("status = 'received'"),
    )
    op.drop_index(
        "ix_events_dead",
        table_name="events",
        postgresql_where=sa.text("status = 'dead'"),
        sqlite_where=sa.text("status = 'dead'"),
    )
    op.drop_index("ix_events_connection_status", table_name="events")
    op.drop_table("events")
    op.drop_table("event_counts")
    op.drop_index(
        "uq_deliveries_open",
        table_name="deliveries",
        postgresql_where=sa.text("status in ('pending', 'waiting', 'paused')"),
        sqlite_where=sa.text("status in ('pending', 'waiting', 'paused')"),
    )
    op.drop_index("ix_deliveries_status", table_name="deliveries")
    op.drop_index(
        "ix_deliveries_due",
        table_name="deliveries",
        postgresql_where=sa.text("status in ('pending', 'waiting')"),
        sqlite_where=sa.text("status in ('pending', 'waiting')"),
    )
    op.drop_table("deliveries")
    op.drop_index(op.f("ix_cursors_next_run_at"), table_name="cursors")
    op.drop_table("cursors")
    op.drop_index("ix_contacts_updated", table_name="contacts")
    op.drop_index(op.f("ix_contacts_manager"), table_name="contacts")
    op.drop_index("ix_contacts_activity", table_name="contacts")
    op.drop_table("contacts")
    op.drop_index(op.f("ix_connection_revisions_connection_id"), table_name="connection_revisions")
    op.drop_table("connection_revisions")
    op.drop_index("ix_companies_updated", table_name="companies")
    op.drop_index(op.f("ix_companies_phone"), table_name="companies")
    op.drop_index(op.f("ix_companies_inn"), table_name="companies")
    op.drop_index(op.f("ix_companies_email"), table_name="companies")
    op.drop_table("companies")
    op.drop_index("ix_bindings_record", table_name="bindings")
    op.drop_table("bindings")
    op.drop_table("users")
    op.drop_table("tokens")
    op.drop_index(op.f("ix_row_issues_run_id"), table_name="row_issues")
    op.drop_table("row_issues")
    op.drop_table("replays")
    op.drop_index(op.f("ix_rejections_connection_name"), table_name="rejections")
    op.drop_table("rejections")
    op.drop_index(op.f("ix_message_refs_thread_key"), table_name="message_refs")
    op.drop_table("message_refs")
    op.drop_table("leases")
    op.drop_table("facts")
    op.drop_table("connections")
    op.drop_index(op.f("ix_changes_run_id"), table_name="changes")
    op.drop_index("ix_changes_record", table_name="changes")
    op.drop_index(op.f("ix_changes_event_id"), table_name="changes")
    op.drop_table("changes")
    op.drop_index("ix_audit_subject", table_name="audit")
    op.drop_table("audit")
    op.drop_index("ix_attempts_subject", table_name="attempts")
    op.drop_table("attempts")

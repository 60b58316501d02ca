"""The CRM data store: contacts and all that hangs on them."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    text,
)

from hub.store.models.base import (
    contact_column,
    metadata,
    record_columns,
)
from hub.store.types import Exact, Id, Json, LongText, Short, UtcTime

#: Nobody's records are found by it as quickly as somebody's.
MANAGER = text("coalesce(manager, '')")
_HAS_COMPANY = text("company_name IS NOT NULL")
_DIFFERS = text("differs IS NOT NULL")


def stage_column() -> Column[str]:
    """Where a record stands in the hub's own work with it; what its source says is `status`."""
    return Column("stage", String(32), nullable=False, default="new", server_default="new")


contacts = Table(
    "contacts",
    metadata,
    *record_columns(),
    Column("name", Short),
    Column("phone", Short),
    Column("email", Short),
    Column("company_name", Short),
    Column("position", Short),
    Column("inn", Short, index=True),
    Column("city", Short),
    Column("address", LongText),
    Column("comment", LongText),
    Column("manager", Short, index=True),
    #: Name, phones and e-mails in lower case, for search by any part.
    Column("search_text", LongText, nullable=False, default=""),
    Column("last_activity_at", UtcTime),
    #: Set when this contact was merged into another.
    Column("merged_into_id", Id, ForeignKey("contacts.id")),
    #: Whose people they are.
    Index(
        "ix_contacts_company",
        "company_name",
        postgresql_where=_HAS_COMPANY,
        sqlite_where=_HAS_COMPANY,
    ),
    Index("ix_contacts_activity", "last_activity_at", "id"),
    Index("ix_contacts_connection_id", "connection_id", "id"),
    Index("ix_contacts_name", "name", "id"),
    Index("ix_contacts_updated", "updated_at", "id"),
)
#: What was merged into a contact.
Index(
    "ix_contacts_merged",
    contacts.c.merged_into_id,
    postgresql_where=text("merged_into_id IS NOT NULL"),
    sqlite_where=text("merged_into_id IS NOT NULL"),
)

companies = Table(
    "companies",
    metadata,
    *record_columns(),
    Column("name", Short),
    Column("legal_name", Short),
    Column("inn", Short, index=True),
    Column("kpp", Short),
    Column("phone", Short, index=True),
    Column("email", Short, index=True),
    Column("address", LongText),
    Column("comment", LongText),
    Column("manager", Short),
    Column("search_text", LongText, nullable=False, default=""),
    Index("ix_companies_name", "name", "id"),
    Index("ix_companies_updated", "updated_at", "id"),
)

leads = Table(
    "leads",
    metadata,
    *record_columns(),
    contact_column(index=True),
    Column("title", Short),
    Column("status", Short),
    Column("channel", Short),
    Column("campaign", Short),
    Column("amount", Exact),
    Column("currency", String(8)),
    Column("comment", LongText),
    Column("page_url", LongText),
    Column("manager", Short),
    Column("received_at", UtcTime),
    stage_column(),
    Index("ix_leads_updated", "updated_at", "id"),
    Index("ix_leads_moments", "received_at", "created_at", "id"),
    Index("ix_leads_stage", "stage", "id"),
    Index("ix_leads_channel", "channel", "id"),
    Index("ix_leads_manager", MANAGER, "id"),
    Index("ix_leads_received", text("coalesce(received_at, created_at)"), "id"),
)

deals = Table(
    "deals",
    metadata,
    *record_columns(),
    contact_column(index=True),
    Column("title", Short),
    Column("stage", Short),
    Column("amount", Exact),
    Column("currency", String(8)),
    Column("manager", Short),
    Column("closed_at", UtcTime),
    Column("comment", LongText),
    Index("ix_deals_open", "closed_at", "contact_id"),
    Index("ix_deals_updated", "updated_at", "id"),
    Index("ix_deals_stage", "stage", "id"),
    Index("ix_deals_manager", MANAGER, "id"),
)

orders = Table(
    "orders",
    metadata,
    *record_columns(),
    contact_column(index=True),
    Column("number", Short, index=True),
    Column("status", Short),
    Column("placed_at", UtcTime),
    Column("currency", String(8)),
    Column("total", Exact),
    Column("paid_at", UtcTime),
    Column("payment_method", Short),
    Column("delivery_method", Short),
    Column("delivery_total", Exact),
    Column("delivery_address", LongText),
    Column("channel", Short),
    Column("comment", LongText),
    Column("manager", Short),
    #: What the accounting system says of the order, beside what the shop says above.
    Column("erp_number", Short, index=True),
    Column("erp_status", Short),
    Column("erp_date", UtcTime),
    Column("erp_paid", Exact),
    Column("erp_paid_at", UtcTime),
    Column("erp_shipped_at", UtcTime),
    Column("erp_posted", Boolean),
    Column("erp_cancelled", Boolean),
    #: [{external_id, sku, name, product_external_id, quantity, price, total}, …], decimals as text
    Column("lines", Json, nullable=False, default=list),
    Column("erp_total", Exact),
    Column("erp_lines", Json),
    stage_column(),
    #: In what the shop and the accounting system differ (crm/order_state.py); NULL: in nothing.
    Column("differs", Short),
    Index("ix_orders_placed", "placed_at", "id"),
    Index("ix_orders_updated", "updated_at", "id"),
    Index("ix_orders_stage", "stage", "placed_at", "id"),
    Index("ix_orders_status", "status", "placed_at", "id"),
    Index("ix_orders_channel", "channel", "placed_at", "id"),
    Index("ix_orders_manager", MANAGER, "placed_at", "id"),
    Index(
        "ix_orders_differs",
        "placed_at",
        "id",
        postgresql_where=_DIFFERS,
        sqlite_where=_DIFFERS,
    ),
    #: SQLite keeps exact numbers as text.
    Index("ix_orders_total", text("CAST(total AS NUMERIC)")),
)

products = Table(
    "products",
    metadata,
    *record_columns(),
    Column("name", LongText),
    Column("sku", Short, index=True),
    Column("barcode", Short, index=True),
    Column("variant", Short),
    Column("parent_external_id", Short),
    #: The characteristic, where the source keeps it apart from the product.
    Column("variant_external_id", Short),
    Column("price", Exact),
    Column("currency", String(8)),
    Column("unit", Short),
    Column("category", Short),
    Column("description", LongText),
    Column("is_active", Boolean),
    #: Marked for deletion in the source: not sold any more, in stock perhaps all the same.
    Column("is_deleted", Boolean),
    #: Set when a person said that this product is another one.
    Column("merged_into_id", Id),
    Column("search_text", LongText, nullable=False, default=""),
    Index("ix_products_updated", "updated_at", "id"),
)

calls = Table(
    "calls",
    metadata,
    *record_columns(),
    contact_column(),
    Column("direction", String(16)),
    Column("status", String(16)),
    Column("from_number", Short),
    Column("to_number", Short),
    Column("line_number", Short),
    Column("extension", Short),
    Column("started_at", UtcTime),
    Column("answered_at", UtcTime),
    Column("ended_at", UtcTime),
    Column("wait_seconds", Integer),
    Column("talk_seconds", Integer),
    Column("recording_id", Short),
    Column("recording_url", LongText),
    Column("manager", Short),
    #: False while only legs tell of it and more may come: an outcome may still change.
    Column("is_settled", Boolean),
    #: What each part of the call said; the columns above are derived from it (crm/calls.py).
    Column("parts", Json, nullable=False, default=dict),
    Index("ix_calls_started", "started_at", "id"),
    Index("ix_calls_from", "from_number", "started_at", "id"),
    Index("ix_calls_to", "to_number", "started_at", "id"),
    Index("ix_calls_manager", "manager", "started_at", "id"),
    Index("ix_calls_line", "line_number", "started_at", "id"),
    Index("ix_calls_status", "status", "started_at", "id"),
    # By time within them: the latest calls of a number are wanted, not all it ever made.
    Index("ix_calls_contact", "contact_id", "started_at"),
    Index("ix_calls_updated", "updated_at", "id"),
)

#: kind: mail | auto_reply | bounce | bulk
messages = Table(
    "messages",
    metadata,
    *record_columns(),
    contact_column(index=True),
    Column("channel", String(16)),
    Column("direction", String(8)),
    Column("from_address", Short),
    Column("to_address", LongText),
    Column("subject", LongText),
    Column("text", LongText),
    Column("sent_at", UtcTime),
    Column("message_id", LongText),
    Column("in_reply_to", LongText),
    Column("references", Json),
    Column("attachments", Json),
    Column("kind", String(16)),
    Column("manager", Short),
    #: The smallest Message-ID of the conversation, the same from any order of arrival.
    Column("thread_key", Short),
    #: Since when the client waits for an answer: on the first letter of a conversation that has
    #: none, kept by hub/store/letters.py.
    Column("awaits_since", UtcTime),
    #: A person said that it needs no answer.
    Column("waived_at", UtcTime),
    Column("waived_by", Short),
    Index("ix_messages_sent", "sent_at", "id"),
    Index("ix_messages_thread", "thread_key", "sent_at"),
    Index(
        "ix_messages_awaiting",
        "awaits_since",
        "id",
        sqlite_where=text("awaits_since IS NOT NULL"),
        postgresql_where=text("awaits_since IS NOT NULL"),
    ),
    Index("ix_messages_updated", "updated_at", "id"),
)

#: Every Message-ID a conversation mentions, so that a late parent finds its children.
message_refs = Table(
    "message_refs",
    metadata,
    Column("ref", Short, primary_key=True),
    Column("thread_key", Short, nullable=False, index=True),
)

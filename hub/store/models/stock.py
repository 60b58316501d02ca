"""Stock levels, what they were on each day, and from which quantity on they are low."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Boolean, Column, Index, String, Table, UniqueConstraint, text

from hub.store.models.base import connection_column, id_column, metadata
from hub.store.types import Exact, Id, Json, LongText, Short, UtcTime


def _key_of(id_column_name: str, name_column: str) -> Any:
    """The default of a key column: the source's id, the name where it has none."""

    def made(context: Any) -> str:
        given = context.get_current_parameters()
        return str(given.get(id_column_name) or given.get(name_column) or "")

    return made


#: One row per connection, product, variant and warehouse. `item_key` is the product's external
#: id, or the SKU when the source has no id; the keys of variant and warehouse are their external
#: ids, or their names. A level that its source no longer has stays, empty, with `removed_at`.
stock_levels = Table(
    "stock_levels",
    metadata,
    id_column(),
    connection_column(nullable=False),
    Column("item_key", Short, nullable=False),
    Column("variant_key", Short, nullable=False, default=_key_of("variant_external_id", "variant")),
    Column(
        "warehouse_key",
        Short,
        nullable=False,
        default=_key_of("warehouse_external_id", "warehouse"),
    ),
    Column("sku", Short, nullable=False, default="", index=True),
    Column("product_external_id", Short, nullable=False, default=""),
    Column("product_name", LongText, nullable=False, default=""),
    Column("variant", Short, nullable=False, default=""),
    Column("variant_external_id", Short, nullable=False, default="", server_default=""),
    Column("warehouse", Short, nullable=False, default=""),
    Column("warehouse_external_id", Short, nullable=False, default="", server_default=""),
    Column("quantity", Exact, nullable=False),
    Column("reserved", Exact),
    Column("available", Exact),
    Column("price", Exact),
    Column("currency", String(8)),
    Column("unit", Short),
    #: The source marked the product for deletion; it lies in stock all the same.
    Column("is_deleted", Boolean),
    #: As the source says; NULL means «as of the stream's last good run» (cursors.fresh_at).
    Column("as_of", UtcTime),
    #: The polled stream the row belongs to; empty for rows that webhooks bring.
    Column("stream", Short, nullable=False, default=""),
    #: When the hub first had the level; what was before nobody knows.
    Column("created_at", UtcTime),
    #: When the row was last written, not when its run began: changes are read on from here.
    Column("updated_at", UtcTime, nullable=False),
    Column("removed_at", UtcTime),
    Column("run_id", Id),
    Column("event_id", Id),
    #: The product record, when it is known.
    Column("product_id", Id),
    Column("search_text", LongText, nullable=False, default=""),
    UniqueConstraint(
        "connection_id", "item_key", "variant_key", "warehouse_key", name="uq_stock_levels_key"
    ),
    Index("ix_stock_levels_updated", "updated_at", "id"),
)
_LINKED = text("product_id IS NOT NULL")
Index(
    "ix_stock_levels_product",
    stock_levels.c.product_id,
    postgresql_where=_LINKED,
    sqlite_where=_LINKED,
)

#: What a level was before its first change of a day (the company's day), and who had set that.
stock_history = Table(
    "stock_history",
    metadata,
    Column("level_id", Id, primary_key=True),
    Column("day", String(10), primary_key=True),
    Column("quantity", Exact, nullable=False),
    Column("reserved", Exact),
    Column("available", Exact),
    Column("run_id", Id),
    Column("event_id", Id),
    Column("set_at", UtcTime),
)

#: From this free quantity down, a level is low.
stock_thresholds = Table(
    "stock_thresholds",
    metadata,
    Column("level_id", Id, primary_key=True, autoincrement=False),
    Column("minimum", Exact, nullable=False),
    Column("actor", Short, nullable=False, default=""),
    Column("updated_at", UtcTime, nullable=False),
)

#: What a shop was last told of each of its products. status: sent | refused | absent
stock_sent = Table(
    "stock_sent",
    metadata,
    id_column(),
    #: The shop.
    connection_column(nullable=False),
    #: `p:<product record>`, or `s:<sku>` of what no product of the shop is known for.
    Column("target", Short, nullable=False),
    Column("sku", Short, nullable=False, default=""),
    #: Where in the shop the connector found it, in its own words.
    Column("place", Short, nullable=False, default=""),
    Column("name", LongText, nullable=False, default=""),
    #: What the shop took last; NULL: nothing yet.
    Column("quantity", Exact),
    #: What it was told last, taken or not.
    Column("told", Exact, nullable=False),
    Column("status", String(16), nullable=False),
    Column("message", LongText, nullable=False, default=""),
    Column("run_id", Id),
    Column("updated_at", UtcTime, nullable=False),
    #: When what the shop does not have is looked for again.
    Column("retry_at", UtcTime),
    UniqueConstraint("connection_id", "target"),
    Index("ix_stock_sent_status", "connection_id", "status", "sku"),
)

#: Two products that may be one. status: open | same | different; `moved` undoes «same».
possible_products = Table(
    "possible_products",
    metadata,
    id_column(),
    Column("product_id", Id, nullable=False),
    Column("other_id", Id, nullable=False),
    #: barcode | sku
    Column("reason", Short, nullable=False),
    Column("status", String(16), nullable=False, default="open"),
    Column("moved", Json),
    Column("actor", Short, nullable=False, default=""),
    Column("created_at", UtcTime, nullable=False),
    Column("settled_at", UtcTime),
    UniqueConstraint("product_id", "other_id"),
)

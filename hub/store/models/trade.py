"""What the stock pages list: one row per product and variant, whatever sources tell of it.

Made from the levels by store/stock_items.py; it is never the truth, only the way to it.
"""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Float, Index, Table, UniqueConstraint, text

from hub.store.models.base import id_column, metadata
from hub.store.types import Id, LongText, Short, UtcTime

stock_items = Table(
    "stock_items",
    metadata,
    id_column(),
    #: «p<product>:<variant>» for levels of a known product, else «c<connection>:<item>:<variant>».
    Column("key", Short, nullable=False),
    Column("product_id", Id, index=True),
    Column("connection_id", Id, nullable=False),
    Column("item_key", Short, nullable=False),
    Column("variant_key", Short, nullable=False),
    Column("sku", Short, nullable=False, default=""),
    Column("barcode", Short, nullable=False, default=""),
    Column("name", LongText, nullable=False, default=""),
    Column("variant", Short, nullable=False, default=""),
    Column("category", Short, nullable=False, default=""),
    #: The beginning of the name in lower case: what the list is sorted by.
    Column("sort_name", Short, nullable=False, default=""),
    #: All that counts, of all warehouses; a float, for it only sorts and filters.
    Column("free", Float, nullable=False, default=0),
    Column("is_low", Boolean, nullable=False, default=False),
    #: The numbers of its warehouses (stock_places), and of those with something left: «|3|17|».
    Column("places", Short, nullable=False, default=""),
    Column("stocked", Short, nullable=False, default=""),
    #: Its connections: «|1|4|».
    Column("sources", Short, nullable=False, default=""),
    Column("search_text", LongText, nullable=False, default=""),
    Column("updated_at", UtcTime, nullable=False),
    UniqueConstraint("key"),
    Index("ix_stock_items_name", "sort_name", "id"),
    Index("ix_stock_items_sku", "sku", "id"),
    Index("ix_stock_items_free", "free", "id"),
    Index("ix_stock_items_barcode", "barcode"),
    Index("ix_stock_items_category", "category", "sort_name", "id"),
    Index(
        "ix_stock_items_low",
        "sort_name",
        "id",
        postgresql_where=text("is_low"),
        sqlite_where=text("is_low = 1"),
    ),
)

#: Every warehouse that any level named: a column of the stock page.
stock_places = Table(
    "stock_places",
    metadata,
    id_column(),
    #: The name, or the id where there is none; two systems' warehouses of one name are one.
    Column("key", Short, nullable=False),
    Column("name", Short, nullable=False),
    UniqueConstraint("key"),
)

"""Stock rows: from mapped records to the store's levels, and the guard before a full snapshot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from hub.crm.fold import Stamp
from hub.mapping.model import MappedRecord
from hub.sdk.errors import PayloadError
from hub.store.connections import Configured
from hub.store.spelling import plain_letters
from hub.store.stock import forget_item, note_events, write_rows
from hub.store.stock_rows import NO_ID, Origin, staged

DEFAULT_MIN_SHARE = 0.7
#: In a small catalogue a row or two more or less is a large share and nothing strange.
FEW_ROWS = 2


def stock_row(record: MappedRecord) -> dict[str, Any]:
    """A mapped stock record as a row of stock_levels; PayloadError when it lacks its key."""
    fields = record.fields
    product_id = str(fields.get("product_external_id") or record.external_id or "")
    sku = str(fields.get("sku") or "")
    if not (product_id or sku):
        raise PayloadError("the stock row names no product: map sku or product_external_id")
    quantity = fields.get("quantity")
    if not isinstance(quantity, Decimal):
        why = f" ({'; '.join(record.warnings)})" if record.warnings else ""
        raise PayloadError(f"the stock row of {sku or product_id} has no quantity{why}")
    reserved = fields.get("reserved")
    available = fields.get("available")
    if available is None:
        available = quantity - (reserved or Decimal(0))
    name = str(fields.get("product_name") or "")
    variant, warehouse = str(fields.get("variant") or ""), str(fields.get("warehouse") or "")
    variant_id = str(fields.get("variant_external_id") or "")
    variant_id = "" if variant_id == NO_ID else variant_id
    warehouse_id = str(fields.get("warehouse_external_id") or "")
    return {
        "item_key": product_id or f"sku:{sku}",
        "variant_key": variant_id or variant,
        "warehouse_key": warehouse_id or warehouse,
        "sku": sku,
        "product_external_id": product_id,
        "product_name": name,
        "variant": variant,
        "variant_external_id": variant_id,
        "warehouse": warehouse,
        "warehouse_external_id": warehouse_id,
        "quantity": quantity,
        "reserved": reserved,
        "available": available,
        "price": fields.get("price"),
        "currency": fields.get("currency"),
        "as_of": fields.get("as_of"),
        "unit": fields.get("unit"),
        "is_deleted": fields.get("is_deleted"),
        "search_text": plain_letters(f"{sku}\n{name}"),
    }


def check_webhook_row(record: MappedRecord) -> None:
    """Raise PayloadError for a stock record that has no key or quantity."""
    if record.entity == "stock" and not record.deleted:
        stock_row(record)


def apply_webhook_rows(
    db: Connection,
    configured: Configured,
    rows: Sequence[tuple[MappedRecord, Stamp]],
    now: datetime,
) -> None:
    """Write the stock rows that came with other records, in the transaction of these.

    Of several rows of one key the newest counts, whatever order they came in.
    """
    # A batch is of events, or of one page of a run.
    origin = origin_of(configured, "", rows[0][1].run_id if rows else None, now)
    for record, stamp in rows:
        if record.deleted:
            item_key = str(record.fields.get("product_external_id") or record.external_id)
            until = replace(origin, at=record.occurred_at or stamp.at)
            forget_item(db, until, item_key, stamp.event_id)
    newest: dict[tuple[str, str, str], tuple[Stamp, dict[str, Any]]] = {}
    for record, stamp in rows:
        if record.deleted:
            continue
        row = stock_row(record)
        key = (row["item_key"], row["variant_key"], row["warehouse_key"])
        if key not in newest or newest[key][0].version <= stamp.version:
            newest[key] = (stamp, row)
    if not newest:
        return
    told = [(staged(row), stamp.event_id) for stamp, row in newest.values()]
    write_rows(db, origin, [row for row, _ in told])
    note_events(db, configured.id, [(row, event) for row, event in told if event is not None])


def origin_of(configured: Configured, stream: str, run_id: int | None, at: datetime) -> Origin:
    """Whose rows of this connection these are."""
    zone = ZoneInfo(configured.connection.company_timezone)
    return Origin(configured.id, stream, run_id, at, zone, configured.kin)


def snapshot_doubt(stored: int, read: int, min_share: float) -> str:
    """Why a full snapshot must wait for a person; empty when it is plausible."""
    if stored and not read:
        return f"the snapshot is empty, {stored} rows are stored"
    few = stored - read <= FEW_ROWS and read * 2 >= stored
    if stored and read < stored * min_share and not few:
        return f"the snapshot has {read} rows, {stored} are stored (less than {min_share:.0%})"
    return ""

"""Stock levels by day, their thresholds, and what shops were told."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from hub.api.access import log_deed, store, token
from hub.api.documents import DOCUMENTS
from hub.api.fields import PageQuery, Strict, Text, list_of, one_of, shown, time_shown
from hub.api.operation import blueprint, operation
from hub.api.records import found
from hub.api.records import shown as record_shown
from hub.crm.documents import plain
from hub.flow.stock_out import STATUSES, priority_of
from hub.store import stock_items
from hub.store.database import utc_now
from hub.store.lists import stock
from hub.store.stock_history import today

levels = blueprint("stock", "stock", "Stock levels by day and their thresholds")
outgoing = blueprint("stock-out", "operations", "What shops were told of stock")
MAX_DAYS: Final = 366
DEFAULT_DAYS: Final = 30
_ID: Final = "<int(max=9223372036854775807):record_id>"


class DayQuery(Strict):
    """Which days, both included; the last thirty unless said otherwise."""

    first = fields.Date(data_key="from", load_default=None)
    last = fields.Date(data_key="to", load_default=None)

    @validates_schema
    def in_order(self, data: Mapping[str, Any], **_options: Any) -> None:
        """The first day comes first, and not too long before the last."""
        first, last = data.get("first"), data.get("last")
        if first and last and not 0 <= (last - first).days < MAX_DAYS:
            raise ValidationError(f"Give at most {MAX_DAYS} days, the first one first.", "from")


class DaySchema(Schema):
    """A level at the end of a day (of today: now), and the run or event that had set it so."""

    day = fields.String(required=True, metadata={"format": "date"})
    quantity = shown()
    reserved = shown()
    available = shown()
    run_id = shown(fields.Integer)
    event_id = shown(fields.Integer)
    changed = fields.Boolean(required=True, metadata={"description": "Changed on this day."})


class ThresholdBody(Strict):
    """What people set on a stock level."""

    low_threshold = Text(
        required=True,
        allow_none=True,
        validate=validate.Regexp(r"^-?[0-9]{1,15}(\.[0-9]{1,6})?$"),
        metadata={"description": "From this free quantity down it is low; null: never."},
    )


class SentSchema(Schema):
    """What a shop was told of one of its products."""

    connection = fields.String(required=True, metadata={"description": "The shop."})
    sku = shown()
    name = shown()
    quantity = shown(metadata={"description": "What the shop took last; null: nothing yet."})
    told = shown(metadata={"description": "What it was told last, taken or not."})
    status = one_of(STATUSES, required=True)
    message = shown(metadata={"description": "The shop's words, when it refused."})
    run_id = shown(fields.Integer)
    updated_at = time_shown()
    retry_at = time_shown()


class SentQuery(PageQuery):
    """A page of what shops were told."""

    connection = Text()
    status = one_of(STATUSES)


@operation(
    levels,
    "GET",
    f"/stock/{_ID}/history",
    list_of("StockDayList", DaySchema),
    query=DayQuery,
    endpoint="get_stock_history",
    errors=(404,),
)
def get_history(query: dict[str, Any], record_id: int) -> dict[str, Any]:
    """The level at the end of each day, oldest first, as far back as the hub has had it."""
    found("stock", record_id)
    zone = ZoneInfo(store().settings.timezone)
    last: date = query["last"] or today(zone)
    first: date = query["first"] or last - timedelta(days=DEFAULT_DAYS - 1)
    first = max(first, last - timedelta(days=MAX_DAYS - 1))
    days = stock.level_days(store().database, record_id, first, last, zone)
    return {"items": [plain(vars(day)) for day in days], "next_cursor": None}


@operation(
    levels,
    "PATCH",
    f"/stock/{_ID}",
    DOCUMENTS["stock"],
    body=ThresholdBody,
    endpoint="change_stock",
    errors=(404,),
)
def change_stock(body: dict[str, Any], record_id: int) -> dict[str, Any]:
    """Set from which free quantity on the level is low."""
    found("stock", record_id)
    text = body["low_threshold"]
    minimum = None if text is None else Decimal(text)
    with store().database.write() as db:
        stock.set_threshold(db, record_id, minimum, token().actor, utc_now())
    stock_items.touch(store().database, priority_of(store()), record_id)
    log_deed("set threshold", "stock", record_id, {"low_threshold": text})
    return record_shown("stock", found("stock", record_id))


@operation(outgoing, "GET", "/stock-sent", list_of("StockSentList", SentSchema), query=SentQuery)
def list_stock_sent(query: dict[str, Any]) -> dict[str, Any]:
    """What shops were told of their products, newest products first."""
    page = stock.list_sent(store().database, **query)
    return {"items": plain(page.items), "next_cursor": page.next_cursor}

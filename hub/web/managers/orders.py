"""Orders: list and board, and one order as the shop and as 1C see it."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response

from hub.crm.order_state import in_accounting
from hub.store.lists import board, ops
from hub.web import menu, words
from hub.web.context import the_store
from hub.web.export import Column
from hub.web.managers import sales
from hub.web.managers.base import blueprint, found, record_page
from hub.web.managers.files import manager_name

menu.add("managers", 40, "managers.orders", _l("Orders"), "shopping-cart", ("managers.order",))
#: Fields that shop and 1C both speak of: (difference, the shop's field, 1C's field).
SIDES = (
    ("status", "status", "erp_status"),
    ("total", "total", "erp_total"),
    ("paid", "paid_at", "erp_paid"),
    ("shipped", "", "erp_shipped_at"),
    ("cancelled", "", "erp_cancelled"),
    ("lines", "lines", "erp_lines"),
)


@blueprint.get("/orders")
def orders() -> Response:
    """Orders by the time they were placed, or by stage."""
    return sales.show("order", order_columns(), "status", "stage", "channel")


@blueprint.get("/orders/<int:record_id>")
def order(record_id: int) -> str:
    """One order with its lines, what 1C says of it, and what became of it."""
    database, row = the_store().database, found("order", record_id)
    return record_page(
        "managers/order.html",
        "order",
        record_id,
        row,
        differs=[kind for kind in str(row["differs"] or "").split(",") if kind],
        in_erp=in_accounting(row),
        history=board.record_changes(database, "order", record_id),
        deliveries=ops.list_deliveries(
            database, entity="order", record_id=record_id, limit=20
        ).items,
        stages=sales.all_stages("order"),
        may_change=sales.may_change(row),
    )


def order_columns() -> list[Column]:
    """The columns of the file."""

    def of(name: str) -> Any:
        return lambda row: row[name]

    def word(kind: str, name: str) -> Any:
        return lambda row: str(words.word(kind, row[name]).label)

    return [
        Column(_l("Number"), lambda row: row["number"] or row["external_id"], width=14),
        Column(_l("Placed"), lambda row: row["placed_at"] or row["created_at"], "moment"),
        Column(_l("Client"), of("contact_name"), width=28),
        Column(_l("Status"), word("order", "status")),
        Column(_l("Stage"), sales.stage_text),
        Column(_l("Total"), of("total"), "money"),
        Column(_l("Currency"), of("currency"), width=8),
        Column(_l("Channel"), of("channel")),
        Column(_l("Manager"), manager_name),
        Column(_l("Source"), of("connection")),
        Column(_l("Number in 1C"), of("erp_number")),
        Column(_l("State in 1C"), of("erp_status")),
        Column(_l("Paid by 1C's books"), of("erp_paid"), "money"),
        Column(_l("Shipped"), of("erp_shipped_at"), "moment"),
        Column(_l("Differences from 1C"), sales.differences_text, width=32),
    ]

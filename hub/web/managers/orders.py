"""Orders."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response

from hub.web import menu
from hub.web.managers.base import blueprint, record_page, records

menu.add("managers", 40, "managers.orders", _l("Orders"), "shopping-cart", ("managers.order",))


@blueprint.get("/orders")
def orders() -> Response:
    """Orders by the time they were placed."""
    return records("managers/orders", "order", "status")


@blueprint.get("/orders/<int:record_id>")
def order(record_id: int) -> str:
    """One order with its lines."""
    return record_page("managers/order.html", "order", record_id)

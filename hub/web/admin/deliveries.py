"""Deliveries to destinations and their attempts."""

from __future__ import annotations

from flask import flash, render_template, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response

from hub.flow.deliver import replay_delivery
from hub.store.lists import stock
from hub.store.lists.ops import get_delivery, list_deliveries
from hub.store.lists.paging import MAX_ID
from hub.web import lists, menu
from hub.web.admin.base import back, blueprint, connection_choices, found, secret_values
from hub.web.context import actor, the_store

#: Products whose stock a shop refused, listed above the deliveries.
REFUSED = 20

menu.add("admin", 150, "admin.deliveries", _l("Deliveries"), "truck-delivery", ("admin.delivery",))


@blueprint.get("/deliveries")
def deliveries() -> Response:
    """Deliveries, newest first."""
    page = list_deliveries(
        the_store().database,
        connection=lists.argument("connection"),
        status=lists.argument("status"),
        entity=lists.argument("entity"),
        limit=lists.PAGE_SIZE,
        cursor=lists.cursor(),
    )
    database = the_store().database
    return lists.show(
        "admin/deliveries",
        page,
        connections=connection_choices(),
        shops=stock.sent_counts(database),
        refused=stock.list_sent(database, status="refused", limit=REFUSED).items,
    )


@blueprint.get("/deliveries/<int:delivery_id>")
def delivery(delivery_id: int) -> str:
    """One delivery with every attempt: what was sent, what was answered."""
    found(delivery_id if delivery_id <= MAX_ID else None)
    store = the_store()
    bare = found(get_delivery(store.database, delivery_id))
    hidden = secret_values(store.catalog.by_id(bare["connection_id"]))
    row = get_delivery(store.database, delivery_id, hidden)
    return render_template("admin/delivery.html", delivery=row)


@blueprint.post("/deliveries/<int:delivery_id>/replay")
def replay_one(delivery_id: int) -> Response:
    """Send it again with the record's present state."""
    found(delivery_id if delivery_id <= MAX_ID else None)
    replay_delivery(the_store(), delivery_id, actor())
    flash(_("The delivery is queued again."), "success")
    return back(url_for("admin.delivery", delivery_id=delivery_id))

"""Stock levels of all warehouses."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response

from hub.store.lists import pages
from hub.web import freshness, menu
from hub.web.context import the_store
from hub.web.managers.base import blueprint, records

menu.add("managers", 70, "managers.stock", _l("Stock"), "package", ("stock.level",))


@blueprint.get("/stock")
def stock() -> Response:
    """Stock levels, each with its time, and how fresh every source is."""
    return records(
        "managers/stock",
        "stock",
        "warehouse",
        sources=freshness.stock_sources(the_store()),
        warehouses=pages.warehouses(the_store().database),
    )

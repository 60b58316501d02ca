"""Stock: products with their warehouses as columns, and every level in one flat list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from flask import redirect, request, session
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response

from hub.flow.stock_out import priority_of
from hub.store import stock_items
from hub.store.database import utc_now
from hub.store.lists import pages, stock_beside, stock_order, stock_table
from hub.web import export, freshness, lists, menu
from hub.web.context import the_store
from hub.web.managers.base import blueprint, level_filters, records
from hub.web.stock_cell import stock_cell

menu.add(
    "managers", 70, "managers.stock", _l("Stock"), "package",
    ("managers.stock_levels", "stock.level", "stock.item", "stock.product"),
)  # fmt: skip
blueprint.add_app_template_global(stock_cell)
#: With more warehouses than this a reader chooses which to see.
SHOWN_PLACES = 6
EXPORTED_PLACES = 100
_CHOSEN = "stock_places"
#: Steps that the first look at the page takes, where nobody has made the items yet.
FIRST_STEPS = 5
#: Stock that is this old and not in the table yet is spoken of.
LAG = timedelta(minutes=1)


@blueprint.get("/stock")
def stock() -> Response:
    """Products, each with what every warehouse has of it."""
    store = the_store()
    if "at" in request.args:
        session[_CHOSEN] = [int(one) for one in request.args.getlist("at") if one.isdigit()][:40]
        return redirect(lists.here(at=None, cursor=None))
    if not stock_items.is_begun(store.database):
        stock_items.catch_up(store.database, priority_of(store), steps=FIRST_STEPS)
    places = stock_table.list_places(store.database)
    filters, sort = _filters(), lists.argument("sort")
    sort = sort if sort in stock_order.SORTS else "name"
    priority = priority_of(store)

    def fetch(limit: int, cursor: str | None) -> Any:
        return stock_table.list_items(store.database, filters, sort, limit, cursor, priority)

    kind = export.wanted()
    if kind:
        columns = table_columns(places[:EXPORTED_PLACES])
        return export.download(_("Stock"), columns, export.every(fetch), kind, "stock")
    sources = freshness.stock_sources(store)
    titles = pages.connection_titles(store.database)
    return lists.show(
        "managers/stock",
        fetch(lists.PAGE_SIZE, lists.cursor()),
        places=places,
        shown=shown_places(places, filters.place),
        few=SHOWN_PLACES,
        is_behind=stock_items.is_behind(store.database, utc_now() - LAG),
        sources=sources,
        states={one.connection: one.state for one in sources if one.state != "fresh"},
        categories=stock_beside.list_categories(store.database),
        connections=titles,
        titles=dict(titles.values()),
    )


@blueprint.get("/stock/levels")
def stock_levels() -> Response:
    """Every level of every warehouse and source, each with its time."""
    return records(
        "managers/stock_levels",
        "stock",
        "warehouse",
        filters=level_filters(),
        columns=level_columns(),
        sources=freshness.stock_sources(the_store()),
        warehouses=[name for _key, name in stock_table.list_places(the_store().database) if name],
    )


def _filters() -> stock_table.StockFilters:
    place, connection = lists.argument("place"), lists.argument("connection")
    names = pages.connection_titles(the_store().database) if connection else {}
    known = {name: key for key, (name, _title) in names.items()}
    return stock_table.StockFilters(
        q=lists.argument("q"),
        place=int(place) if place.isdigit() and len(place) < 18 else None,
        in_stock=lists.argument("show") == "in_stock",
        low=lists.argument("show") == "low",
        category=lists.argument("category"),
        connection_id=known.get(connection, 0) if connection else None,
    )


def shown_places(places: Sequence[tuple[int, str]], only: int | None) -> list[tuple[int, str]]:
    """The warehouses that are columns: the wanted one, those that were chosen, else the first."""
    if only is not None:
        return [place for place in places if place[0] == only]
    chosen = set(session.get(_CHOSEN) or ())
    found = [place for place in places if place[0] in chosen]
    return found or list(places[:SHOWN_PLACES])


def table_columns(places: Sequence[tuple[int, str]]) -> list[export.Column]:
    """The columns of the file: the free quantity of every warehouse, and the sums."""

    def free(place: int) -> Any:
        return lambda row: row["cells"][place].free if place in row["cells"] else None

    def of(name: str) -> Any:
        return lambda row: row[name]

    return [
        export.Column(_l("SKU"), of("sku"), width=18),
        export.Column(_l("Product"), of("name"), width=44),
        export.Column(_l("Variant"), of("variant")),
        export.Column(_l("Barcode"), of("barcode"), width=16),
        export.Column(_l("Category"), of("category")),
        *(export.Column(name or _("no warehouse"), free(key), "number") for key, name in places),
        export.Column(_l("Available in all"), lambda row: row["total"].free, "number"),
        export.Column(_l("In stock in all"), lambda row: row["total"].quantity, "number"),
        export.Column(_l("Reserved in all"), lambda row: row["total"].reserved, "number"),
        export.Column(_l("Unit"), of("unit"), width=8),
        export.Column(_l("Price"), of("price"), "money"),
        export.Column(_l("Currency"), of("currency"), width=8),
        export.Column(_l("As of"), of("as_of"), "moment"),
    ]


def level_columns() -> list[export.Column]:
    """The columns of the file of levels."""

    def of(name: str) -> Any:
        return lambda row: row[name]

    def warehouse(row: Mapping[str, Any]) -> Any:
        return row["warehouse"] or row["warehouse_external_id"]

    return [
        export.Column(_l("SKU"), of("sku"), width=18),
        export.Column(_l("Product"), of("product_name"), width=44),
        export.Column(_l("Variant"), of("variant")),
        export.Column(_l("Warehouse"), warehouse),
        export.Column(_l("In stock"), of("quantity"), "number"),
        export.Column(_l("Reserved"), of("reserved"), "number"),
        export.Column(_l("Available"), of("available"), "number"),
        export.Column(_l("Unit"), of("unit"), width=8),
        export.Column(_l("Price"), of("price"), "money"),
        export.Column(_l("Currency"), of("currency"), width=8),
        export.Column(_l("As of"), of("as_of"), "moment"),
        export.Column(_l("Source"), of("connection")),
    ]

"""One product in stock: every level, its days, who knows it, which orders wait for it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal

from flask import abort, redirect, render_template, url_for
from werkzeug.wrappers import Response

from hub.crm.stages import stages
from hub.flow.stock_out import priority_of
from hub.store.lists import pages, stock, stock_beside, stock_table
from hub.store.lists.paging import MAX_ID, Row
from hub.store.lists.records import related_bindings
from hub.store.stock_history import DayLevel, today
from hub.web import freshness, lists
from hub.web.context import company_zone, the_store
from hub.web.managers.base import found
from hub.web.managers.stock_level import DAY_WIDTH, HEIGHT, PERIODS, bars, blueprint

#: Stages in which an order wants nothing more.
SETTLED = frozenset({"done", "cancelled"})
#: Levels whose days are summed up for the drawing; more would make it slow to look at.
MAX_DRAWN = 40


@blueprint.get("/stock/items/<int:item_id>")
def item(item_id: int) -> str:
    """All that is known of a product in stock."""
    store = the_store()
    row = (
        stock_table.get_item(store.database, item_id, priority_of(store))
        if item_id <= MAX_ID
        else None
    )
    if row is None:
        abort(404)
    wanted = lists.argument("days")
    days = int(wanted) if wanted in {str(period) for period in PERIODS} else PERIODS[0]
    counted = [level for level in row["levels"] if level["is_owner"]]
    history = summed_days(counted[:MAX_DRAWN], days) if len(counted) <= MAX_DRAWN else []
    titles = pages.connection_titles(store.database)
    open_stages = [one for one in stages(store.settings, "order") if one not in SETTLED]
    return render_template(
        "managers/stock_item.html",
        item=row,
        bars=bars(history),
        history=[day for day in history[::-1] if day.changed][:30],
        width=max(1, len(history)) * DAY_WIDTH,
        height=HEIGHT,
        days=days,
        periods=PERIODS,
        known_to=related_bindings(store.database, "product", row["product_id"])
        if row["product_id"]
        else [],
        waiting=stock_beside.open_orders_with(store.database, row, open_stages),
        sought=stock_beside.OPEN_ORDERS,
        titles=dict(titles.values()),
        states={
            one.connection: one.state
            for one in freshness.stock_sources(store)
            if one.state != "fresh"
        },
    )


@blueprint.get("/stock/products/<int:record_id>")
def product(record_id: int) -> Response:
    """On to the stock of a product record, or to the search for one that has none."""
    row = found("product", record_id)
    item_id = stock_table.item_of_product(the_store().database, record_id)
    if item_id is None:
        return redirect(url_for("managers.stock", q=row["sku"] or row["name"] or ""))
    return redirect(url_for("stock.item", item_id=item_id))


def summed_days(levels: Sequence[Row], days: int) -> list[DayLevel]:
    """What all these levels were together at the end of each day, oldest first."""
    zone, database = company_zone(), the_store().database
    last = today(zone)
    first = last - timedelta(days=days - 1)
    sums: dict[date, Decimal] = {}
    changed: set[date] = set()
    ids = [level["id"] for level in levels]
    for level in stock.levels_days(database, ids, first, last, zone).values():
        for day in level:
            sums[day.day] = sums.get(day.day, Decimal(0)) + day.quantity
            if day.changed:
                changed.add(day.day)
    return [
        DayLevel(day, sums[day], None, None, None, None, changed=day in changed)
        for day in sorted(sums)
    ]

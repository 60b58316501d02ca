"""One stock level: what it is and was, who had set it, and from which quantity on it is low."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal, InvalidOperation

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from hub.crm.documents import is_low
from hub.flow.stock_out import priority_of
from hub.store import audit, stock_items, users
from hub.store.database import utc_now
from hub.store.lists import pages, stock, stock_table
from hub.store.lists.paging import MAX_ID, Row
from hub.store.lists.records import get_record
from hub.store.stock_history import DayLevel, today
from hub.web import lists
from hub.web.context import actor, company_zone, the_store
from hub.web.guard import protect, safe_next

PERIODS = (30, 90, 365)
#: The drawing's own units: a day is so wide, the largest quantity so high.
DAY_WIDTH, HEIGHT = 10, 80
LARGEST = Decimal(10) ** 15
blueprint = Blueprint("stock", __name__)
protect(blueprint, readers=users.ROLES, writers=(users.ADMIN, users.HEAD))


@dataclass(frozen=True)
class Bar:
    """One day as a bar of the drawing."""

    day: DayLevel
    x: int
    y: float
    height: float


@blueprint.get("/stock/<int:record_id>")
def level(record_id: int) -> str:
    """The level and its last days."""
    row, store = _found(record_id), the_store()
    wanted = lists.argument("days")
    days = int(wanted) if wanted in {str(period) for period in PERIODS} else PERIODS[0]
    last = today(company_zone())
    first = last - timedelta(days=days - 1)
    history = stock.level_days(store.database, record_id, first, last, company_zone())
    return render_template(
        "managers/stock_level.html",
        level=row,
        item_id=stock_table.item_of_level(store.database, row),
        low=is_low(row),
        history=history[::-1],
        bars=bars(history),
        width=max(1, len(history)) * DAY_WIDTH,
        height=HEIGHT,
        days=days,
        periods=PERIODS,
        titles=dict(pages.connection_titles(store.database).values()),
    )


@blueprint.post("/stock/<int:record_id>/threshold")
def threshold(record_id: int) -> Response:
    """Set from which free quantity down the level is low; empty: never."""
    _found(record_id)
    wanted = request.form.get("next", "")
    back = safe_next(wanted) if wanted else url_for("stock.level", record_id=record_id)
    text = request.form.get("minimum", "").replace("\0", "").replace(",", ".").strip()
    try:
        minimum = Decimal(text) if text else None
    except InvalidOperation:
        minimum = Decimal("NaN")
    if minimum is not None and not (minimum.is_finite() and abs(minimum) < LARGEST):
        flash(_("The threshold must be a number, such as 5 or 2.5."), "danger")
        return redirect(back)
    with the_store().database.write() as db:
        stock.set_threshold(db, record_id, minimum, actor(), utc_now())
        audit.record(db, actor(), "set threshold", "stock", record_id, {"low_threshold": text})
    stock_items.touch(the_store().database, priority_of(the_store()), record_id)
    flash(_("The threshold is saved.") if minimum is not None else _("The threshold is removed."),
          "success")  # fmt: skip
    return redirect(back)


def bars(history: Sequence[DayLevel]) -> list[Bar]:
    """The days as bars, a shortage below the line."""
    top = max([*(day.quantity for day in history), Decimal(0)])
    bottom = min([*(day.quantity for day in history), Decimal(0)])
    scale = HEIGHT / float(top - bottom) if top != bottom else 0.0
    line = float(top) * scale
    found = []
    for number, day in enumerate(history):
        height = abs(float(day.quantity)) * scale
        y = line - height if day.quantity > 0 else line
        found.append(Bar(day, number * DAY_WIDTH, round(y, 2), round(height, 2)))
    return found


def _found(record_id: int) -> Row:
    row = get_record(the_store().database, "stock", record_id) if record_id <= MAX_ID else None
    if row is None:
        abort(404)
    stock.mark_owners(the_store().database, [row], priority_of(the_store()))
    return row

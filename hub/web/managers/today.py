"""Today: what waits for the manager."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from flask import render_template
from flask_babel import lazy_gettext as _l

from hub.crm.calls import client_number
from hub.store.lists import pages
from hub.store.lists.record_filters import RecordFilters
from hub.store.lists.records import list_records
from hub.store.lists.reports import day_start
from hub.web import freshness, menu
from hub.web.context import company_zone, local_now, the_store
from hub.web.managers.base import blueprint

menu.add("managers", 10, "managers.home", _l("Today"), "home")


@blueprint.get("/")
def home() -> str:
    """Today: calls nobody returned, numbers, what came last, whether the stock is fresh."""
    database = the_store().database
    today = day_start(local_now().date(), company_zone())
    return render_template(
        "managers/home.html",
        today=local_now().date(),
        numbers=pages.day_numbers(database, today),
        unreturned=unreturned(pages.calls_since(database, today)),
        orders=list_records(database, "order", limit=8, order="occurred").items,
        messages=list_records(
            database, "message", RecordFilters(equal=(("direction", "in"),)), 6, order="occurred"
        ).items,
        sources=freshness.stock_sources(the_store()),
    )


def unreturned(calls: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Missed incoming calls, given newest first, whose caller nobody spoke to or called after.

    One row per caller: their last missed call, with `times` they tried in vain.
    """
    settled: set[str] = set()
    missed: dict[str, dict[str, Any]] = {}
    for row in calls:
        number = client_number(row)
        if number is None or number in settled:
            continue
        if row["direction"] == "out" or row["status"] != "missed":
            settled.add(number)
        elif number in missed:
            missed[number]["times"] += 1
        else:
            missed[number] = {**row, "times": 1}
    return list(missed.values())

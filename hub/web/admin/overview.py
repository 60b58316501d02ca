"""The admins' first page: how each connection fares, what is wrong, what room is left."""

from __future__ import annotations

import platform
import shutil
from datetime import timedelta
from importlib.metadata import version
from typing import Any

from flask import render_template
from flask_babel import lazy_gettext as _l

from hub.flow import watch
from hub.queues import describe, queues_for, workers_alive
from hub.registry import manifests
from hub.store import incidents
from hub.store.database import utc_now
from hub.store.lists import ops_pages
from hub.store.lists.ops import connection_overview
from hub.traffic.roads import breakers
from hub.web import freshness, lists, menu
from hub.web.admin.base import blueprint
from hub.web.context import local_now, the_store

menu.add("admin", 100, "admin.overview", _l("Overview"), "dashboard")


@blueprint.get("")
def overview() -> str:
    """Everything at a glance; kept up to date by the hub's own news."""
    store = the_store()
    swept_at = watch.last_sweep(store)
    name = "admin/overview_state.html" if lists.is_partial() else "admin/overview.html"
    return render_template(
        name,
        rows=_rows(),
        broken=store.catalog.broken(),
        manifests=manifests(),
        swept_at=swept_at,
        is_silent=watch.is_silent(swept_at, utc_now()),
        incidents=incidents.live(store.database),
        budget=_budget(),
        ledger=ops_pages.ledger_of(store.database, _yesterday()),
        yesterday=local_now().date() - timedelta(days=1),
        versions=_versions(),
    )


def _rows() -> list[dict[str, Any]]:
    store = the_store()
    now = utc_now()
    hours, oldest = ops_pages.hourly(store.database, now), ops_pages.oldest(store.database)
    resting = breakers(store.settings)
    sources = freshness.stock_sources(store)
    rows = connection_overview(store.database, now)
    for row in rows:
        row["hours"] = hours.get(row["id"], [0] * ops_pages.HOURS)
        row["oldest"] = oldest.get(row["id"], {})
        row["resting"] = resting.get(row["id"], [])
        row["sources"] = [one for one in sources if one.connection == row["name"]]
        row["failures"] = sum(stream["failures"] for stream in row["streams"])
    return rows


def _budget() -> dict[str, Any]:
    store = the_store()
    queues = queues_for(store.settings)
    usage = shutil.disk_usage(store.settings.home)
    depth = describe(queues)
    return {
        "store": ops_pages.store_bytes(store.database),
        "free": usage.free,
        "total": usage.total,
        "used_percent": round(100 * (usage.total - usage.free) / max(1, usage.total)),
        "depth": depth,
        "workers": workers_alive(queues) if depth else {},
    }


def _yesterday() -> str:
    return (local_now().date() - timedelta(days=1)).isoformat()


def _versions() -> list[tuple[str, str]]:
    store = the_store()
    database = "SQLite" if store.database.is_sqlite else "PostgreSQL"
    return [
        ("Uzel", version("uzel")),
        ("Python", platform.python_version()),
        (database, ops_pages.version_of(store.database)),
    ]

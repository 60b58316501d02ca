"""REST for programs: /api/v1, described by OpenAPI 3.1 in /api/openapi.json and /api/docs."""

from __future__ import annotations

from flask import Flask

from hub.api import (
    connections,
    deliveries,
    docs,
    events,
    people,
    problems,
    records,
    replays,
    reports,
    runs,
    stock,
)
from hub.api.access import EXTENSION
from hub.store.store import Store

GROUPS = (
    records.crm,
    stock.levels,
    people.merging,
    reports.numbers,
    events.inbox,
    replays.replays,
    deliveries.outgoing,
    stock.outgoing,
    connections.wiring,
    runs.runs,
)


def register(app: Flask, store: Store) -> None:
    """Add the API to an app; errors outside /api/ stay with whoever answers them."""
    app.extensions[EXTENSION] = store
    problems.register(app)
    # A look shares a connection from its guard on.
    app.teardown_request(lambda _error: store.database.end_shared_reading())
    for group in GROUPS:
        app.register_blueprint(group)
    docs.register(app, GROUPS)

"""REST for programs: /api/v1, described by OpenAPI 3.1 in /api/openapi.json and /api/docs."""

from __future__ import annotations

from flask import Flask
from flask_smorest import Api

from hub import __version__
from hub.api import connections, deliveries, docs, events, people, problems, records, reports, runs
from hub.api.access import EXTENSION
from hub.api.operation import PROBLEM
from hub.store.store import Store


class HubApi(Api):  # type: ignore[misc]  # flask-smorest ships no types
    """flask-smorest with our own errors: problem+json, and only under /api/."""

    DEFAULT_ERROR_RESPONSE_NAME = PROBLEM
    ERROR_SCHEMA = problems.ProblemSchema

    def _register_error_handlers(self) -> None:
        problems.register(self._app)


def register(app: Flask, store: Store) -> None:
    """Add the API to an app. Call it after the site's own error handlers are registered."""
    app.extensions[EXTENSION] = store
    app.config.setdefault("OPENAPI_URL_PREFIX", "/api")
    app.config["JSON_SORT_KEYS"] = False
    api = HubApi(
        app,
        spec_kwargs={
            "title": "Узел (Uzel)",
            "version": __version__,
            "openapi_version": "3.1.0",
            "info": {"description": "The integration hub's records and its own affairs."},
            "security": [{"token": []}],
        },
    )
    api.spec.components.security_scheme("token", {"type": "http", "scheme": "bearer"})
    api.spec.components.response(
        PROBLEM,
        {
            "description": "Why the request was not carried out.",
            "content": {problems.MEDIA_TYPE: {"schema": problems.ProblemSchema}},
        },
    )
    for group in (
        records.crm,
        people.merging,
        reports.numbers,
        events.inbox,
        deliveries.outgoing,
        connections.wiring,
        runs.runs,
    ):
        api.register_blueprint(group)
    app.register_blueprint(docs.pages)

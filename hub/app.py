"""The web application: gateway, API, pages and health, on one opened store."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Flask, abort, request

from hub import api, web
from hub import settings as hub_settings
from hub.gateway import door, health
from hub.log import configure
from hub.settings import Settings
from hub.store.store import Store

MAX_FORM_BYTES = 2 * 1024 * 1024


class Hub(Flask):
    """The application."""

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """No view or hook is a coroutine; to ask fifteen of them costs a request a thirtieth."""
        return func


def create_app(settings: Settings | None = None, store: Store | None = None) -> Flask:
    """Wire the application. Without arguments: the settings of the environment."""
    settings = settings or (store.settings if store else hub_settings.load())
    store = store or Store.open(settings)
    app = Hub("hub", static_folder=None)
    app.config["SECRET_KEY"] = store.vault.derive("session")
    app.config["MAX_CONTENT_LENGTH"] = MAX_FORM_BYTES
    app.json.ensure_ascii = False  # type: ignore[attr-defined]  # flask's default provider has it
    app.before_request(_judge_request)
    door.register(app, store)
    health.register(app, store)
    api.register(app, store)
    web.register(app, store)
    return app


def _judge_request() -> None:
    """400 for a query string that no page could read."""
    try:
        request.query_string.decode()
    except UnicodeDecodeError:
        # Every reading of request.args would fail, in the error page too.
        request.query_string = b""
        abort(400, "the query string is not UTF-8")


def serve() -> Flask:
    """gunicorn's entry: `gunicorn 'hub.app:serve()'`."""
    settings = hub_settings.load()
    configure(settings.log_level)
    return create_app(settings)

"""Puts the site together: blueprints, sessions, languages, filters, assets."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import Any

from flask import Blueprint, Flask, Response, g, request, url_for
from werkzeug.exceptions import NotFound

from hub.store.store import Store
from hub.web import (
    account,
    admin,
    export,
    formats,
    guard,
    hints,
    lists,
    live,
    managers,
    menu,
    sessions,
    words,
)
from hub.web.context import EXTENSION, actor, the_user
from hub.web.error_texts import in_words
from hub.web.live import views as live_views

FOLDER = Path(__file__).parent
STATIC = FOLDER / "static"
VENDOR = {
    "css": "vendor/tabler-1.6.1/tabler.min.css",
    "htmx": "vendor/htmx-2.0.11/htmx.min.js",
    "chart": "vendor/chart.js-4.6.1/chart.umd.min.js",
    "icons": "vendor/tabler-icons-3.51.0/icons.svg",
}
#: Where programs ask, not people.
MACHINE_PATHS = ("/api/", "/in/", "/assets/", "/healthz", "/readyz", "/metrics")
ONE_YEAR_SECONDS = 365 * 24 * 3600


def register(app: Flask, store: Store) -> None:
    """Add the managers' and admins' pages to an app. The store must be at the current schema."""
    app.extensions[EXTENSION] = store
    app.config.setdefault("WTF_CSRF_TIME_LIMIT", None)
    # The gateway and the API have their own proof of the sender; guard.protect checks the pages.
    app.config["WTF_CSRF_CHECK_DEFAULT"] = False
    guard.csrf.init_app(app)
    sessions.init(app, store)
    live_views.init(app, store)
    formats.init(app)
    app.add_template_filter(in_words)
    app.add_template_global(asset)
    for function in (
        words.word,
        words.options,
        words.entity_word,
        words.entity_choices,
        words.field_label,
        words.record_url,
        hints.fix_hint,
    ):
        app.add_template_global(function)
    app.add_template_global(lists.here)
    app.add_template_global(export.may_export)
    app.add_template_global(actor)
    app.add_template_global(menu.items, "menu_items")
    own = (_assets(), account.blueprint, live.blueprint)
    blueprints = (*own, *managers.blueprints, *admin.blueprints)
    for blueprint in blueprints:
        app.register_blueprint(blueprint)
    app.context_processor(_page_context)
    _handle_unknown_paths(app)


def _page_context() -> dict[str, Any]:
    return {"user": the_user(), "vendor": VENDOR, "language": sessions.language}


def _handle_unknown_paths(app: Flask) -> None:
    """A page for an address that nobody serves; machines keep the answer they had before."""
    former = app.error_handler_spec[None][404].get(NotFound)

    def answer(error: NotFound) -> Any:
        if request.path.startswith(MACHINE_PATHS):
            return former(error) if former else error
        return guard.error_page(error)

    app.register_error_handler(NotFound, answer)


def _assets() -> Blueprint:
    blueprint = Blueprint(
        "assets",
        __name__,
        static_folder=str(STATIC),
        static_url_path="/assets",
        template_folder=str(FOLDER / "templates"),
    )

    @blueprint.after_request
    def _cache(response: Response) -> Response:
        response.headers["X-Content-Type-Options"] = "nosniff"
        if response.status_code == 200 and request.args.get("v"):
            response.cache_control.no_cache = None
            response.cache_control.public = True
            response.cache_control.max_age = ONE_YEAR_SECONDS
            response.cache_control.immutable = True
        return response

    return blueprint


def asset(name: str) -> str:
    """The address of a static file, changing with its content."""
    # Hundreds of icons of a page lie in one file: its address is made once a request.
    known: dict[str, str] = g.setdefault("assets", {})
    if name not in known:
        known[name] = url_for("assets.static", filename=name, v=_digest(name))
    return known[name]


@cache
def _digest(name: str) -> str:
    return hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]

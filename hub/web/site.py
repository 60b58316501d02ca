"""Puts the site together: blueprints, sessions, languages, filters, assets."""

from __future__ import annotations

from typing import Any

from flask import Flask, request
from werkzeug.exceptions import NotFound
from werkzeug.local import LocalProxy

from hub.store.store import Store
from hub.web import (
    account,
    admin,
    assets,
    export,
    formats,
    guard,
    hints,
    lists,
    live,
    managers,
    menu,
    pieces,
    places,
    sessions,
    words,
)
from hub.web.context import EXTENSION, actor, the_user
from hub.web.error_texts import in_words
from hub.web.jinja import SiteEnvironment
from hub.web.live import views as live_views

#: Where programs ask, not people.
MACHINE_PATHS = ("/api/", "/in/", "/assets/", "/healthz", "/readyz", "/metrics")


def register(app: Flask, store: Store) -> None:
    """Add the managers' and admins' pages to an app. The store must be at the current schema."""
    app.extensions[EXTENSION] = store
    app.jinja_environment = SiteEnvironment
    # All of them stay: each is there once per language, and compiling one costs a page's time.
    app.jinja_options = {**app.jinja_options, "cache_size": -1}
    app.config.setdefault("WTF_CSRF_TIME_LIMIT", None)
    # The gateway and the API have their own proof of the sender; guard.protect checks the pages.
    app.config["WTF_CSRF_CHECK_DEFAULT"] = False
    guard.csrf.init_app(app)
    sessions.init(app, store)
    live_views.init(app, store)
    formats.init(app)
    app.add_template_filter(in_words)
    for function in (
        words.word,
        words.options,
        words.entity_word,
        words.entity_choices,
        words.field_label,
        words.record_url,
        hints.fix_hint,
        assets.asset,
        pieces.icon,
        pieces.badge,
        pieces.plain_badge,
    ):
        app.add_template_global(function)
    app.add_template_global(lists.here)
    app.add_template_global(export.may_export)
    app.add_template_global(actor)
    app.add_template_global(menu.items, "menu_items")
    pages = (account.blueprint, *managers.blueprints, *admin.blueprints)
    places.init(app, store, pages)
    blueprints = (assets.make_blueprint(), live.blueprint, *pages)
    for blueprint in blueprints:
        app.register_blueprint(blueprint)
    app.context_processor(_page_context)
    # Macros are read once and not with every page: what they share of a page is global.
    app.jinja_env.globals |= {
        "user": LocalProxy(the_user), "vendor": assets.VENDOR, "language": sessions.language,
        "url_for": assets.address,
    }  # fmt: skip
    _handle_unknown_paths(app)


def _page_context() -> dict[str, Any]:
    return {"user": the_user()}


def _handle_unknown_paths(app: Flask) -> None:
    """A page for an address that nobody serves; machines keep the answer they had before."""
    former = app.error_handler_spec[None][404].get(NotFound)

    def answer(error: NotFound) -> Any:
        if request.path.startswith(MACHINE_PATHS):
            return former(error) if former else error
        return guard.error_page(error)

    app.register_error_handler(NotFound, answer)

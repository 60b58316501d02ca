"""Sessions and languages: who is signed in, for how long, and in which words the pages speak."""

from __future__ import annotations

from pathlib import Path

from flask import Flask, Request, Response, current_app, request
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface, SessionMixin
from flask_babel import Babel
from flask_login import LoginManager

from hub.settings import LANGUAGES
from hub.store import sign_ins
from hub.store.store import Store
from hub.web.context import SiteUser, the_store, the_user

LANGUAGE_COOKIE = "uzel_language"
#: Sent by pages with what they ask for because of news (static/live.js).
NEWS_HEADER = "X-Uzel-News"
#: Where callers have tokens, not sessions.
API_PATHS = "/api/v1/"
LIMITS = "uzel-sign-in-limits"
TRANSLATIONS = str(Path(__file__).parent / "translations")


class SiteSessions(SecureCookieSessionInterface):
    """Signed cookies: Secure when the page came over https, renewed by pages and not by assets."""

    def get_cookie_secure(self, app: Flask) -> bool:
        """Over plain http, as on one machine, a Secure cookie would never come back."""
        return request.is_secure

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """The API knows its callers by their tokens: what a cookie says is nothing to it."""
        if request.path.startswith(API_PATHS):
            return self.session_class()
        return super().open_session(app, request)

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """An asset is cached by everyone, so it must neither carry nor depend on a cookie. What a
        page asks for by itself, on news, is no sign of its user: it does not prolong a session."""
        if _is_by_person():
            super().save_session(app, session, response)


def _is_by_person() -> bool:
    if request.blueprint in ("assets", "live") or request.path.startswith(API_PATHS):
        return False
    return NEWS_HEADER not in request.headers


def init(app: Flask, store: Store) -> None:
    """Set up sessions, sign-in and languages."""
    limits = sign_ins.Limits.of(store.settings)
    app.extensions[LIMITS] = limits
    app.config.update(
        SESSION_COOKIE_NAME="uzel_session",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        # The cookie's own signed time is checked against this, so idleness ends the session.
        PERMANENT_SESSION_LIFETIME=limits.idle,
    )
    app.secret_key = app.secret_key or store.vault.derive("sessions")
    app.session_interface = SiteSessions()
    manager = LoginManager(app)
    # Tied to the browser, it would throw out everyone whose address changes on the road.
    manager.session_protection = None
    manager.user_loader(load_user)
    Babel(app, default_translation_directories=TRANSLATIONS, locale_selector=language)


def load_user(session_id: str) -> SiteUser | None:
    """The user a session stands for; None when it ended."""
    parts = session_id.split(".")
    if len(parts) != 3 or not all(part.isdecimal() and len(part) < 19 for part in parts):
        return None
    user_id, epoch, sign_in_id = map(int, parts)
    store = the_store()
    limits = current_app.extensions[LIMITS]
    found = sign_ins.visit(store.database, sign_in_id, limits, by_person=_is_by_person())
    if found is None or found.user.id != user_id or found.user.session_epoch != epoch:
        return None
    demanded = found.user.role in store.settings.option("second_factor.required_roles", ())
    return SiteUser(
        found.user,
        sign_in_id,
        has_factor=found.has_second_factor,
        must_enrol=demanded and not found.has_second_factor and not found.by_sso,
    )


def language() -> str:
    """The language of this request: the user's, the browser's cookie, the company's."""
    user = the_user()
    wanted = (user.row.language if user else "") or request.cookies.get(LANGUAGE_COOKIE, "")
    return wanted if wanted in LANGUAGES else the_store().settings.language

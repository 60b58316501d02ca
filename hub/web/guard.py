"""Who may open what, and what every page carries: CSRF, security headers, error pages."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from urllib.parse import urlsplit

from flask import (
    Blueprint,
    Response,
    abort,
    flash,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from flask_babel import gettext as _
from flask_wtf.csrf import CSRFError, CSRFProtect
from werkzeug.exceptions import HTTPException, default_exceptions
from werkzeug.wrappers import Response as BaseResponse

from hub.sdk.errors import HubError
from hub.store.lists.paging import CursorError
from hub.web.context import the_user
from hub.web.error_texts import in_words

csrf = CSRFProtect()

POLICY = "; ".join(
    (
        "default-src 'self'",
        "img-src 'self' data:",
        # A recording is fetched whole and played from memory.
        "media-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")


def protect(
    blueprint: Blueprint, readers: Collection[str] = (), writers: Collection[str] = ()
) -> None:
    """Guard every view of a blueprint. No readers: open to strangers too."""

    @blueprint.before_request
    def _check() -> BaseResponse | None:
        csrf.protect()
        return _check_role(readers, writers) if readers else None

    blueprint.after_request(add_headers)
    blueprint.register_error_handler(CSRFError, _csrf_page)
    blueprint.register_error_handler(CursorError, _first_page)
    blueprint.register_error_handler(HubError, _refusal)
    # By code: a handler of the app for a code would go before one for HTTPException here.
    for kind in default_exceptions.values():
        blueprint.register_error_handler(kind, error_page)


def _check_role(readers: Collection[str], writers: Collection[str]) -> BaseResponse | None:
    user = the_user()
    if user is None:
        return to_login()
    if user.must_enrol:
        flash(_("Your role signs in with a code from the phone. Set it up to go on."), "warning")
        return _elsewhere(url_for("auth.factor"))
    allowed = readers if request.method in SAFE_METHODS else writers
    if user.role not in allowed:
        abort(403)
    return None


def to_login() -> BaseResponse:
    """Send a stranger to the login page and back afterwards."""
    wanted = request.full_path.rstrip("?") if request.method in SAFE_METHODS else "/"
    if request.headers.get("HX-Request"):
        return _elsewhere(url_for("auth.login"))
    return redirect(url_for("auth.login", next=wanted))


def _elsewhere(address: str) -> BaseResponse:
    """Lead to another page; for htmx not by a redirect, which would put it into a part of this."""
    if request.headers.get("HX-Request"):
        return Response(status=401, headers={"HX-Redirect": address})
    return redirect(address)


def safe_next(wanted: str | None) -> str:
    """The address to go on to: one of our own paths, else the first page."""
    home = url_for("managers.home")
    if not wanted or not wanted.startswith("/") or wanted.startswith(("//", "/\\")):
        return home
    if any(ord(character) < 32 or character == "\\" for character in wanted):
        return home
    parts = urlsplit(wanted)
    return home if parts.scheme or parts.netloc else wanted


def add_headers(response: Any) -> Any:
    """Put the security headers on a page; what a view set itself stays."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    response.vary.add("HX-Request")
    return response


def error_page(error: HTTPException) -> BaseResponse:
    """A page that says what went wrong and where to go."""
    code = error.code or 500
    if isinstance(error.response, BaseResponse):
        return error.response
    titles = {
        400: _("The request cannot be understood"),
        403: _("You have no access here"),
        404: _("There is no such page"),
        405: _("This page cannot be used like that"),
    }
    texts = {
        403: _("Your role does not open this page. An administrator can change your role."),
        404: _("The record may have been removed, or the address is wrong."),
    }
    title = titles.get(code, _("Something went wrong"))
    page = render_template("error.html", code=code, title=title, text=texts.get(code, ""))
    return add_headers(make_response(page, code))  # type: ignore[no-any-return]  # headers only


def _csrf_page(error: CSRFError) -> BaseResponse:
    text = _("The page was open for too long. Go back, reload it and try again.")
    page = render_template("error.html", code=400, title=_("The form has expired"), text=text)
    return make_response(page, 400)


def _first_page(error: CursorError) -> BaseResponse:
    from hub.web.lists import here

    return redirect(here(cursor=None))


def _refusal(error: HubError) -> BaseResponse:
    """What a step of the hub refused: said above the page it was asked from."""
    text = in_words(error.message)
    if request.method in SAFE_METHODS:
        page = render_template("error.html", code=409, title=_("Not possible"), text=text)
        return make_response(page, 409)
    flash(text, "danger")
    return redirect(safe_next(request.form.get("next") or _came_from()))


def _came_from() -> str:
    """The path of our own page that sent this request, empty when it was not ours."""
    parts = urlsplit(request.referrer or "")
    if parts.netloc != request.host:
        return ""
    return f"{parts.path}?{parts.query}" if parts.query else parts.path

"""The admins' blueprint and what its views share."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, redirect, request
from werkzeug.wrappers import Response

from hub.sdk.connection import Secrets
from hub.sdk.errors import Rejected
from hub.store import users
from hub.store.connections import Configured
from hub.store.lists import pages
from hub.web.context import the_store, the_user
from hub.web.formats import local_title
from hub.web.guard import protect, safe_next

MAX_REASON_CHARACTERS = 1000
blueprint = Blueprint("admin", __name__, url_prefix="/admin")
protect(blueprint, readers=(users.ADMIN, users.AUDITOR), writers=(users.ADMIN,))


def back(default: str) -> Response:
    """Return to the page an act was asked from."""
    wanted = request.form.get("next")
    return redirect(safe_next(wanted) if wanted else default)


def reason() -> str:
    """Why a person does this: required where the form asks for it. Rejected when it is empty."""
    text = request.form.get("reason", "").replace("\0", "").strip()[:MAX_REASON_CHARACTERS]
    if not text:
        raise Rejected("say why: the reason goes to the audit log")
    return text


def connection_choices() -> list[tuple[str, str]]:
    """(name, title) of every connection, for filters."""
    return sorted(pages.connection_titles(the_store().database).values())


def require_admin() -> None:
    """403 for an auditor: forms, and pages that already call another system."""
    user = the_user()
    if user is None or not user.may_administer:
        abort(403)


def require(name: str) -> Configured:
    """The usable connection of this name, else 404."""
    configured = the_store().catalog.get(name)
    if configured is None:
        abort(404)
    return configured


@blueprint.app_template_global()
def stream_title(connection: str, stream: str) -> str:
    """What a connection's stream is called in the reader's language; its id where nobody says."""
    configured = the_store().catalog.get(connection)
    return local_title(configured.stream_title(stream)) if configured else stream


def secret_values(configured: Configured | None) -> list[str]:
    """Every value of the connection's secrets, to mask them in what a page shows."""
    if configured is None:
        return []
    secrets: Secrets = configured.connection.secrets
    return [value for name in secrets for value in secrets.all(name)]


def found(row: Any) -> Any:
    """The row, or 404."""
    if row is None:
        abort(404)
    return row

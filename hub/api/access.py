"""Who may do what through the API: a bearer token, its role, the area an operation belongs to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, cast

from flask import current_app, g, request
from flask.typing import ResponseReturnValue

from hub.api.problems import problem
from hub.store import audit, tokens
from hub.store.store import Store
from hub.store.tokens import TokenInfo
from hub.store.users import ROLES

EXTENSION: Final = "uzel-store"
#: Ten thousand ids fit; nothing larger is ever sent here.
MAX_BODY_BYTES: Final = 1024 * 1024
READ: Final = ("GET", "HEAD", "OPTIONS")
#: {area: (roles that may read, roles that may change)}
AREAS: Final[dict[str, tuple[frozenset[str], frozenset[str]]]] = {
    "crm": (frozenset(ROLES), frozenset({"admin", "head", "manager"})),
    "stock": (frozenset(ROLES), frozenset({"admin", "head"})),
    "merges": (frozenset(ROLES), frozenset({"admin", "head"})),
    "reports": (frozenset({"admin", "head", "auditor"}), frozenset()),
    "operations": (frozenset({"admin", "auditor"}), frozenset({"admin"})),
}


def store() -> Store:
    """The store of the app that serves this request."""
    return cast(Store, current_app.extensions[EXTENSION])


def token() -> TokenInfo:
    """The token of this request; every operation has one."""
    return cast(TokenInfo, g.api_token)


def guard(area: str) -> Callable[[], ResponseReturnValue | None]:
    """A `before_request` that lets only the roles of this area through."""

    def check() -> ResponseReturnValue | None:
        request.max_content_length = MAX_BODY_BYTES
        if request.method in READ:
            store().database.share_reading()
        kind, _, value = request.headers.get("Authorization", "").partition(" ")
        info = None
        if kind.lower() == "bearer":
            info = tokens.verify(store().database, value.strip())
        if info is None:
            return problem(
                401, "Unauthorized", "Send a valid token in «Authorization: Bearer TOKEN»."
            )
        readers, writers = AREAS[area]
        if info.role not in (readers if request.method in READ else writers):
            return problem(403, "Forbidden", f"The role «{info.role}» may not do this.")
        if not info.may(area, write=request.method not in READ):
            return problem(403, "Forbidden", f"This token may not touch «{area}» so.")
        g.api_token = info
        return None

    return check


def log_deed(
    action: str, subject: str, subject_id: object = "", details: Mapping[str, Any] | None = None
) -> None:
    """Enter what this request does, or looks at, in the audit log."""
    with store().database.write() as db:
        audit.record(db, token().actor, action, subject, subject_id, details)

"""Whom a manager may see: everybody, or their own clients and those of nobody.

`access.managers_see` in hub.yml says which. The one place that decides; lists pass `only()` into
their filters, a page about one client asks `may_see` or `check`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from flask import abort

from hub.sdk.errors import ConfigError
from hub.store import users
from hub.store.lists.records import get_record
from hub.store.store import Store
from hub.web.context import SiteUser, the_store, the_user

ALL: Final = "all"
OWN_AND_FREE: Final = "own_and_free"


def rule(store: Store) -> str:
    """What the setting says. ConfigError for a word it does not know."""
    found = str(store.settings.option("access.managers_see", ALL))
    if found not in (ALL, OWN_AND_FREE):
        raise ConfigError(f"must be one of {ALL}, {OWN_AND_FREE}", place="access.managers_see")
    return found


def only(user: SiteUser | None = None) -> str:
    """The e-mail of the manager to whose clients a list is narrowed; empty: all are seen."""
    user = user or the_user()
    if user is None or user.role != users.MANAGER or rule(the_store()) == ALL:
        return ""
    return user.row.email


def may_see(user: SiteUser | None, contact: Mapping[str, Any]) -> bool:
    """Whether this user may look at this client."""
    return contact["manager"] in (None, "", email) if (email := only(user)) else True


def check_client(contact_id: int | None) -> None:
    """Stop with «no access» where a record's client is not for the signed-in user's eyes."""
    if contact_id and only():
        check(get_record(the_store().database, "contact", contact_id) or {"manager": None})


def check(contact: Mapping[str, Any]) -> None:
    """Stop with «no access» where the signed-in user may not see the client."""
    if not may_see(the_user(), contact):
        abort(403)

"""A call that a person wants made: their own phone rings first, then the client's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hub.crm.calls import client_number
from hub.sdk.errors import Rejected
from hub.sdk.traffic import Urgency
from hub.store.connections import Configured
from hub.store.store import Store


def line_of(store: Store, email: str, connection_id: int | None = None) -> tuple[int, str] | None:
    """(connection id, extension) by which this user can be rung; None when there is none.

    The connection that the call came through goes before the others.
    """
    able = [one for one in store.catalog.all() if _can(one)]
    for configured in sorted(able, key=lambda one: one.id != connection_id):
        for extension, whose in (configured.connection.settings.get("managers") or {}).items():
            if str(whose).strip().lower() == email:
                return configured.id, str(extension)
    return None


def line_titles(store: Store) -> dict[str, str]:
    """What admins call the company's numbers, by the number as calls name it."""
    found: dict[str, str] = {}
    for configured in store.catalog.all():
        for number, title in (configured.connection.settings.get("lines") or {}).items():
            bare = str(number).lstrip("+")
            found |= {bare: str(title), f"+{bare}": str(title)}
    return found


def call(store: Store, number: str, email: str, connection_id: int | None = None) -> str:
    """Have the telephony ring this user and then the number; returns the extension that rings.

    Rejected when no telephony can, or when it refuses; else what its refusal becomes.
    """
    found = line_of(store, email, connection_id)
    if found is None:
        raise Rejected("no telephony can ring you: your extension is in no connection's settings")
    configured = store.catalog.by_id(found[0])
    if configured is None or configured.connector.originate is None:
        raise Rejected("this telephony makes no calls for the hub")
    configured.connector.originate(configured.at(Urgency.PERSON).connection, found[1], number)
    return found[1]


def call_back(store: Store, row: Mapping[str, Any], email: str) -> str:
    """Call the client of a call; returns the extension that rings. Rejected when it cannot be."""
    number = client_number(row)
    if number is None:
        raise Rejected("this call has no number to call back")
    return call(store, number, email, row.get("connection_id"))


def _can(configured: Configured) -> bool:
    return configured.state != "paused" and configured.connector.originate is not None

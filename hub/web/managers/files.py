"""The columns of lists that are taken away as files, of those that say no more of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask_babel import lazy_gettext as _l

from hub.web import words
from hub.web.export import Column
from hub.web.formats import person


def columns_of(entity: str) -> list[Column]:
    """The columns of an entity's file; none when it has no file."""
    made = {"contact": client_columns, "call": call_columns}.get(entity)
    return made() if made else []


def client_columns() -> list[Column]:
    """Clients; their rows have `phones` and `emails`."""

    def listed(name: str) -> Any:
        return lambda row: ", ".join(row.get(name) or ())

    return [
        Column(_l("Name"), lambda row: row["name"], width=32),
        Column(_l("Phones"), listed("phones"), width=32),
        Column(_l("E-mails"), listed("emails"), width=32),
        Column(_l("Company"), lambda row: row["company_name"]),
        Column(_l("INN"), lambda row: row["inn"], width=14),
        Column(_l("City"), lambda row: row["city"]),
        Column(_l("Manager"), manager_name),
        Column(_l("Source"), lambda row: row["connection"]),
        Column(_l("Last contact"), lambda row: row["last_activity_at"], "moment"),
        Column(_l("Known since"), lambda row: row["created_at"], "moment"),
    ]


def call_columns() -> list[Column]:
    """Calls."""

    def word(kind: str, name: str) -> Any:
        return lambda row: str(words.word(kind, row[name] or "").label)

    return [
        Column(_l("Began"), lambda row: row["started_at"], "moment"),
        Column(_l("Direction"), word("direction", "direction")),
        Column(_l("Status"), word("call", "status")),
        Column(_l("From number"), lambda row: row["from_number"], width=18),
        Column(_l("To number"), lambda row: row["to_number"], width=18),
        Column(_l("Company's line"), lambda row: row["line_number"], width=18),
        Column(_l("Client"), lambda row: row["contact_name"], width=28),
        Column(_l("Manager"), manager_name),
        Column(_l("Waited, s"), lambda row: row["wait_seconds"], "number"),
        Column(_l("Talked, s"), lambda row: row["talk_seconds"], "number"),
    ]


def manager_name(row: Mapping[str, Any]) -> str:
    """Whose a record is, by name."""
    return person(row["manager"]) if row["manager"] else ""

"""The audit log: who did what, before and after; filtered, and taken away as a file."""

from __future__ import annotations

import re
from typing import Any

from flask import url_for
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response

from hub.store.connections import NAME_PATTERN
from hub.store.lists import audit as entries
from hub.web import export, lists, menu
from hub.web.admin.base import blueprint
from hub.web.context import people, the_store
from hub.web.formats import plain
from hub.web.words import record_url, word

menu.add("admin", 310, "admin.audit", _l("Audit log"), "clipboard-list")
FILTERS = ("actor", "action", "subject", "subject_id")
#: Details whose values have words of their own.
WORDED = ("way", "role")
#: Subjects that are not records but have pages.
PAGES = {"user": ("admin.user", "user_id"), "event": ("admin.event", "event_id"),
         "delivery": ("admin.delivery", "delivery_id"), "run": ("admin.run", "run_id"),
         "sync run": ("admin.run", "run_id"), "erasure": ("admin.erasure", "erasure_id"),
         "timeline": ("managers.client", "record_id")}  # fmt: skip


@blueprint.get("/audit")
def audit() -> Response:
    """Entries of the log, the newest first."""
    database = the_store().database
    given = {name: lists.argument(name) for name in FILTERS}
    filters = entries.AuditFilters(**given, since=lists.since(), until=lists.until())
    if kind := export.wanted():
        rows = export.every(lambda n, c: entries.list_audit(database, filters, n, c))
        return export.download("audit", _columns(), rows, kind)
    page = entries.list_audit(database, filters, lists.PAGE_SIZE, lists.cursor())
    for row in page.items:
        row["url"] = subject_url(row["subject"], row["subject_id"])
        row["changes"], row["facts"] = split(row["details"])
    context: dict[str, Any] = {}
    if not lists.is_partial():
        names = people()
        context = {
            "actors": [
                (one, names.get(one, one)) for one in entries.choices(database, "actor") if one
            ],
            "actions": _worded("deed", entries.choices(database, "action")),
            "subjects": _worded("subject", entries.choices(database, "subject")),
        }
    return lists.show("admin/audit", page, **context)


def _worded(kind: str, values: list[str]) -> list[tuple[str, str]]:
    pairs = [(value, str(word(kind, value).label)) for value in values if value]
    return sorted(pairs, key=lambda pair: pair[1].lower())


def split(details: Any) -> tuple[list[tuple[str, Any, Any]], list[tuple[str, Any]]]:
    """What an entry tells: (field, before, after) where it is a pair, (name, value) elsewhere."""
    changes: list[tuple[str, Any, Any]] = []
    facts: list[tuple[str, Any]] = []
    for name, value in details.items() if isinstance(details, dict) else ():
        if name in ("fields", "changes") and isinstance(value, dict):
            inner, rest = split(value)
            changes += inner
            facts += rest
        elif isinstance(value, list) and len(value) == 2 and name not in ("streams", "ids"):
            pair = [word(name, one).label for one in value] if name in WORDED else value
            changes.append((name, pair[0], pair[1]))
        else:
            facts.append((name, word(name, value).label if name in WORDED else value))
    return changes, facts


def subject_url(subject: str, subject_id: str) -> str | None:
    """The page of what an entry is about, where it has one."""
    if subject == "connection" and re.fullmatch(NAME_PATTERN, subject_id):
        return url_for("admin.connection", name=subject_id)
    if not subject_id.isdecimal() or len(subject_id) > 18:
        return None
    if subject in PAGES:
        endpoint, argument = PAGES[subject]
        values: dict[str, Any] = {argument: int(subject_id)}
        return url_for(endpoint, **values)
    return record_url(subject, int(subject_id))


def _columns() -> list[export.Column]:
    return [
        export.Column(_l("When"), lambda row: row["at"], "moment"),
        export.Column(_l("Who"), lambda row: row["actor"]),
        export.Column(_l("What"), lambda row: str(word("deed", row["action"]).label)),
        export.Column(_l("Object"), lambda row: str(word("subject", row["subject"]).label)),
        export.Column(_l("Id"), lambda row: row["subject_id"]),
        export.Column(_l("Details"), lambda row: plain(row["details"]) if row["details"] else ""),
    ]

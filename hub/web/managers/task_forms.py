"""What the forms of tasks say: deadlines by word or by clock, who it is for, what it is about."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from typing import Any

from flask import request
from flask_babel import gettext as _

from hub.crm.task_rules import task_rules
from hub.crm.tasks import SUBJECTS, Hand, finish, reopen
from hub.flow import call_out
from hub.flow.sinks import sinks_of_people
from hub.sdk.errors import HubError, Rejected
from hub.store import users
from hub.store.database import utc_now
from hub.store.lists.paging import MAX_ID
from hub.store.lists.records import get_record
from hub.store.lists.tasks import call_back_of
from hub.web import seeing
from hub.web.context import actor, company_zone, local_now, people, the_store, the_user
from hub.web.formats import phone

MINUTES = {"15m": 15, "1h": 60, "3h": 180}
DAYS = {"tomorrow": 1, "3d": 3, "7d": 7}


def hand() -> Hand:
    """The signed-in person's: a manager changes their own tasks and those of nobody."""
    user = the_user()
    own = user.row.email if user and user.role == users.MANAGER else None
    store = the_store()
    tell = sinks_of_people("task", store.catalog.all())
    return Hand(actor(), user.row.id if user else None, own, tell)


def sees_all() -> bool:
    """Whether the tasks of all are theirs to look at: a head's, an admin's, an auditor's."""
    user = the_user()
    return user is not None and user.role != users.MANAGER


def may_ring() -> bool:
    """Whether the telephony can ring this user's phone and then a client's."""
    user = the_user()
    if user is None or user.role == users.AUDITOR:
        return False
    return call_out.line_of(the_store(), actor()) is not None


def follow_call(number: str | None, *, done: bool) -> None:
    """The call-back of a number follows what was said of its missed call in the list of calls."""
    store = the_store()
    row = call_back_of(store.database, number) if number else None
    if row is not None and hand().may_change(row):
        (finish if done else reopen)(store, hand(), row)


def deadlines() -> list[tuple[str, str]]:
    """(value, words) of the deadlines that one picks without a calendar."""
    return [
        ("15m", _("in 15 minutes")),
        ("1h", _("in an hour")),
        ("3h", _("in 3 hours")),
        ("today", _("by the end of the day")),
        ("tomorrow", _("tomorrow morning")),
        ("3d", _("in 3 days")),
        ("7d", _("in a week")),
        ("none", _("without a deadline")),
    ]


def deadline(said: str, exact: str = "") -> datetime | None:
    """The moment a form means: `exact` is a local time and goes first. Rejected when it is none."""
    if exact:
        try:
            moment = datetime.fromisoformat(exact)
        except ValueError:
            raise Rejected("the deadline is not a date with a time") from None
        return moment.replace(tzinfo=moment.tzinfo or company_zone()).astimezone(UTC)
    if said in MINUTES:
        return utc_now() + timedelta(minutes=MINUTES[said])
    opens, closes = _hours()
    today = local_now().date()
    if said == "today":
        return datetime.combine(today, closes, tzinfo=company_zone()).astimezone(UTC)
    if said in DAYS:
        day = today + timedelta(days=DAYS[said])
        return datetime.combine(day, opens, tzinfo=company_zone()).astimezone(UTC)
    return None


def _hours() -> tuple[time, time]:
    try:
        hours = task_rules(the_store().settings).hours
    except (HubError, ValueError, TypeError):
        return time(9), time(18)
    return hours.opens, min(hours.closes, time(23, 59))


def manager_of_form(name: str = "manager") -> str | None:
    """The colleague a form names; Rejected when there is no such one."""
    email = request.form.get(name, "").strip()
    if email and email not in people():
        raise Rejected("there is no such colleague")
    return email or None


def subject(said: str) -> dict[str, Any]:
    """What «order:15» names, as columns of a task; empty when it names nothing."""
    entity, _colon, key = said.partition(":")
    if entity not in SUBJECTS or not key.isdecimal() or int(key) > MAX_ID:
        return {}
    row = get_record(the_store().database, entity, int(key))
    if row is None:
        return {}
    seeing.check_client(key_of(entity, row))
    if entity == "contact":
        return {"contact_id": row["merged_into_id"] or row["id"]}
    return {
        "about_entity": entity,
        "about_id": row["id"],
        "contact_id": row.get("contact_id"),
    }


def key_of(entity: str, row: Mapping[str, Any]) -> int | None:
    """The client of a record, who may be the record itself."""
    return row["id"] if entity == "contact" else row.get("contact_id")


def client_of(found: Mapping[str, Any]) -> dict[str, Any] | None:
    """The client whom a task of this subject concerns."""
    key = found.get("contact_id")
    return get_record(the_store().database, "contact", key) if key else None


def suggestion(said: str) -> str:
    """A title for a task about this."""
    found = subject(said)
    entity, key = found.get("about_entity", "contact"), found.get("about_id")
    row = get_record(the_store().database, entity, key) if key else None
    if row is None:
        return ""
    if entity == "order":
        return str(_("Order %(number)s: ", number=row["number"] or row["id"]))
    if entity == "message":
        return str(_("Answer: %(subject)s", subject=row["subject"] or _("no subject")))
    if entity == "call":
        number = row["to_number"] if row["direction"] == "out" else row["from_number"]
        return str(_("Call back %(number)s", number=phone(number)))
    return f"{row['title']}: " if row.get("title") else ""


def local_text(moment: datetime | None) -> str:
    """A moment as a field of a form takes it."""
    return moment.astimezone(company_zone()).strftime("%Y-%m-%dT%H:%M") if moment else ""

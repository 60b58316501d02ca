"""Tasks: lists, one task, what people do with them."""

from __future__ import annotations

import time
from typing import Any

from flask import abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response

from hub.crm import tasks as deeds
from hub.crm.task_rules import remind_span
from hub.store import call_marks, users
from hub.store.database import utc_now
from hub.store.lists import pages
from hub.store.lists import tasks as stored
from hub.store.lists.paging import MAX_ID
from hub.store.lists.reports import day_start
from hub.store.lists.tasks import TaskFilters
from hub.web import lists, live, menu, seeing
from hub.web.context import actor, company_zone, local_now, people, the_store, the_user
from hub.web.guard import safe_next
from hub.web.managers import task_forms as forms
from hub.web.managers.base import blueprint

VIEWS = ("mine", "free", "overdue", "all", "done")
BADGE_SECONDS = 5.0
_badges: dict[tuple[str, str], tuple[float, int]] = {}


def badge() -> int:
    """How many tasks are late: one's own; for a head everybody's. Kept for a few seconds."""
    user, database = the_user(), the_store().database
    if user is None:
        return 0
    whose = user.row.email if user.role == users.MANAGER else None
    key, now = (database.url, whose or ""), time.monotonic()
    kept = _badges.get(key)
    if kept is None or now - kept[0] > BADGE_SECONDS:
        kept = _badges[key] = (now, stored.overdue_count(database, whose, utc_now()))
    return kept[1]


menu.add("managers", 15, "managers.tasks", _l("Tasks"), "checkbox", ("managers.task",), badge=badge)


def forget_badges() -> None:
    """Count anew: something was just done."""
    _badges.clear()


@blueprint.get("/tasks")
def tasks() -> Response:
    """Tasks, the most urgent first."""
    view = _view()
    page = stored.list_tasks(the_store().database, _filters(view), lists.PAGE_SIZE, lists.cursor())
    context: dict[str, Any] = {"view": view, "views": _views(), "now": utc_now()}
    context["callable"] = forms.may_ring()
    if not lists.is_partial():
        context |= {
            "people": people(),
            "deadlines": forms.deadlines(),
            "sees_all": forms.sees_all(),
            "counts": _counts() if forms.sees_all() else {},
        }
    return lists.show("managers/tasks", page, **context)


def _views() -> tuple[str, ...]:
    return VIEWS if forms.sees_all() else tuple(view for view in VIEWS if view != "all")


def _view() -> str:
    user, wanted = the_user(), lists.argument("view")
    if wanted in _views():
        return wanted
    return "mine" if user and user.role == users.MANAGER else "all"


def _filters(view: str) -> TaskFilters:
    """What a view shows. A manager sees their own and those of nobody."""
    managers: tuple[str, ...] | None = None if forms.sees_all() else (actor(),)
    named = lists.argument("manager")
    if named and forms.sees_all():
        managers = () if named == "-" else (named,)
    if view == "mine":
        managers = (actor(),)
    if view == "free":
        managers = ()
    kind = lists.argument("kind")
    since = lists.since()
    return TaskFilters(
        managers=managers,
        free=view in ("free", "overdue") or managers == (),
        kind={"call_back": "call_back", "other": ""}.get(kind),
        due_before=utc_now() if view == "overdue" else None,
        done=view == "done",
        done_since=since if view == "done" else None,
        contact_id=_number("contact"),
        seen_by=seeing.only(),
    )


def _number(name: str) -> int | None:
    text = lists.argument(name)
    return int(text) if text.isdecimal() and int(text) <= MAX_ID else None


def _counts() -> dict[str, Any]:
    """Who has how much to do, those who are late first."""
    today = day_start(local_now().date(), company_zone())
    found = stored.by_manager(the_store().database, utc_now(), today)
    order = sorted(found.items(), key=lambda item: (-item[1]["overdue"], -item[1]["open"]))
    return dict(order)


@blueprint.get("/tasks/new")
def new_task() -> str:
    """The form for a task about a record: `?about=order:15`."""
    about = lists.argument("about")
    found = forms.subject(about)
    return render_template(
        "managers/task_new.html",
        about=about if found else "",
        found=found,
        client=forms.client_of(found),
        title=forms.suggestion(about),
        people=people(),
        deadlines=forms.deadlines(),
        back=safe_next(lists.argument("next")) if lists.argument("next") else "",
    )


@blueprint.post("/tasks")
def add_task() -> Response:
    """Make a task; a manager's is their own unless they give it to somebody."""
    fields = {
        "title": request.form.get("title", ""),
        "comment": request.form.get("comment", "").strip() or None,
        "due_at": forms.deadline(request.form.get("when", ""), request.form.get("due", "")),
        "manager": forms.manager_of_form() if "manager" in request.form else actor(),
        **forms.subject(request.form.get("about", "")),
    }
    task_id = deeds.make(the_store(), forms.hand(), fields)
    _tell(task_id)
    if request.headers.get("HX-Request"):
        answer = render_template("managers/task_added.html", task=_found(task_id))
        return Response(answer, headers={"HX-Trigger": "task-added"}, content_type="text/html")
    flash(_("The task is made."), "success")
    return redirect(safe_next(request.form.get("next") or url_for("managers.tasks")))


@blueprint.get("/tasks/<int:record_id>")
def task(record_id: int) -> str:
    """One task: what it is about, what happened, what can be done."""
    row = _found(record_id)
    database = the_store().database
    heard = []
    if row["number"] and row["first_missed_at"]:
        heard = stored.number_calls(database, row["number"], row["first_missed_at"])
    return render_template(
        "managers/task.html",
        task=row,
        calls=heard,
        people=people(),
        deadlines=forms.deadlines(),
        connections=pages.connection_titles(database),
        may_change=_may_change(row),
        callable=forms.may_ring(),
        due_text=forms.local_text(row["due_at"]),
        now=utc_now(),
    )


def _found(record_id: int) -> dict[str, Any]:
    row = stored.one_task(the_store().database, record_id) if record_id <= MAX_ID else None
    if row is None:
        abort(404)
    if row["manager"] != actor():
        # One's own task is one's work, whoever the client; a colleague's goes with its client.
        seeing.check_client(row["contact_id"])
    return row


def _may_change(row: dict[str, Any]) -> bool:
    user = the_user()
    return user is not None and user.role != users.AUDITOR and forms.hand().may_change(row)


@blueprint.post("/tasks/<int:record_id>/done")
def finish_task(record_id: int) -> Response:
    """It is done."""
    row = _found(record_id)
    deeds.finish(the_store(), forms.hand(), row)
    _mark_call(row, actor())
    return _changed(record_id, _("Done."))


@blueprint.post("/tasks/<int:record_id>/undo")
def reopen_task(record_id: int) -> Response:
    """It is not done after all."""
    row = _found(record_id)
    deeds.reopen(the_store(), forms.hand(), row)
    _mark_call(row, "")
    return _changed(record_id, _("The task is open again."))


def _mark_call(row: dict[str, Any], who: str) -> None:
    """The list of calls says the same of the missed call as its task."""
    store = the_store()
    call_id = stored.last_missed_call(store.database, row) if row["number"] else None
    if call_id is not None:
        with store.database.write() as db:
            call_marks.set_done(db, call_id, who)
        live.publish("calls", [call_id])


@blueprint.post("/tasks/<int:record_id>/take")
def take_task(record_id: int) -> Response:
    """It is mine from now on."""
    deeds.hand_over(the_store(), forms.hand(), _found(record_id), actor())
    return _changed(record_id, _("The task is yours."))


@blueprint.post("/tasks/<int:record_id>/postpone")
def postpone_task(record_id: int) -> Response:
    """Another deadline."""
    due = forms.deadline(request.form.get("when", ""), request.form.get("due", ""))
    deeds.put_off(the_store(), forms.hand(), _found(record_id), due)
    return _changed(record_id, _("The deadline is moved."))


@blueprint.post("/tasks/<int:record_id>")
def change_task(record_id: int) -> Response:
    """Title, comment, who, when, how long before to remind."""
    row = _found(record_id)
    minutes = request.form.get("remind_minutes", "")
    fields: dict[str, Any] = {
        "comment": request.form.get("comment", "").strip() or None,
        "manager": forms.manager_of_form(),
        "remind_minutes": min(int(minutes), 7 * 24 * 60) if minutes.isdecimal() else None,
    }
    if row["kind"] != "call_back":
        fields["title"] = request.form.get("title", "").strip()[: deeds.MAX_TITLE]
    due = request.form.get("due", "")
    if due != forms.local_text(row["due_at"]):
        fields["due_at"] = forms.deadline("", due)
    deeds.change(the_store(), forms.hand(), row, fields)
    return _changed(record_id, _("Saved."))


def _changed(record_id: int, said: str) -> Response:
    """The row as it is now, for htmx; else back to where it was asked from."""
    _tell(record_id)
    if request.headers.get("HX-Request"):
        part = request.form.get("part", "row")
        name = {"row": "tasks_rows", "today": "today_task"}.get(part, "tasks_rows")
        return Response(
            render_template(
                f"managers/{name}.html",
                page={"items": [_found(record_id)], "next_cursor": None},
                now=utc_now(),
                callable=forms.may_ring(),
                view="",
                just=said,
            ),
            content_type="text/html",
        )
    flash(said, "success")
    wanted = request.form.get("next") or url_for("managers.task", record_id=record_id)
    return redirect(safe_next(wanted))


def _tell(record_id: int) -> None:
    forget_badges()
    live.publish("tasks", [record_id])


@blueprint.get("/tasks/reminders")
def reminders() -> str:
    """Notices of one's tasks whose deadline is near, for every page."""
    store = the_store()
    found = stored.to_remind(store.database, actor(), utc_now(), remind_span(store.settings))
    return render_template("managers/reminders.html", tasks=found, now=utc_now())

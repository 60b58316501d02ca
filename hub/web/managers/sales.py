"""What orders, leads and deals share: filters, the board, moving a card, whose a record is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from flask import Blueprint, abort, flash, make_response, redirect, render_template, request
from flask_babel import gettext as _
from flask_babel import ngettext
from werkzeug.wrappers import Response

from hub.crm import edit
from hub.crm.order_state import KINDS
from hub.crm.stages import MAX_CHARACTERS, stages
from hub.store import users
from hub.store.lists import board, pages
from hub.store.lists.paging import MAX_ID, ListPage
from hub.store.lists.record_filters import ANY_DIFFERENCE, RecordFilters
from hub.store.lists.records import list_records
from hub.web import export, lists, seeing, words
from hub.web.context import actor, people, the_store, the_user
from hub.web.guard import protect, safe_next
from hub.web.managers.base import list_filters, records

blueprint = Blueprint("sales", __name__)
protect(blueprint, readers=users.ROLES, writers=(users.ADMIN, users.HEAD, users.MANAGER))
ENTITIES: Final = {"order": "orders", "lead": "leads", "deal": "deals"}
CARDS: Final = 15
MAX_ASSIGNED: Final = 200
LARGEST: Final = Decimal(10) ** 15
ME, NOBODY = "me", "none"


def filters_of(entity: str, *names: str) -> RecordFilters:
    """The filters from the URL; `manager` may be «me» or «none»."""
    found = list_filters(*names)
    equal: tuple[tuple[str, Any], ...] = found.equal
    manager, user = lists.argument("manager"), the_user()
    if manager:
        whose = {ME: user.row.email if user else "", NOBODY: None}.get(manager, manager)
        equal = (*equal, ("manager", whose))
    differs = lists.argument("differs") if entity == "order" else ""
    return replace(
        found,
        equal=equal,
        differs=differs if differs in (ANY_DIFFERENCE, *KINDS) else "",
        at_least=_amount("sum_from"),
        at_most=_amount("sum_to"),
    )


def _amount(name: str) -> Decimal | None:
    text = lists.argument(name).replace("\xa0", "").replace(" ", "").replace(",", ".")
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() and abs(number) < LARGEST else None


def show(entity: str, columns: list[export.Column], *names: str) -> Response:
    """The list, the board or the file of these records, as the URL asks."""
    filters, store = filters_of(entity, *names), the_store()
    plural = ENTITIES[entity]
    context: dict[str, Any] = {
        "entity": entity,
        "stages": all_stages(entity),
        "people": people(),
        "is_board": lists.argument("view") == "board",
        "may_assign_others": _sees_all(),
    }
    if not context["is_board"] or export.wanted():
        return records(f"managers/{plural}", entity, filters=filters, columns=columns, **context)
    titles = pages.connection_titles(store.database)
    context |= {"connections": titles, "titles": dict(titles.values()), "CARDS": CARDS}
    wanted = request.args.get("column")
    if wanted is not None and lists.is_partial():
        column = board.Column(wanted, board.Size(), _further(entity, filters, wanted))
        return make_response(render_template("managers/board_cards.html", column=column, **context))
    shown = [one for one in context["stages"] if lists.argument("stage") in ("", one)]
    order = _order(entity)
    context["columns"] = board.columns(store.database, entity, filters, shown, CARDS, order)
    if not lists.is_partial():
        return make_response(render_template(f"managers/{plural}.html", **context))
    response = make_response(render_template("managers/board_list.html", **context))
    response.headers["HX-Push-Url"] = lists.here()
    return response


def _further(entity: str, filters: RecordFilters, stage: str) -> ListPage:
    mine, order = board.stage_filter(filters, stage), _order(entity)
    return list_records(the_store().database, entity, mine, CARDS, lists.cursor(), order=order)


def _order(entity: str) -> str:
    # Sources seldom say when a lead or a deal came to be: these go by arrival.
    return "occurred" if entity == "order" else "id"


def all_stages(entity: str) -> list[str]:
    """The stages an admin named and those that records are in, in this order."""
    store = the_store()
    named = stages(store.settings, entity)
    return list(dict.fromkeys((*named, *board.stages_in_use(store.database, entity))))


# Whose a record is.


def _sees_all() -> bool:
    user = the_user()
    return user is not None and user.role in (users.ADMIN, users.HEAD)


def may_change(row: Mapping[Any, Any]) -> bool:
    """Managers change what is theirs or nobody's; the head of sales and admins change all."""
    user = the_user()
    if user is None or user.role == users.AUDITOR:
        return False
    return _sees_all() or (row["manager"] or user.row.email) == user.row.email


def owned_by_source(entity: str, row: Mapping[Any, Any]) -> bool:
    """Whether the stage is another system's word: a deal's is where it came from there."""
    return entity == "deal" and row["connection_id"] is not None


@blueprint.post("/sales/<entity>/<int:record_id>/stage")
def move(entity: str, record_id: int) -> Response:
    """Put a record into another stage of the hub's own work."""
    stage = request.form.get("stage", "").replace("\0", "").strip()[:MAX_CHARACTERS]
    row = _rows(entity, [record_id]).get(record_id)
    if row is None:
        abort(404)
    why = _refusal(entity, row, stage)
    if not why:
        edit.edit_record(the_store(), entity, record_id, {"stage": stage}, actor(), _user_id())
    if lists.is_partial():
        return Response(why, 409 if why else 204, mimetype="text/plain")
    flash(why or _("Moved."), "danger" if why else "success")
    return redirect(safe_next(request.form.get("next")))


def _refusal(entity: str, row: Mapping[Any, Any], stage: str) -> str:
    """Why the record cannot be moved there; empty when it can."""
    if stage not in all_stages(entity):
        return str(_("There is no such stage any more: reload the page."))
    if not may_change(row):
        return str(_("It is another manager's. The head of sales can give it to you."))
    if owned_by_source(entity, row):
        title = pages.connection_titles(the_store().database)[row["connection_id"]][1]
        return str(_("The stage comes from «%(title)s»: move the deal there.", title=title))
    return ""


@blueprint.post("/sales/<entity>/assign")
def assign(entity: str) -> Response:
    """Give records to a manager, take them for oneself, or give them back to nobody."""
    given = [int(one) for one in request.form.getlist("id") if one.isdigit() and len(one) < 19]
    wanted = request.form.get("manager", "").strip()
    user = the_user()
    mine = user.row.email if user else ""
    manager = {ME: mine, NOBODY: None}.get(wanted, wanted)
    back = redirect(safe_next(request.form.get("next")))
    if manager and manager not in people():
        flash(_("Choose whom to give it to."), "danger")
        return back
    rows = _rows(entity, given[:MAX_ASSIGNED])
    allowed = [key for key, row in rows.items() if may_change(row)]
    if manager not in (mine, None) and not _sees_all():
        abort(403)
    for key in allowed:
        edit.edit_record(the_store(), entity, key, {"manager": manager}, actor(), _user_id())
    if not rows:
        flash(_("Tick the records first."), "danger")
    elif allowed:
        done = ngettext("%(num)s record is given.", "%(num)s records are given.", len(allowed))
        flash(done, "success")
    if len(rows) > len(allowed):
        flash(_("What belongs to other managers was left alone."), "warning")
    return back


def _rows(entity: str, ids: list[int]) -> dict[int, Mapping[Any, Any]]:
    if entity not in ENTITIES:
        abort(404)
    wanted = [key for key in ids if key <= MAX_ID]
    return board.brief(the_store().database, entity, wanted, seeing.only())


def _user_id() -> int | None:
    user = the_user()
    return user.row.id if user else None


def stage_text(row: Mapping[str, Any]) -> str:
    """The stage in words, for a file."""
    return str(words.word("stage", row["stage"]).label)


def differences_text(row: Mapping[str, Any]) -> str:
    """In what shop and 1C differ, in words, for a file."""
    kinds = str(row["differs"] or "").split(",")
    return ", ".join(str(words.word("difference", kind).label) for kind in kinds if kind)

"""Dead letters by cause, and the replay of a whole group."""

from __future__ import annotations

from collections.abc import Sequence

from flask import flash, render_template, request, url_for
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from werkzeug.wrappers import Response

from hub.flow.replay import MAX_EVENTS, STEPS, replay_events
from hub.sdk.errors import Rejected
from hub.store.lists import pages
from hub.store.lists.event_filters import EventFilters
from hub.store.lists.events import dead_letter_groups, event_ids, mask_text
from hub.store.lists.paging import Row
from hub.web import lists, menu
from hub.web.admin.base import back, blueprint, connection_choices, reason, secret_values
from hub.web.context import actor, the_store

menu.add("admin", 130, "admin.dead", _l("Dead letters"), "skull")


@blueprint.get("/dead")
def dead() -> str:
    """Groups of dead letters, the largest first."""
    connection = lists.argument("connection")
    groups = dead_letter_groups(the_store().database, connection)
    return render_template(
        "admin/dead.html",
        groups=groups,
        causes=_causes(groups),
        connections=connection_choices(),
        filtered=lists.is_filtered(),
        steps=STEPS,
        most=MAX_EVENTS,
    )


def _causes(groups: Sequence[Row]) -> dict[int, str]:
    """The newest message of each group by its event: a group is named by how its messages begin,
    and only a whole one can be said in the reader's language."""
    store = the_store()
    messages = pages.error_messages(store.database, [group["sample_id"] for group in groups])
    hidden = {
        name: secret_values(store.catalog.get(name))
        for name in {group["connection"] for group in groups}
    }
    return {
        group["sample_id"]: mask_text(messages[group["sample_id"]], hidden[group["connection"]])
        for group in groups
    }


@blueprint.post("/dead/replay")
def replay_group() -> Response:
    """Make every event of a group run again, at most MAX_EVENTS at once, oldest first."""
    filters = EventFilters(
        connection=request.form.get("connection", ""),
        status="dead",
        error_code=request.form.get("error_code", ""),
        error_message=request.form.get("error_message", ""),
    )
    if not filters.connection:
        raise Rejected("which group?")
    store, why = the_store(), reason()
    ids = event_ids(store.database, filters, MAX_EVENTS)
    if not ids:
        raise Rejected("this group is empty by now")
    replay_events(store, ids, request.form.get("step", "parse"), actor(), why)
    flash(ngettext("%(num)s event runs again.", "%(num)s events run again.", len(ids)), "success")
    return back(url_for("admin.dead"))

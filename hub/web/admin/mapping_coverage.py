"""What an edited mapping is tried on: the latest events slice by slice, a row fetched now."""

from __future__ import annotations

from collections.abc import Mapping

from flask import render_template, request

from hub.flow import diagnose, mapping_trial
from hub.sdk.errors import HubError
from hub.store import audit
from hub.store.database import to_json
from hub.web.admin.base import blueprint
from hub.web.admin.mapping_form import read_draft
from hub.web.admin.mapping_history import PLACE
from hub.web.admin.mappings import both, today_of
from hub.web.context import actor, the_store
from hub.web.error_texts import in_words


@blueprint.post(f"{PLACE}/coverage")
def coverage(connection: str, entity: str) -> str:
    """The next slice of the latest events through the edited mapping; asks for the one after."""
    configured, _row = both(connection, entity)
    draft = read_draft(request.form, entity)
    if draft.document is None:
        return render_template("admin/coverage.html", broken=True)
    args = request.args
    most = min(max(_count(args, "most") or 100, 50), 1000)
    done, fine, failed, without = (
        _count(args, one) for one in ("done", "fine", "failed", "without")
    )
    found = mapping_trial.try_slice(
        the_store(),
        configured,
        draft.document,
        today_of(configured, entity),
        _count(args, "before"),
        most - done,
    )
    counts = {
        "most": most,
        "done": done + found.events,
        "fine": fine + found.fine,
        "failed": failed + len(found.failing),
        "without": without + found.without,
        "before": found.before,
    }
    return render_template(
        "admin/coverage.html",
        broken=False,
        name=connection,
        entity=entity,
        counts=counts,
        found=found,
        listed=max(0, mapping_trial.LISTED - failed),
        is_end=not found.before or counts["done"] >= most,
    )


def _count(args: Mapping[str, str], name: str) -> int:
    text = args.get(name, "")
    return int(text) if text.isdigit() and len(text) < 18 else 0


@blueprint.post(f"{PLACE}/fetch")
def fetch_sample(connection: str, entity: str) -> str:
    """A row of the other system's own, read now and put where a sample is pasted; not stored."""
    configured, _row = both(connection, entity)
    with the_store().database.write() as db:
        audit.record(db, actor(), "read sample", "connection", connection, {"entity": entity})
    text, error = "", ""
    try:
        rows = diagnose.rows_of(configured, diagnose.stream_of(configured, entity), 1)
        text = to_json(dict(rows[0].data)) if rows else ""
    except HubError as caught:
        error = in_words(configured.connection.secrets.hide(caught.message, shortest=4))
    return render_template("admin/mapping_pasted.html", pasted=text, error=error, fetched=True)

"""Replays of many events: a filter or a list of ids, tried first or run, watched, stopped."""

from __future__ import annotations

from typing import Any, Final

from marshmallow import Schema, ValidationError, fields, validate, validates_schema
from werkzeug.exceptions import abort

from hub.api.access import store, token
from hub.api.fields import (
    Moment,
    PageQuery,
    Strict,
    Text,
    an_id,
    list_of,
    one_of,
    shown,
    time_shown,
)
from hub.api.operation import blueprint, operation
from hub.api.repeats import made_once
from hub.crm.documents import plain
from hub.flow import replay_job
from hub.store import event_rows, replay_jobs
from hub.store.lists.event_filters import EventFilters
from hub.store.replay_jobs import Selection

replays = blueprint("replays", "operations", "Replays of many events, and their dry runs")
STATUSES: Final = ("queued", "running", "done", "failed", "cancelled")
STEPS: Final = ("parse", "map", "upsert", "deliver")
MAX_IDS: Final = 10_000
_ID = "<int(max=9223372036854775807):job_id>"


class ReplayJobSchema(Schema):
    """How far a replay of many events is."""

    id = fields.Integer(required=True)
    mode = one_of(("run", "dry"), required=True)
    status = one_of(STATUSES, required=True)
    selection = fields.Dict(required=True, metadata={"description": "ids, or a filter."})
    step = one_of(STEPS, required=True)
    actor = fields.String(required=True)
    reason = fields.String(required=True)
    per_second = fields.Integer(required=True)
    most = fields.Integer(required=True)
    total = shown(fields.Integer, metadata={"description": "null: not known beforehand."})
    taken = fields.Integer(required=True)
    counts = fields.Dict(required=True, metadata={"description": "{outcome: number}"})
    findings = fields.Dict(
        required=True,
        metadata={"description": "causes of failures; of a dry run what would change, by samples"},
    )
    error_message = shown()
    created_at = time_shown()
    started_at = time_shown()
    finished_at = time_shown()


class ReplayFilter(Strict):
    """Which events; at least one condition."""

    connection = Text()
    status = one_of(event_rows.STATUSES)
    type = Text()
    error_code = Text()
    error_message = Text(metadata={"description": "How the error's message begins."})
    since = Moment(metadata={"description": "Received at this moment or later."})
    until = Moment(metadata={"description": "Received before this moment."})
    entity = Text(metadata={"description": "Changed a record of this entity."})
    text = Text(metadata={"description": "Stands somewhere in the body."})
    path = Text(metadata={"description": "A JMESPath over the body."})
    equals = Text(metadata={"description": "What the path must give; absent: anything."})


class ReplayJobBody(Strict):
    """What to run again; `mode: dry` writes nothing and tells what would change or fail."""

    mode = one_of(("run", "dry"), load_default="dry")
    step = one_of(STEPS, load_default="parse")
    reason = Text(load_default="", max_length=2000)
    per_second = fields.Integer(load_default=0, validate=validate.Range(0, 100_000))
    most = fields.Integer(load_default=0, validate=validate.Range(0, 1_000_000_000))
    ids = fields.List(an_id(), validate=validate.Length(min=1, max=MAX_IDS))
    filter = fields.Nested(ReplayFilter)

    @validates_schema
    def whole(self, data: dict[str, Any], **_options: Any) -> None:
        """Ids or a filter that is not empty; a reason for what writes."""
        if bool(data.get("ids")) == bool(data.get("filter")):
            raise ValidationError("Give either ids or a filter with at least one condition.")
        if data["mode"] == "run" and not data["reason"].strip():
            raise ValidationError("Say why: the reason goes to the audit log.", "reason")


@operation(replays, "GET", "/replays", list_of("ReplayJobList", ReplayJobSchema), query=PageQuery)
def list_replays(query: dict[str, Any]) -> dict[str, Any]:
    """Replays and dry runs, newest first."""
    page = replay_jobs.page(store().database, query["limit"], query["cursor"])
    return {"items": plain(page.items), "next_cursor": page.next_cursor}


@operation(replays, "GET", f"/replays/{_ID}", ReplayJobSchema, errors=(404,))
def get_replay(job_id: int) -> Any:
    """One replay: how far it is, what came of it."""
    return _shown(job_id)


@operation(
    replays, "POST", "/replays", ReplayJobSchema, body=ReplayJobBody, status=201, errors=(409,)
)
def start_replay(body: dict[str, Any]) -> Any:
    """Ask for a replay or its dry run; it goes on by itself, whatever dies."""
    given = body.get("filter")
    chosen = Selection(filters=EventFilters(**given)) if given else Selection(ids=body["ids"])
    names = ("mode", "step", "reason", "per_second", "most")
    asked = {name: body[name] for name in names}
    actor = token().actor
    job_id = made_once(
        lambda also: replay_job.request(store(), chosen, **asked, actor=actor, also=also)
    )
    return _shown(job_id)


@operation(replays, "POST", f"/replays/{_ID}/cancel", ReplayJobSchema, errors=(404, 409))
def cancel_replay(job_id: int) -> Any:
    """Stop a replay where it is."""
    _shown(job_id)
    replay_job.cancel(store(), job_id, token().actor)
    return _shown(job_id)


def _shown(job_id: int) -> Any:
    with store().database.read() as db:
        row = replay_jobs.get(db, job_id)
    if row is None:
        abort(404, "There is no such replay.")
    return plain(dict(row._mapping))  # noqa: SLF001  # SQLAlchemy's public name

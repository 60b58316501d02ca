"""Sync runs, refused requests, reconciliations."""

from __future__ import annotations

from typing import Any, Final

from marshmallow import Schema, fields
from werkzeug.exceptions import abort

from hub.api.access import log_deed, store, token
from hub.api.fields import PageQuery, Strict, Text, list_of, one_of, shown, table_shown, time_shown
from hub.api.operation import blueprint, operation
from hub.crm.documents import plain
from hub.flow import poll
from hub.store.lists import ops

runs = blueprint("runs", "operations", "Polls, refused requests and reconciliations")
STATUSES: Final = ("queued", "running", "succeeded", "failed", "held")
_ID = "<int(max=9223372036854775807):run_id>"


class RunSchema(Schema):
    """One poll of one stream."""

    id = fields.Integer(required=True)
    connection = fields.String(required=True)
    stream = fields.String(required=True)
    trigger = fields.String(required=True)
    status = one_of(STATUSES, required=True)
    created_at = time_shown()
    started_at = time_shown()
    finished_at = time_shown()
    rows_read = fields.Integer(required=True)
    rows_created = fields.Integer(required=True)
    rows_changed = fields.Integer(required=True)
    rows_removed = fields.Integer(required=True)
    rows_rejected = fields.Integer(required=True)
    rows_warned = fields.Integer(required=True)
    error_code = shown()
    error_message = shown()
    held_reason = shown()
    approved_by = shown()


class IssueSchema(Schema):
    """A row of a run that could not be stored (rejected), or a field of it (warning)."""

    id = fields.Integer(required=True)
    kind = fields.String(required=True, metadata={"description": "rejected or warning"})
    place = fields.String(required=True)
    message = fields.String(required=True)
    row = fields.String(required=True)


class WholeRunSchema(RunSchema):
    """A sync run with its first 500 issues."""

    issues = fields.List(fields.Nested(IssueSchema), required=True)


class RejectionSchema(Schema):
    """Requests refused for one cause."""

    id = fields.Integer(required=True)
    connection = fields.String(required=True)
    cause = fields.String(required=True)
    message = fields.String(required=True)
    first_at = time_shown()
    last_at = time_shown()
    count = fields.Integer(required=True)
    remote_addr = fields.String(required=True)
    sample = fields.String(required=True)


class ReconciliationSchema(Schema):
    """What the other side says of a day, and what the hub has."""

    id = fields.Integer(required=True)
    connection = fields.String(required=True)
    day = fields.String(required=True)
    theirs = fields.Integer(required=True)
    ours = fields.Integer(required=True)
    recovered = fields.Integer(required=True)
    unexplained = fields.Integer(required=True)
    details = table_shown()
    created_at = time_shown()


class ConnectionQuery(PageQuery):
    """A page, of one connection or all."""

    connection = Text()


class RunQuery(ConnectionQuery):
    """A page of sync runs."""

    stream = Text()
    status = one_of(STATUSES)


class RunBody(Strict):
    """Which stream to poll now."""

    connection = Text(required=True)
    stream = Text(required=True)


@operation(runs, "GET", "/sync-runs", list_of("RunList", RunSchema), query=RunQuery)
def list_sync_runs(query: dict[str, Any]) -> dict[str, Any]:
    """Sync runs, newest first."""
    page = ops.list_sync_runs(store().database, **query)
    return {"items": plain(page.items), "next_cursor": page.next_cursor}


@operation(runs, "GET", f"/sync-runs/{_ID}", WholeRunSchema, errors=(404,))
def get_sync_run(run_id: int) -> Any:
    """One sync run with the rows it could not store."""
    return _shown(run_id)


@operation(runs, "POST", "/sync-runs", WholeRunSchema, body=RunBody, status=201)
def start_sync_run(body: dict[str, Any]) -> Any:
    """Ask for a poll now; gives the run that is queued already when there is one."""
    run_id = poll.request_run(store(), body["connection"], body["stream"], "person")
    log_deed("started", "sync_run", run_id, body)
    return _shown(run_id)


@operation(runs, "POST", f"/sync-runs/{_ID}/approve", WholeRunSchema, status=201, errors=(404, 409))
def approve_sync_run(run_id: int) -> Any:
    """Let a held snapshot through; gives the run that applies it."""
    _shown(run_id)
    new_id = poll.approve_run(store(), run_id, token().actor)
    log_deed("approved", "sync_run", run_id)
    return _shown(new_id)


@operation(
    runs, "GET", "/rejections", list_of("RejectionList", RejectionSchema), query=ConnectionQuery
)
def list_rejections(query: dict[str, Any]) -> dict[str, Any]:
    """Requests refused before they became events, by cause, the latest refusal first."""
    page = ops.list_rejections(store().database, **query)
    return {"items": plain(page.items), "next_cursor": page.next_cursor}


@operation(
    runs,
    "GET",
    "/reconciliations",
    list_of("ReconciliationList", ReconciliationSchema),
    query=ConnectionQuery,
)
def list_reconciliations(query: dict[str, Any]) -> dict[str, Any]:
    """What the other side says and what the hub has, per connection and day."""
    page = ops.list_reconciliations(store().database, **query)
    return {"items": plain(page.items), "next_cursor": page.next_cursor}


def _shown(run_id: int) -> Any:
    row = ops.get_sync_run(store().database, run_id)
    if row is None:
        abort(404, "There is no such sync run.")
    return plain(row)

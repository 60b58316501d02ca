"""The inbox: events, one event with all that became of it, replay."""

from __future__ import annotations

import base64
from typing import Any, Final

from marshmallow import Schema, ValidationError, fields, validate, validates_schema
from werkzeug.exceptions import abort

from hub.api.access import log_deed, store, token
from hub.api.fields import (
    Moment,
    PageQuery,
    Strict,
    Text,
    an_id,
    given,
    list_of,
    one_of,
    shown,
    table_shown,
    time_shown,
)
from hub.api.operation import blueprint, operation
from hub.crm.documents import plain
from hub.flow import find_events, replay
from hub.sdk.errors import ConfigError, Rejected
from hub.store.event_rows import STATUSES
from hub.store.lists import events
from hub.store.lists.event_filters import EventFilters
from hub.store.lists.paging import Row

inbox = blueprint("events", "operations", "What was received, and what became of it")
STEPS: Final = ("parse", "map", "upsert", "deliver")
MAX_REPLAYED: Final = 10_000
_ID = "<int(max=9223372036854775807):event_id>"


class EventSchema(Schema):
    """An event, without its body."""

    id = fields.Integer(required=True)
    connection = fields.String(required=True)
    key = fields.String(required=True)
    ordering_key = fields.String(required=True)
    type = fields.String(required=True)
    status = one_of(STATUSES, required=True)
    received_at = time_shown()
    finished_at = time_shown()
    retry_at = time_shown()
    attempts = fields.Integer(required=True)
    error_code = shown()
    error_message = shown()
    size_bytes = fields.Integer(required=True)


class RequestSchema(Schema):
    """The request as it was received, secrets masked."""

    method = fields.String(required=True)
    path = fields.String(required=True)
    query = fields.String(required=True)
    headers = fields.List(fields.List(fields.String()), required=True)
    remote_addr = fields.String(required=True)
    body = shown(metadata={"description": "The body as UTF-8 text; null when it is none."})
    body_base64 = shown(metadata={"description": "The body when it is not UTF-8 text."})


class AttemptSchema(Schema):
    """One try at an event or a delivery."""

    id = fields.Integer(required=True)
    number = fields.Integer(required=True)
    outcome = fields.String(required=True)
    step = fields.String(required=True)
    started_at = time_shown()
    duration_ms = fields.Integer(required=True)
    error_code = shown()
    error_message = shown()
    status_code = shown(fields.Integer)
    request = shown()
    reply = shown()
    replay_id = shown(fields.Integer)


class ChangeSchema(Schema):
    """What an event changed in one record: {field: [before, after]}."""

    id = fields.Integer(required=True)
    entity = fields.String(required=True)
    record_id = fields.Integer(required=True)
    action = fields.String(required=True)
    fields_changed = table_shown()
    at = time_shown()


class ReplaySchema(Schema):
    """A replay that ran the event again."""

    id = fields.Integer(required=True)
    created_at = time_shown()
    step = fields.String(required=True)
    reason = fields.String(required=True)
    event_count = fields.Integer(required=True)


class WholeEventSchema(EventSchema):
    """An event with its request, attempts, changes and replays."""

    request = fields.Nested(RequestSchema, required=True, allow_none=True)
    attempt_list = fields.List(fields.Nested(AttemptSchema), required=True)
    changes = fields.List(fields.Nested(ChangeSchema), required=True)
    replays = fields.List(fields.Nested(ReplaySchema), required=True)


class _Filter(Strict):
    connection = Text()
    status = one_of(STATUSES)
    type = Text()
    error_code = Text()
    error_message = Text(metadata={"description": "How the error's message begins."})
    key = Text()
    since = Moment(metadata={"description": "Received at this moment or later."})
    until = Moment(metadata={"description": "Received before this moment."})


class EventQuery(PageQuery, _Filter):
    """A page of events, also by what stands in their bodies.

    Bodies are read, a bounded number to a page: with `text` or `path` a page may be empty and
    still have a `next_cursor`, behind which the look goes on.
    """

    text = Text(max_length=200, metadata={"description": "Stands somewhere in the body."})
    path = Text(max_length=200, metadata={"description": "A JMESPath that finds something."})
    equals = Text(max_length=200, metadata={"description": "What `path` must find."})

    @validates_schema
    def value_of_a_path(self, data: dict[str, Any], **_options: Any) -> None:
        """What must be found needs a place to look at."""
        if data.get("equals") and not data.get("path"):
            raise ValidationError("Give `path` too: where this value stands.", "equals")


class ReplayBody(Strict):
    """From which step to run an event again, and why."""

    step = one_of(STEPS, load_default="parse")
    reason = Text(load_default="", max_length=2000)


class ReplayManyBody(Strict):
    """Which events to run again (ids, or a filter), from which step, and why."""

    step = one_of(STEPS, load_default="parse")
    reason = Text(required=True, max_length=2000)
    ids = fields.List(an_id(), validate=validate.Length(min=1, max=MAX_REPLAYED))
    filter = fields.Nested(_Filter)

    @validates_schema
    def one_choice(self, data: dict[str, Any], **_options: Any) -> None:
        """Either ids or a filter that is not empty."""
        if bool(data.get("ids")) == bool(data.get("filter")):
            raise ValidationError("Give either ids or a filter with at least one condition.")


class ReplayedSchema(Schema):
    """A replay just asked for."""

    replay_id = shown(fields.Integer)
    count = fields.Integer(required=True)


def secrets_of(connection_id: int) -> list[str]:
    """Every secret of a connection: what no answer may show."""
    configured = store().catalog.by_id(connection_id)
    if configured is None:
        return []
    secrets = configured.connection.secrets
    return [value for name in secrets for value in secrets.all(name)]


def _event(row: Row) -> dict[str, Any]:
    made: dict[str, Any] = plain({**row, "key": row["event_key"]})
    return made


def _request(request: Row | None) -> dict[str, Any] | None:
    if request is None:
        return None
    raw: bytes = request["body"]
    try:
        text, encoded = raw.decode(), None
    except UnicodeDecodeError:
        text, encoded = None, base64.b64encode(raw).decode()
    return {**request, "body": text, "body_base64": encoded}


@operation(inbox, "GET", "/events", list_of("EventList", EventSchema), query=EventQuery)
def list_events(query: dict[str, Any]) -> dict[str, Any]:
    """Events, newest first."""
    database, filters = store().database, _filters(query)
    if filters.looks_inside:
        return _searched(filters, query)
    page = events.list_events(database, filters, query["limit"], query["cursor"])
    return {"items": [_event(row) for row in page.items], "next_cursor": page.next_cursor}


def _searched(filters: EventFilters, query: dict[str, Any]) -> dict[str, Any]:
    """Events by what stands in their bodies."""
    try:
        find_events.tester(filters)
    except Rejected as error:
        raise ConfigError(error.message, place="path") from None
    page = find_events.search(
        store().database, filters, query["limit"], query["cursor"], further=True
    )
    return {"items": [_event(row) for row in page.items], "next_cursor": page.next_cursor}


@operation(inbox, "GET", f"/events/{_ID}", WholeEventSchema, errors=(404,))
def get_event(event_id: int) -> dict[str, Any]:
    """One event: what came, every try, what it changed."""
    database = store().database
    plainly = _found(event_id)
    row = events.get_event(database, event_id, secrets_of(plainly["connection_id"])) or plainly
    log_deed("viewed", "event", event_id)
    shown_changes = [{**one, "fields_changed": one["fields"]} for one in row["changes"]]
    request = _request(row.pop("request"))
    return {**_event({**row, "changes": shown_changes}), "request": request}


@operation(
    inbox, "POST", f"/events/{_ID}/replay", ReplayedSchema, body=ReplayBody, errors=(404, 409)
)
def replay_event(body: dict[str, Any], event_id: int) -> dict[str, Any]:
    """Run one event again from the named step."""
    _found(event_id)
    return _replay([event_id], body)


@operation(inbox, "POST", "/events/replay", ReplayedSchema, body=ReplayManyBody, errors=(404, 409))
def replay_events(body: dict[str, Any]) -> dict[str, Any]:
    """Run many events again, at most 10 000 at a time, the oldest first."""
    if body.get("ids"):
        known = events.known_ids(store().database, body["ids"])
        missing = sorted(set(body["ids"]) - set(known))
        if missing:
            abort(404, f"There is no event {missing[0]}.")
        return _replay(sorted(known), body)
    ids = events.event_ids(store().database, _filters(body["filter"]), MAX_REPLAYED)
    return _replay(ids, body) if ids else {"replay_id": None, "count": 0}


def _replay(ids: list[int], body: dict[str, Any]) -> dict[str, Any]:
    step, reason = body["step"], body["reason"]
    replay_id = replay.replay_events(store(), ids, step, token().actor, reason)
    return {"replay_id": replay_id, "count": len(ids)}


def _filters(query: dict[str, Any]) -> EventFilters:
    names = ("connection", "status", "type", "error_code", "error_message", "key")
    inside = ("text", "path", "equals")
    return EventFilters(**given(query, *names, *inside, "since", "until"))


def _found(event_id: int) -> Row:
    row = events.find_event(store().database, event_id)
    if row is None:
        abort(404, "There is no such event.")
    return row

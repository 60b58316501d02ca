"""Deliveries: what must be brought to other systems, every try, run again."""

from __future__ import annotations

from typing import Any, Final

from marshmallow import Schema, fields
from werkzeug.exceptions import abort

from hub.api.access import log_deed, store, token
from hub.api.documents import PATHS
from hub.api.events import AttemptSchema, secrets_of
from hub.api.fields import PageQuery, Text, list_of, one_of, query_id, shown, time_shown
from hub.api.operation import blueprint, operation
from hub.crm.documents import plain
from hub.flow import deliver
from hub.store.lists import ops

outgoing = blueprint("deliveries", "operations", "What is brought to other systems")
STATUSES: Final = ("pending", "delivered", "waiting", "paused", "dead")
_ID = "<int(max=9223372036854775807):delivery_id>"


class DeliverySchema(Schema):
    """The duty to bring one change to one destination."""

    id = fields.Integer(required=True)
    connection = fields.String(required=True, metadata={"description": "The destination."})
    entity = fields.String(required=True)
    record_id = fields.Integer(required=True)
    event_type = fields.String(required=True)
    delivery_key = fields.String(required=True)
    status = one_of(STATUSES, required=True)
    created_at = time_shown()
    changed_at = time_shown()
    due_at = time_shown()
    finished_at = time_shown()
    attempts = fields.Integer(required=True)
    is_deleted = fields.Boolean(required=True)
    event_id = shown(fields.Integer)
    error_code = shown()
    error_message = shown()


class WholeDeliverySchema(DeliverySchema):
    """A delivery with every try."""

    attempt_list = fields.List(fields.Nested(AttemptSchema), required=True)


class DeliveryQuery(PageQuery):
    """A page of deliveries."""

    connection = Text()
    status = one_of(STATUSES)
    entity = one_of(tuple(PATHS))
    record_id = query_id()


@operation(
    outgoing,
    "GET",
    "/deliveries",
    list_of("DeliveryList", DeliverySchema),
    query=DeliveryQuery,
)
def list_deliveries(query: dict[str, Any]) -> dict[str, Any]:
    """Deliveries, newest first.

    A destination that had records of a person who is erased is owed one of the event type
    `contact.erased` for each of their contacts: the id alone, no personal data.
    """
    page = ops.list_deliveries(store().database, **query)
    return {"items": plain(page.items), "next_cursor": page.next_cursor}


@operation(outgoing, "GET", f"/deliveries/{_ID}", WholeDeliverySchema, errors=(404,))
def get_delivery(delivery_id: int) -> Any:
    """One delivery with every try."""
    return _shown(delivery_id)


@operation(outgoing, "POST", f"/deliveries/{_ID}/replay", WholeDeliverySchema, errors=(404, 409))
def replay_delivery(delivery_id: int) -> Any:
    """Make a delivery run again."""
    _shown(delivery_id)
    deliver.replay_delivery(store(), delivery_id, token().actor)
    log_deed("replayed", "delivery", delivery_id)
    return _shown(delivery_id)


def _shown(delivery_id: int) -> Any:
    row = ops.get_delivery(store().database, delivery_id)
    if row is None:
        abort(404, "There is no such delivery.")
    return plain(ops.get_delivery(store().database, delivery_id, secrets_of(row["connection_id"])))

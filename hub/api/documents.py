"""Schemas of the records' documents, made from the same tables as the documents themselves."""

from __future__ import annotations

from typing import Any, Final

from marshmallow import Schema, fields, validate

from hub.api.fields import shown, table_shown, time_shown
from hub.crm.documents import FIELDS, OF_CONTACT, OF_TASK, STAGED
from hub.crm.order_state import KINDS
from hub.sdk import entities

#: {entity: its name in URLs}
PATHS: Final = {
    "contact": "contacts",
    "company": "companies",
    "lead": "leads",
    "deal": "deals",
    "order": "orders",
    "product": "products",
    "stock": "stock",
    "call": "calls",
    "message": "messages",
    "task": "tasks",
}
_DECIMAL: Final = {"description": "An exact decimal as text.", "pattern": r"^-?\d+(\.\d+)?$"}
_CHOICES: Final = {
    ("call", "direction"): entities.CALL_DIRECTIONS,
    ("call", "status"): entities.CALL_STATUSES,
}


class Document(Schema):
    """A record's document. `hub.crm.documents` makes it as JSON has it; here it is described.

    marshmallow would go through its forty fields once more and change none: a tenth of the time of
    a record's answer, and more of a list's.
    """

    def dump(self, obj: Any, *, many: bool | None = None) -> Any:
        """The document as it is."""
        return obj


class OriginSchema(Schema):
    """Who set a field, and when: an event, a sync run, a person or a delivery's receipt."""

    event = fields.Integer()
    run = fields.Integer()
    user = fields.Integer(allow_none=True, metadata={"description": "Null: an API token."})
    delivery = fields.Integer(metadata={"description": "What a destination said in return."})
    at = time_shown()


class LineSchema(Schema):
    """A line of an order."""

    external_id = shown()
    sku = shown()
    name = shown()
    product_external_id = shown()
    quantity = shown(metadata=_DECIMAL)
    price = shown(metadata=_DECIMAL)
    total = shown(metadata=_DECIMAL)


def document_schema(entity: str) -> type[Schema]:
    """The schema of an entity's document."""
    made: dict[str, fields.Field[Any]] = {
        "id": fields.Integer(required=True),
        "connection": shown(),
    }
    if entity != "stock":
        made["external_id"] = shown()
    for name in FIELDS[entity]:
        made[name] = _field(entity, name, entities.ENTITIES[entity][name])
    if entity in OF_CONTACT:
        made["contact_id"] = shown(fields.Integer)
    if entity == "message":
        made["thread_key"] = shown()
    if entity == "task":
        made |= _of_task()
    if entity in STAGED:
        made["stage"] = shown(
            metadata={"description": "In the hub's own work; its source's word is `status`."}
        )
    if entity == "order":
        made["differs"] = fields.List(
            fields.String(validate=validate.OneOf(KINDS)),
            required=True,
            metadata={"description": "In what the shop and the accounting system differ."},
        )
    if entity == "contact":
        made["last_activity_at"] = time_shown()
        made["merged_into_id"] = shown(fields.Integer)
    if entity != "stock":
        made["created_at"] = time_shown()
        made["deleted_at"] = time_shown()
        made["origins"] = fields.Dict(
            keys=fields.String(), values=fields.Nested(OriginSchema), required=True
        )
        made["extra"] = table_shown()
    made["updated_at"] = time_shown()
    if entity == "stock":
        made |= _of_level()
    return Document.from_dict(dict(made), name=entity.capitalize())


def _of_task() -> dict[str, fields.Field[Any]]:
    """What the hub itself knows of a task."""
    whole, moment = ("missed_count", "attempt_count"), ("first_missed_at", "last_missed_at")
    made: dict[str, fields.Field[Any]] = {}
    for name in OF_TASK:
        is_whole = name in whole or name.endswith("_id")
        made[name] = shown(fields.Integer) if is_whole else shown()
        if name in moment:
            made[name] = time_shown()
    made["kind"] = shown(metadata={"description": "call_back: made from missed calls."})
    return made


def _of_level() -> dict[str, fields.Field[Any]]:
    """What the hub itself knows of a stock level."""
    return {
        "product_id": shown(fields.Integer),
        "is_owner": fields.Boolean(
            required=True,
            metadata={"description": "Counts, where several tell of one product and warehouse."},
        ),
        "low_threshold": shown(metadata=_DECIMAL),
        "is_low": fields.Boolean(required=True),
        "run_id": shown(fields.Integer, metadata={"description": "The run that set it."}),
        "event_id": shown(fields.Integer, metadata={"description": "The event that set it."}),
        "removed_at": shown(metadata={"format": "date-time"}),
    }


def _field(entity: str, name: str, kind: str) -> fields.Field[Any]:
    if name in {"phones", "emails"}:
        return fields.List(fields.String(), required=True)
    if name == "lines":
        return fields.List(fields.Nested(LineSchema), required=True)
    if kind == entities.JSON:
        return fields.List(fields.Raw(), required=True)
    if kind in {entities.MONEY, entities.QUANTITY}:
        return shown(metadata=_DECIMAL)
    if kind == entities.TIME:
        return time_shown()
    if kind == entities.INTEGER:
        return shown(fields.Integer)
    if kind == entities.BOOLEAN:
        return shown(fields.Boolean)
    choices = _CHOICES.get((entity, name))
    return shown(validate=validate.OneOf(choices)) if choices else shown()


DOCUMENTS: Final = {entity: document_schema(entity) for entity in PATHS}

"""CRM records: list, one, and what people may change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from flask import redirect, request
from marshmallow import Schema, ValidationError, fields, validates_schema
from werkzeug.exceptions import abort

from hub.api.access import log_deed, store, token
from hub.api.documents import DOCUMENTS, PATHS
from hub.api.fields import (
    EmailText,
    Moment,
    PageQuery,
    Phone,
    Strict,
    Text,
    an_id,
    given,
    list_of,
    one_of,
    query_id,
)
from hub.api.operation import API_PREFIX, blueprint, operation
from hub.api.repeats import made_once
from hub.crm import edit, tasks
from hub.crm.documents import OF_CONTACT, document
from hub.crm.order_state import KINDS
from hub.flow.recording import fresh_link, is_heard_here
from hub.flow.sinks import sinks_of_people
from hub.flow.stock_out import priority_of
from hub.sdk import entities
from hub.sdk.errors import ConfigError
from hub.store.lists import record_filters, records
from hub.store.lists.paging import Row
from hub.store.lists.record_filters import ANY_DIFFERENCE
from hub.store.lists.stock import mark_owners

crm = blueprint("crm", "crm", "Contacts and all that hangs on them")

#: {entity: columns a list can be narrowed by, with the values where they are few}
NARROWED: Final[dict[str, dict[str, tuple[str, ...]]]] = {
    "contact": {"manager": ()},
    "company": {"manager": (), "inn": ()},
    "lead": {"manager": (), "status": (), "channel": (), "stage": ()},
    "deal": {"manager": (), "stage": ()},
    "order": {"manager": (), "status": (), "number": (), "stage": (), "channel": ()},
    "product": {"sku": (), "barcode": ()},
    "stock": {"sku": (), "warehouse": (), "product_external_id": (), "variant": ()},
    "call": {
        "manager": (),
        "status": entities.CALL_STATUSES,
        "direction": entities.CALL_DIRECTIONS,
        "line_number": (),
    },
    "message": {"manager": (), "direction": (), "kind": entities.MESSAGE_KINDS, "thread_key": ()},
    "task": {"manager": (), "kind": ("call_back",), "number": ()},
}
_NAME = {"allow_none": True}
_TEXTS: Final = {
    "contact": ("name", "company_name", "position", "inn", "city", "address", "manager"),
    "company": ("name", "legal_name", "inn", "kpp", "address", "manager"),
    "lead": ("status", "manager", "stage"),
    "deal": ("title", "stage", "manager"),
    "order": ("manager", "stage"),
    "call": ("manager",),
    "message": ("manager",),
    "task": ("title", "manager"),
}
_TIMES: Final = {"task": ("due_at", "done_at"), "deal": ("closed_at",)}
_COMMENTED: Final = frozenset({"contact", "company", "lead", "deal", "order", "task"})
_WITH_POINTS: Final = frozenset({"contact", "company"})


def _query_schema(entity: str) -> type[Schema]:
    made: dict[str, fields.Field[Any]] = {
        "connection": Text(metadata={"description": "A connection's name."}),
        "external_id": Text(),
        "updated_since": Moment(metadata={"description": "Changed at this moment or later."}),
        "q": Text(max_length=200, metadata={"description": "Any part of name, phone, number, SKU"}),
    }
    if entity in OF_CONTACT or entity in _WITH_POINTS:
        made["phone"] = Text(max_length=100, metadata={"description": "In any spelling."})
        made["email"] = Text(max_length=320)
    if entity in OF_CONTACT:
        made["contact_id"] = query_id()
    if entity in record_filters.OCCURRED:
        name = record_filters.OCCURRED[entity]
        made["since"] = Moment(metadata={"description": f"`{name}` at this moment or later."})
        made["until"] = Moment(metadata={"description": f"`{name}` before this moment."})
    made["deleted"] = fields.Boolean(metadata={"description": "Deleted records too."})
    if entity == "order":
        made["differs"] = one_of(
            (ANY_DIFFERENCE, *KINDS), metadata={"description": "Shop and accounts differ in it."}
        )
    if entity == "stock":
        made["low"] = fields.Boolean(metadata={"description": "At the threshold or below."})
    for name, values in NARROWED[entity].items():
        made[name] = one_of(values) if values else Text()
        if name == "manager":
            made["no_manager"] = fields.Boolean(metadata={"description": "Those of nobody."})
    return PageQuery.from_dict(dict(made), name=f"{entity.capitalize()}Query")


def _changes(entity: str) -> dict[str, fields.Field[Any]]:
    made: dict[str, fields.Field[Any]] = {name: Text(**_NAME) for name in _TEXTS[entity]}
    if entity in _COMMENTED:
        made["comment"] = Text(max_length=20_000, allow_none=True)
    for name in _TIMES.get(entity, ()):
        made[name] = Moment(allow_none=True)
    if entity in _WITH_POINTS:
        made["phone"] = Phone(max_length=100, allow_none=True)
        made["email"] = EmailText(allow_none=True)
    return made


def _change_schema(entity: str) -> type[Schema]:
    return Strict.from_dict(dict(_changes(entity)), name=f"{entity.capitalize()}Changes")


class NewTaskSchema(Strict.from_dict(dict(_changes("task")), name="_TaskFields")):  # type: ignore[misc]  # marshmallow makes the base at run time
    """A task to add."""

    title = Text(required=True, max_length=500)
    contact_id = an_id(allow_none=True)

    class Meta(Strict.Meta):
        """Unknown names are errors."""


class NewContactSchema(Strict.from_dict(dict(_changes("contact")), name="_ContactFields")):  # type: ignore[misc]  # marshmallow makes the base at run time
    """A contact to add."""

    class Meta(Strict.Meta):
        """Unknown names are errors."""

    @validates_schema
    def someone(self, data: Mapping[str, Any], **_options: Any) -> None:
        """A contact needs something to be known by."""
        if not any(data.get(name) for name in ("name", "phone", "email")):
            raise ValidationError("Give a name, a phone or an e-mail.")


def filters_of(entity: str, query: Mapping[str, Any]) -> record_filters.RecordFilters:
    """The list filters that a checked query string asks for."""
    equal = [(name, query[name]) for name in NARROWED[entity] if query.get(name)]
    if query.get("no_manager"):
        equal.append(("manager", None))
    return record_filters.RecordFilters(
        **given(
            query,
            *("phone", "email", "external_id", "connection", "updated_since", "q"),
            *("contact_id", "since", "until", "deleted", "low", "differs"),
        ),
        equal=tuple(equal),
        phone_region=store().settings.phone_region,
    )


def shown(entity: str, row: Row) -> dict[str, Any]:
    """A row's document. A recording that the provider keeps is heard through the hub."""
    made = document(entity, row, {row["connection_id"] or 0: row["connection"]})
    if entity == "call" and not made["recording_url"] and is_heard_here(store(), row):
        made["recording_url"] = f"{request.url_root}{API_PREFIX[1:]}/calls/{row['id']}/recording"
    return made


def found(entity: str, record_id: int) -> Row:
    """The record, or 404."""
    row = records.get_record(store().database, entity, record_id)
    if row is None:
        abort(404, "There is no such record.")
    if entity == "stock":
        mark_owners(store().database, [row], priority_of(store()))
    return row


def _declare_list(entity: str, path: str) -> None:
    schema, answer = _query_schema(entity), list_of(f"{entity}-list", DOCUMENTS[entity])

    @operation(crm, "GET", f"/{path}", answer, query=schema, endpoint=f"list_{path}")
    def list_records(query: dict[str, Any]) -> dict[str, Any]:
        """Records, newest first; with `updated_since` the last changed first."""
        page = records.list_records(
            store().database, entity, filters_of(entity, query), query["limit"], query["cursor"]
        )
        if entity == "stock":
            mark_owners(store().database, page.items, priority_of(store()))
        if entity == "contact":
            log_deed("listed", "contact", "", {"ids": [row["id"] for row in page.items]})
        return {
            "items": [shown(entity, row) for row in page.items],
            "next_cursor": page.next_cursor,
        }


def _declare_one(entity: str, path: str) -> None:
    @operation(
        crm,
        "GET",
        f"/{path}/<int(max=9223372036854775807):record_id>",
        DOCUMENTS[entity],
        endpoint=f"get_{entity}",
        errors=(404,),
    )
    def get_record(record_id: int) -> dict[str, Any]:
        """One record, deleted or not; a merged contact has `merged_into_id`."""
        row = found(entity, record_id)
        if entity == "contact":
            log_deed("viewed", "contact", record_id)
        return shown(entity, row)


def _declare_change(entity: str, path: str) -> None:
    @operation(
        crm,
        "PATCH",
        f"/{path}/<int(max=9223372036854775807):record_id>",
        DOCUMENTS[entity],
        body=_change_schema(entity),
        endpoint=f"change_{entity}",
        errors=(404, 409),
    )
    def change_record(body: dict[str, Any], record_id: int) -> dict[str, Any]:
        """Change what people edit; their word stands over every source."""
        row = found(entity, record_id)
        if row.get("merged_into_id"):
            abort(409, f"The contact was merged into {row['merged_into_id']}.")
        if body:
            actor = token().actor
            if entity == "task" and "done_at" in body:
                body |= tasks.word_of(body["done_at"], actor)
            edit.edit_record(store(), entity, record_id, body, actor, None, _told(entity))
        return shown(entity, found(entity, record_id))


for _entity, _path in PATHS.items():
    _declare_list(_entity, _path)
    _declare_one(_entity, _path)
    if _entity in _TEXTS:
        _declare_change(_entity, _path)


def _told(entity: str) -> list[int]:
    """The destinations that learn of a person's change: of tasks, which are theirs to keep up."""
    return sinks_of_people(entity, store().catalog.all()) if entity == "task" else []


def _created(entity: str, body: dict[str, Any]) -> tuple[dict[str, Any], int, dict[str, str]]:
    actor, told = token().actor, _told(entity)
    record_id = made_once(
        lambda also: edit.create_record(store(), entity, body, actor, None, told, also)
    )
    location = f"{API_PREFIX}/{PATHS[entity]}/{record_id}"
    return shown(entity, found(entity, record_id)), 201, {"Location": location}


@operation(
    crm, "POST", "/contacts", DOCUMENTS["contact"], body=NewContactSchema, status=201, errors=(409,)
)
def create_contact(body: dict[str, Any]) -> Any:
    """Add a contact."""
    return _created("contact", body)


@operation(crm, "POST", "/tasks", DOCUMENTS["task"], body=NewTaskSchema, status=201, errors=(409,))
def create_task(body: dict[str, Any]) -> Any:
    """Add a task, for a contact or for nobody in particular."""
    contact_id = body.get("contact_id")
    if contact_id and records.get_record(store().database, "contact", contact_id) is None:
        raise ConfigError("there is no such contact", place="contact_id")
    return _created("task", body)


@operation(
    crm,
    "GET",
    "/calls/<int(max=9223372036854775807):record_id>/recording",
    Schema,
    endpoint="get_recording",
    status=302,
    errors=(404, 409, 503),
)
def get_recording(record_id: int) -> Any:
    """On to the sound of the call's recording, at an address that is good for one listening."""
    address = fresh_link(store(), found("call", record_id))
    log_deed("viewed", "recording", record_id)
    return redirect(address)

"""A contact's timeline and notes, calls back to them, merges, possible duplicates."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields

from hub.api.access import log_deed, store, token
from hub.api.documents import DOCUMENTS
from hub.api.fields import (
    EmailText,
    PageQuery,
    Strict,
    Text,
    an_id,
    list_of,
    one_of,
    query_id,
    shown,
    table_shown,
    time_shown,
)
from hub.api.operation import blueprint, operation
from hub.api.records import crm, found
from hub.api.records import shown as shown_record
from hub.api.repeats import made_once
from hub.crm import merges, notes
from hub.crm.documents import OF_CONTACT, plain
from hub.crm.notes import MAX_CHARACTERS
from hub.flow import call_out
from hub.store.lists import people
from hub.store.lists.timeline import contact_timeline

merging = blueprint("merges", "merges", "One person known twice: merge, undo, look through")
_ID = "<int(max=9223372036854775807):{}>"


class EntrySchema(Schema):
    """An entry of a timeline."""

    id = fields.Integer(required=True)
    kind = fields.String(required=True)
    record_id = fields.Integer(required=True)
    occurred_at = time_shown()
    connection = shown()
    event_id = shown(fields.Integer)
    summary = table_shown()


class MergeSchema(Schema):
    """Two contacts that became one."""

    id = fields.Integer(required=True)
    kept_id = fields.Integer(required=True)
    merged_id = fields.Integer(required=True)
    kept_name = shown()
    merged_name = shown()
    actor = fields.String(required=True)
    created_at = time_shown()
    undone_at = time_shown()


class MergedSchema(Schema):
    """A merge just made, and the contact that was kept."""

    merge_id = fields.Integer(required=True)
    contact = fields.Nested(DOCUMENTS["contact"], required=True)


class UndoneSchema(Schema):
    """A merge just undone."""

    merge_id = fields.Integer(required=True)
    undone = fields.Boolean(required=True)


class DuplicateSchema(Schema):
    """Two contacts that may be one."""

    id = fields.Integer(required=True)
    contact_id = fields.Integer(required=True)
    other_id = fields.Integer(required=True)
    contact_name = shown()
    other_name = shown()
    reason = fields.String(required=True)
    status = fields.String(required=True)
    event_id = shown(fields.Integer)
    created_at = time_shown()


class NoteSchema(Schema):
    """What somebody wrote on a client; only its author changes it."""

    id = fields.Integer(required=True)
    contact_id = fields.Integer(required=True)
    text = fields.String(required=True)
    author = fields.String(required=True)
    created_at = time_shown()
    updated_at = time_shown()


class NoteBody(Strict):
    """A note to write. Its author is the token."""

    text = Text(required=True, max_length=MAX_CHARACTERS)


class CallBackBody(Strict):
    """Whose phone is to ring first."""

    manager = EmailText(
        required=True, metadata={"description": "The user whose extension rings before the client."}
    )


class RungSchema(Schema):
    """A call that the telephony was asked for."""

    call_id = fields.Integer(required=True)
    manager = fields.String(required=True)
    extension = fields.String(required=True, metadata={"description": "It is ringing."})


class TimelineQuery(PageQuery):
    """A page of a timeline, of one kind of record or all."""

    kind = one_of(tuple(sorted({*OF_CONTACT, "note"})))


class MergesQuery(PageQuery):
    """A page of merges, of one contact or all."""

    contact_id = query_id()


class DuplicatesQuery(PageQuery):
    """A page of possible duplicates."""

    status = one_of(("open", "merged", "dismissed"), load_default="open")


class MergeBody(Strict):
    """The contact to merge into this one."""

    other_id = an_id(required=True)


@operation(
    crm,
    "GET",
    f"/contacts/{_ID.format('contact_id')}/timeline",
    list_of("TimelineList", EntrySchema),
    query=TimelineQuery,
    errors=(404,),
)
def get_timeline(query: dict[str, Any], contact_id: int) -> dict[str, Any]:
    """All that happened with a contact, newest first."""
    row = found("contact", contact_id)
    kinds = [query["kind"]] if query.get("kind") else []
    kept = row["merged_into_id"] or row["id"]
    page = contact_timeline(store().database, kept, kinds, query["limit"], query["cursor"])
    log_deed("viewed", "timeline", contact_id)
    return {"items": plain(page.items), "next_cursor": page.next_cursor}


@operation(
    crm,
    "GET",
    f"/contacts/{_ID.format('contact_id')}/notes",
    list_of("NoteList", NoteSchema),
    query=PageQuery,
    errors=(404,),
)
def list_notes(query: dict[str, Any], contact_id: int) -> dict[str, Any]:
    """What people wrote on a client, newest first; what was taken back is not shown."""
    row = found("contact", contact_id)
    kept = row["merged_into_id"] or row["id"]
    page = people.list_notes(store().database, kept, query["limit"], query["cursor"])
    log_deed("viewed", "notes", contact_id)
    return {"items": plain(page.items), "next_cursor": page.next_cursor}


@operation(
    crm,
    "POST",
    f"/contacts/{_ID.format('contact_id')}/notes",
    NoteSchema,
    body=NoteBody,
    status=201,
    errors=(404, 409),
)
def add_note(body: dict[str, Any], contact_id: int) -> Any:
    """Write a note on a client; it stands in their feed. Sent again with its key, it is written
    once."""
    row = found("contact", contact_id)
    kept = row["merged_into_id"] or row["id"]
    author = token().actor
    note_id = made_once(lambda also: notes.add_note(store(), kept, body["text"], author, also=also))
    return plain(people.get_note(store().database, note_id)), 201


@operation(
    crm,
    "POST",
    f"/calls/{_ID.format('call_id')}/call-back",
    RungSchema,
    body=CallBackBody,
    errors=(404, 409, 503),
    once=True,
)
def call_back(body: dict[str, Any], call_id: int) -> dict[str, Any]:
    """Have the telephony ring a manager and then the call's client.

    Each request rings, unless it is sent again with its key: then the phone has rung once. 409
    where no telephony can ring the manager, or where it refuses.
    """
    row = found("call", call_id)
    extension = call_out.call_back(store(), row, body["manager"])
    log_deed("called back", "call", call_id, {"manager": body["manager"]})
    return {"call_id": call_id, "manager": body["manager"], "extension": extension}


@operation(
    merging,
    "POST",
    f"/contacts/{_ID.format('contact_id')}/merge",
    MergedSchema,
    body=MergeBody,
    errors=(404, 409),
)
def merge_contacts(body: dict[str, Any], contact_id: int) -> dict[str, Any]:
    """Merge the other contact into this one; nothing is deleted, and it can be undone."""
    found("contact", contact_id)
    found("contact", body["other_id"])
    merge_id = merges.merge(store(), contact_id, body["other_id"], token().actor)
    log_deed("merged", "contact", contact_id, {"merged_id": body["other_id"]})
    kept = shown_record("contact", found("contact", contact_id))
    return {"merge_id": merge_id, "contact": kept}


@operation(merging, "GET", "/merges", list_of("MergeList", MergeSchema), query=MergesQuery)
def list_merges(query: dict[str, Any]) -> dict[str, Any]:
    """Merges, newest first."""
    page = people.list_merges(
        store().database, query.get("contact_id"), query["limit"], query["cursor"]
    )
    return {"items": plain(page.items), "next_cursor": page.next_cursor}


@operation(
    merging, "POST", f"/merges/{_ID.format('merge_id')}/undo", UndoneSchema, errors=(404, 409)
)
def undo_merge(merge_id: int) -> dict[str, Any]:
    """Separate two contacts that were merged."""
    merges.unmerge(store(), merge_id, token().actor)
    log_deed("unmerged", "merge", merge_id)
    return {"merge_id": merge_id, "undone": True}


@operation(
    merging,
    "GET",
    "/duplicates",
    list_of("DuplicateList", DuplicateSchema),
    query=DuplicatesQuery,
)
def list_duplicates(query: dict[str, Any]) -> dict[str, Any]:
    """Pairs of contacts that may be one person."""
    page = people.list_duplicates(
        store().database, query["status"], query["limit"], query["cursor"]
    )
    return {"items": plain(page.items), "next_cursor": page.next_cursor}

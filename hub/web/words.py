"""Every status and kind in words, with an icon and a tone: never colour alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from flask import url_for
from flask_babel import lazy_gettext as _l

GOOD, BAD, WARN, INFO, QUIET = "green", "red", "orange", "azure", "secondary"


@dataclass(frozen=True)
class Word:
    """How one value is shown."""

    label: Any
    icon: str
    tone: str = QUIET


WORDS: Final[dict[str, dict[str, Word]]] = {
    "event": {
        "received": Word(_l("received"), "inbox", INFO),
        "done": Word(_l("done"), "check", GOOD),
        "ignored": Word(_l("ignored"), "circle-minus"),
        "waiting": Word(_l("waiting for a retry"), "clock", WARN),
        "dead": Word(_l("dead letter"), "skull", BAD),
    },
    "delivery": {
        "pending": Word(_l("pending"), "clock", INFO),
        "delivered": Word(_l("delivered"), "check", GOOD),
        "waiting": Word(_l("waiting for a retry"), "clock", WARN),
        "paused": Word(_l("paused"), "player-pause", WARN),
        "dead": Word(_l("given up"), "skull", BAD),
    },
    "attempt": {
        "succeeded": Word(_l("succeeded"), "check", GOOD),
        "failed": Word(_l("failed"), "x", BAD),
    },
    "run": {
        "queued": Word(_l("queued"), "clock", INFO),
        "running": Word(_l("running"), "refresh", INFO),
        "succeeded": Word(_l("succeeded"), "check", GOOD),
        "failed": Word(_l("failed"), "x", BAD),
        "held": Word(_l("held for a person"), "hand-stop", WARN),
    },
    "trigger": {
        "schedule": Word(_l("by schedule"), "clock"),
        "person": Word(_l("by a person"), "user"),
        "event": Word(_l("by a notice"), "inbox"),
        "recovery": Word(_l("recovery"), "history"),
        "change": Word(_l("after a change"), "refresh"),
        "upload": Word(_l("by an upload"), "file-text"),
    },
    "connection": {
        "active": Word(_l("active"), "circle-check", GOOD),
        "paused": Word(_l("paused"), "player-pause", WARN),
        "needs_attention": Word(_l("needs attention"), "alert-triangle", BAD),
        "broken": Word(_l("cannot be used"), "alert-circle", BAD),
    },
    "direction": {
        "in": Word(_l("incoming"), "arrow-down-left"),
        "out": Word(_l("outgoing"), "arrow-up-right"),
        "internal": Word(_l("internal"), "refresh"),
    },
    "letter": {
        "in": Word(_l("incoming letter"), "arrow-down-left"),
        "out": Word(_l("outgoing letter"), "arrow-up-right"),
    },
    "call": {
        "answered": Word(_l("answered"), "phone-check", GOOD),
        "missed": Word(_l("missed"), "phone-x", BAD),
        "busy": Word(_l("busy"), "phone-off", WARN),
        "failed": Word(_l("call failed"), "phone-off", WARN),
        "voicemail": Word(_l("voicemail"), "microphone", INFO),
        "": Word(_l("in progress"), "phone", INFO),
    },
    "order": {
        "pending": Word(_l("awaiting payment"), "clock", WARN),
        "processing": Word(_l("processing"), "refresh", INFO),
        "on-hold": Word(_l("on hold"), "player-pause", WARN),
        "completed": Word(_l("completed"), "check", GOOD),
        "cancelled": Word(_l("cancelled"), "ban"),
        "refunded": Word(_l("refunded"), "arrow-back-up"),
        "failed": Word(_l("payment failed"), "x", BAD),
    },
    "message": {
        "mail": Word(_l("letter"), "mail"),
        "auto_reply": Word(_l("auto-reply"), "mail"),
        "bounce": Word(_l("not delivered"), "alert-circle", BAD),
        "bulk": Word(_l("mailing"), "mail"),
    },
    "stock": {
        "fresh": Word(_l("up to date"), "circle-check", GOOD),
        "stale": Word(_l("out of date"), "alert-triangle", BAD),
        "never": Word(_l("not loaded yet"), "clock", WARN),
    },
    "duplicate": {
        "open": Word(_l("to be judged"), "question-mark", WARN),
        "merged": Word(_l("merged"), "git-merge", GOOD),
        "dismissed": Word(_l("different people"), "x"),
    },
    "action": {
        "created": Word(_l("created"), "circle-check", GOOD),
        "updated": Word(_l("changed"), "refresh", INFO),
        "deleted": Word(_l("deleted"), "trash", BAD),
    },
    "error": {
        "error": Word(_l("failure"), "alert-triangle", BAD),
        "payload": Word(_l("data not understood"), "file-text", BAD),
        "mapping": Word(_l("a field cannot be filled"), "file-text", BAD),
        "mapping_config": Word(_l("the mapping is wrong"), "alert-circle", BAD),
        "signature": Word(_l("the signature is wrong"), "shield-x", WARN),
        "too_large": Word(_l("the body is too large"), "alert-circle", WARN),
        "ignored": Word(_l("nothing to keep"), "circle-minus"),
        "retry_later": Word(_l("the other system is not ready"), "clock", WARN),
        "not_called": Word(_l("the other system was left alone"), "clock", WARN),
        "auth": Word(_l("the keys were refused"), "key", BAD),
        "rejected": Word(_l("the data was refused"), "x", BAD),
        "config": Word(_l("a setting is wrong"), "alert-circle", BAD),
        "address": Word(_l("the address is not allowed"), "ban", BAD),
        "bug": Word(_l("a bug in the code"), "alert-triangle", BAD),
        "poison": Word(_l("it crashes the worker"), "skull", BAD),
    },
    "role": {
        "admin": Word(_l("administrator"), "key"),
        "head": Word(_l("head of sales"), "briefcase"),
        "manager": Word(_l("manager"), "user"),
        "auditor": Word(_l("auditor, reads only"), "search"),
    },
}

ENTITIES: Final[dict[str, Word]] = {
    "contact": Word(_l("Client"), "user"),
    "company": Word(_l("Company"), "building"),
    "lead": Word(_l("Lead"), "user-plus"),
    "deal": Word(_l("Deal"), "briefcase"),
    "order": Word(_l("Order"), "shopping-cart"),
    "product": Word(_l("Product"), "package"),
    "stock": Word(_l("Stock"), "package"),
    "call": Word(_l("Call"), "phone"),
    "message": Word(_l("Message"), "mail"),
    "task": Word(_l("Task"), "checkbox"),
}

FIELDS: Final[dict[str, Any]] = {
    "name": _l("Name"),
    "phone": _l("Phone"),
    "email": _l("E-mail"),
    "company_name": _l("Company"),
    "position": _l("Position"),
    "inn": _l("INN"),
    "city": _l("City"),
    "address": _l("Address"),
    "comment": _l("Comment"),
    "manager": _l("Manager"),
    "external_id": _l("Id in the source"),
    "sku": _l("SKU"),
    "product_name": _l("Product"),
    "product_external_id": _l("Product's id in the source"),
    "warehouse": _l("Warehouse"),
    "quantity": _l("Quantity"),
    "reserved": _l("Reserved"),
    "available": _l("Available"),
    "price": _l("Price"),
    "variant": _l("Variant"),
    "variant_external_id": _l("Variant's id in the source"),
    "warehouse_external_id": _l("Warehouse's id in the source"),
    "parent_external_id": _l("Parent product's id"),
    "barcode": _l("Barcode"),
    "currency": _l("Currency"),
    "unit": _l("Unit"),
    "category": _l("Category"),
    "description": _l("Description"),
    "is_active": _l("On sale"),
    "is_deleted": _l("Marked for deletion"),
    "as_of": _l("As of"),
    "legal_name": _l("Legal name"),
    "kpp": _l("KPP"),
    "phones": _l("Phones"),
    "emails": _l("E-mails"),
    "number": _l("Number"),
    "status": _l("Status"),
    "placed_at": _l("Placed"),
    "paid_at": _l("Paid"),
    "total": _l("Total"),
    "erp_number": _l("Number in 1C"),
    "erp_date": _l("Document's date"),
    "erp_status": _l("State in 1C"),
    "erp_paid": _l("Paid by 1C's books"),
    "erp_paid_at": _l("Payment entered"),
    "erp_shipped_at": _l("Shipped"),
    "erp_posted": _l("Document posted"),
    "erp_cancelled": _l("Cancelled in 1C"),
    "payment_method": _l("Payment"),
    "delivery_method": _l("Delivery"),
    "delivery_total": _l("Delivery cost"),
    "delivery_address": _l("Delivery address"),
    "channel": _l("Channel"),
    "direction": _l("Direction"),
    "from_number": _l("From number"),
    "to_number": _l("To number"),
    "line_number": _l("Company's line"),
    "extension": _l("Extension"),
    "started_at": _l("Began"),
    "answered_at": _l("Answered"),
    "ended_at": _l("Ended"),
    "wait_seconds": _l("Waited"),
    "talk_seconds": _l("Talked"),
}

#: Entities with a page of their own, and its endpoint.
PAGES: Final = {
    "contact": "managers.client",
    "order": "managers.order",
    "call": "managers.call",
    "message": "managers.message",
    "stock": "stock.level",
}


def word(kind: str, value: str | None) -> Word:
    """How to show this value; an unknown one in its own words."""
    known = WORDS[kind].get(value or "")
    return known or Word(value or "—", "circle-dashed")


def options(kind: str) -> list[tuple[str, Any]]:
    """(value, label) pairs for a filter."""
    return [(value, word.label) for value, word in WORDS[kind].items() if value]


def entity_word(entity: str) -> Word:
    """An entity's name and icon."""
    return ENTITIES.get(entity) or Word(entity, "file-text")


def entity_choices() -> list[tuple[str, Any]]:
    """(entity, name) pairs for a filter."""
    return [(name, word.label) for name, word in ENTITIES.items()]


def field_label(name: str) -> Any:
    """A field's name in words; an unknown one as it is."""
    return FIELDS.get(name, name)


def record_url(entity: str, record_id: int) -> str | None:
    """The page of a record, for those that have one."""
    endpoint = PAGES.get(entity)
    return url_for(endpoint, record_id=record_id) if endpoint else None

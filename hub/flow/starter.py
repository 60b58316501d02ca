"""What a new connection begins with: its streams' usual schedule, a mapping of common names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from hub.sdk.manifest import Manifest
from hub.sdk.profiles import laid, profile_of

#: What senders call things; of several names the first that is filled wins.
_PERSON: Final[Mapping[str, Any]] = {
    "name": {"from": ["name", "fio", "Name", "client_name", "first_name"], "as": "person_name"},
    "phone": {"from": ["phone", "Phone", "tel", "telephone", "client_phone"], "as": "phone"},
    "email": {"from": ["email", "Email", "mail", "client_email"], "as": "email"},
}
_TEXT: Final = ["comment", "message", "text", "Comments", "textarea"]
STARTERS: Final[Mapping[str, Mapping[str, Any]]] = {
    "lead": {
        "fields": {
            "title": {
                "from": ["subject", "title", "form", "formname"],
                "default": "Заявка с сайта",
            },
            "comment": {"from": _TEXT},
            "channel": {"from": ["utm.source", "utm_source"], "default": "site"},
            "campaign": {"from": ["utm.campaign", "utm_campaign"]},
            "page_url": {"from": ["page", "url", "referer"]},
        },
        "contact": _PERSON,
    },
    "contact": {"fields": {**_PERSON, "comment": {"from": _TEXT}}},
    "company": {"fields": {"name": "name", "inn": "inn", "phone": "phone", "email": "email"}},
    "deal": {"fields": {"title": "title", "stage": "stage", "amount": "amount"}},
    "order": {
        "fields": {
            "number": {"from": ["number", "id"]},
            "status": {"from": "status", "default": "processing"},
            "placed_at": {"from": ["created_at", "date"], "as": "time"},
            "total": {"from": ["total", "sum", "amount"], "as": "money"},
            "currency": {"from": "currency", "default": "RUB"},
            "comment": {"from": _TEXT},
        },
        "contact": _PERSON,
    },
    "product": {
        "fields": {"name": "name", "sku": "sku", "price": {"from": "price", "as": "money"}}
    },
    "stock": {
        "fields": {
            "sku": "sku",
            "product_name": "name",
            "warehouse": "warehouse",
            "quantity": {"from": "quantity", "as": "quantity", "required": True},
        }
    },
    "call": {
        "fields": {
            "direction": {"from": "direction", "default": "in"},
            "status": "status",
            "from_number": {"from": "from", "as": "phone_or_extension"},
            "to_number": {"from": "to", "as": "phone_or_extension"},
            "started_at": {"from": "started_at", "as": "time"},
        }
    },
    "message": {
        "fields": {
            "channel": {"const": "site"},
            "direction": {"const": "in"},
            "subject": "subject",
            "text": {"from": _TEXT},
        },
        "contact": _PERSON,
    },
    "task": {"fields": {"title": "title", "due_at": {"from": "due_at", "as": "time"}}},
}


def completed(manifest: Manifest, document: Mapping[str, Any]) -> dict[str, Any]:
    """A new connection's document with what nobody should have to type; what is said stays."""
    settings = document.get("settings") or {}
    found = {**document}
    if document.get("schedule") is None:
        found["schedule"] = usual_schedule(manifest, settings)
    if manifest.mappings_from_connection and not document.get("mappings"):
        entities = [
            str(row.get("entity"))
            for row in settings.get("records") or ()
            if isinstance(row, Mapping)
        ]
        found["mappings"] = {name: STARTERS[name] for name in entities if name in STARTERS}
    return found


def usual_schedule(manifest: Manifest, settings: Mapping[str, Any]) -> dict[str, str]:
    """{stream: rule} as the manifest proposes, of the streams that these settings have."""
    rules = {item.name: item.schedule for item in manifest.streams if item.direction == "in"}
    if manifest.streams_from_settings:
        whole = laid(profile_of(manifest.folder, settings).get("settings"), settings)
        streams = whole.get("streams") or {}
        rules = {name: rules.get(name) or "every 15m" for name in streams}
    return {name: rule for name, rule in rules.items() if rule}

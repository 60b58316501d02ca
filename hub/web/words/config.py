"""Words of the catalogue of connectors and of connection tests."""

from __future__ import annotations

from typing import Any, Final

from flask_babel import lazy_gettext as _l

from hub.web.words.model import BAD, GOOD, INFO, QUIET, WARN, Word

WORDS: Final[dict[str, dict[str, Word]]] = {
    "connector_kind": {
        "telephony": Word(_l("Telephony"), "phone"),
        "shop": Word(_l("Shop"), "shopping-cart"),
        "email": Word(_l("Mail"), "mail"),
        "erp": Word(_l("Accounting"), "building-warehouse"),
        "crm": Word(_l("CRM"), "users"),
        "generic": Word(_l("Anything else"), "world"),
    },
    "direction_how": {
        "webhook": Word(_l("sends by itself"), "bolt", INFO),
        "poll": Word(_l("the hub asks"), "refresh", INFO),
        "sink": Word(_l("takes changes"), "truck-delivery", QUIET),
        "stock": Word(_l("takes stock"), "package", QUIET),
        "outbox": Word(_l("fetches orders"), "shopping-cart", QUIET),
        "calls": Word(_l("calls back"), "phone-outgoing", QUIET),
        "upload": Word(_l("sends files"), "file-text", INFO),
    },
    "check": {
        "ok": Word(_l("in order"), "circle-check", GOOD),
        "failed": Word(_l("failed"), "x", BAD),
        "skipped": Word(_l("not reached"), "circle-minus", WARN),
    },
    "check_step": {
        "name": Word(_l("Name of the server"), "world"),
        "tcp": Word(_l("Connection"), "plug-connected"),
        "tls": Word(_l("Encryption (TLS)"), "lock"),
        "connect": Word(_l("Connection to the server"), "plug-connected"),
        "address": Word(_l("Address answers"), "world"),
        "login": Word(_l("Login"), "key"),
        "folder": Word(_l("Folder"), "mail"),
        "webhooks": Word(_l("Webhooks in the shop"), "bolt"),
        "secret": Word(_l("Secret"), "key"),
        "expressions": Word(_l("Paths in the body"), "code"),
        "records": Word(_l("Records in the body"), "file-text"),
        "subscription": Word(_l("What it is told of"), "list"),
        "ping": Word(_l("Trial message"), "send"),
        "sample": Word(_l("Rows for trial"), "table"),
        "settings": Word(_l("Settings"), "settings"),
    },
}

FIELDS: Final[dict[str, Any]] = {
    "title": _l("Title"),
    "campaign": _l("Campaign"),
    "amount": _l("Amount"),
    "page_url": _l("Page of the site"),
    "received_at": _l("Received"),
    "version": _l("Version"),
    "occurred_at": _l("When it happened"),
    "stage": _l("Stage"),
    "closed_at": _l("Closed"),
    "lines": _l("Goods"),
    "leg_state": _l("State of the leg"),
    "leg_at": _l("Time of the leg"),
    "outcome": _l("How the call ended"),
    "recording_id": _l("Id of the recording"),
    "recording_url": _l("Recording"),
    "from_address": _l("From"),
    "to_address": _l("To"),
    "subject": _l("Subject"),
    "text": _l("Text"),
    "sent_at": _l("Sent"),
    "message_id": _l("Message-ID"),
    "in_reply_to": _l("Answer to"),
    "references": _l("Chain of letters"),
    "attachments": _l("Attachments"),
    "kind": _l("Kind of message"),
    "due_at": _l("Deadline"),
    "done_at": _l("Done"),
}

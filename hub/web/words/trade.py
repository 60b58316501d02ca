"""Words of the stock pages, the boards and the comparison of shop and 1C."""

from __future__ import annotations

from typing import Final

from flask_babel import lazy_gettext as _l

from hub.web.words.model import BAD, GOOD, INFO, WARN, Word

WORDS: Final[dict[str, dict[str, Word]]] = {
    #: The hub's own stages of leads and orders; an admin may name others, shown as they are.
    "stage": {
        "new": Word(_l("New"), "inbox", INFO),
        "in_work": Word(_l("In work"), "refresh", INFO),
        "waiting": Word(_l("Waiting"), "clock", WARN),
        "shipping": Word(_l("On the way"), "truck-delivery", INFO),
        "done": Word(_l("Completed"), "check", GOOD),
        "won": Word(_l("Deal made"), "check", GOOD),
        "lost": Word(_l("Declined"), "x"),
        "cancelled": Word(_l("Cancelled"), "ban"),
    },
    "difference": {
        "cancelled": Word(_l("cancelled on one side"), "ban", BAD),
        "total": Word(_l("different sums"), "coin", BAD),
        "paid": Word(_l("paid on one side"), "cash", WARN),
        "shipped": Word(_l("shipped on one side"), "truck-delivery", WARN),
        "lines": Word(_l("different goods"), "list-numbers", WARN),
    },
}
FIELDS: Final = {
    "amount": _l("Sum"),
    "campaign": _l("Campaign"),
    "page_url": _l("Page of the site"),
    "received_at": _l("Received"),
    "created_at": _l("Created"),
    "closed_at": _l("Closed"),
    "title": _l("Title"),
    "contact_id": _l("Client's card"),
    "deleted_at": _l("Deleted"),
}
PAGES: Final = {"lead": "sales.lead", "deal": "sales.deal", "product": "stock.product"}

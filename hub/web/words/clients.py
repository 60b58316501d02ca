"""Words of the clients' pages: why a client was found, notes, what the feed shows."""

from __future__ import annotations

from typing import Final

from flask_babel import lazy_gettext as _l

from hub.web.words.model import GOOD, INFO, Word

WORDS: Final[dict[str, dict[str, Word]]] = {
    "hit": {
        "phone": Word(_l("phone"), "phone", INFO),
        "email": Word(_l("e-mail"), "mail", INFO),
        "inn": Word(_l("INN"), "building", INFO),
        "company_name": Word(_l("company"), "building"),
        "order": Word(_l("order"), "shopping-cart", GOOD),
    },
    #: Kinds of the feed, as its tabs call them.
    "feed": {
        "call": Word(_l("Calls"), "phone"),
        "message": Word(_l("Letters"), "mail"),
        "order": Word(_l("Orders"), "shopping-cart"),
        "lead": Word(_l("Leads"), "user-plus"),
        "deal": Word(_l("Deals"), "briefcase"),
        "task": Word(_l("Tasks"), "checkbox"),
        "note": Word(_l("Notes"), "note"),
        "change": Word(_l("Changes"), "history"),
    },
}

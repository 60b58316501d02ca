"""What a call is to the person it rings at."""

from __future__ import annotations

from typing import Final

from flask_babel import lazy_gettext as _l

from hub.web.words.model import BAD, GOOD, INFO, WARN, Word

WORDS: Final[dict[str, dict[str, Word]]] = {
    "ringing": {
        "ringing": Word(_l("Incoming call"), "phone-incoming", INFO),
        "talking": Word(_l("You are talking"), "phone-call", GOOD),
        "ended": Word(_l("The talk is over"), "check", GOOD),
        "missed": Word(_l("Missed call"), "phone-off", BAD),
        "elsewhere": Word(_l("Somebody else has answered"), "user-check", WARN),
        "": Word(_l("The call has gone elsewhere"), "phone-x"),
    },
}

"""Tasks and letters in words."""

from __future__ import annotations

from typing import Any, Final

from flask_babel import lazy_gettext as _l

from hub.web.words.model import BAD, GOOD, WARN, Word

WORDS: Final[dict[str, dict[str, Word]]] = {
    "tasks": {
        "mine": Word(_l("My tasks"), "user"),
        "free": Word(_l("Nobody's"), "hand-stop"),
        "overdue": Word(_l("Overdue"), "alert-triangle", BAD),
        "all": Word(_l("All open"), "checkbox"),
        "done": Word(_l("Done"), "check", GOOD),
    },
    "task_kind": {
        "call_back": Word(_l("only calls"), "phone-x"),
        "other": Word(_l("only other tasks"), "checkbox"),
    },
    "answer": {
        "waiting": Word(_l("waits for an answer"), "clock", WARN),
        "waived": Word(_l("no answer needed"), "check"),
    },
}
FIELDS: Final[dict[str, Any]] = {
    "title": _l("Title"),
    "due_at": _l("Deadline"),
    "done_at": _l("Done"),
}
PAGES: Final = {"task": "managers.task"}

"""What notes on clients refuse."""

from __future__ import annotations

from typing import Final

from hub.web.error_templates.marking import N_

TEMPLATES: Final = (
    N_("This note cannot be written."),
    N_("the note is empty"),
    N_("the note is longer than 10000 characters"),
    N_("there is no such note"),
    N_("only the author changes a note"),
)

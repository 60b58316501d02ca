"""What tasks say: who may change one, what a form must hold."""

from __future__ import annotations

from typing import Final

from hub.web.error_templates.marking import N_

TEMPLATES: Final = (
    N_("the task is a colleague's"),
    N_("a task needs a title"),
    N_("a task cannot be about this"),
    N_("the deadline is not a date with a time"),
    N_("there is no such colleague"),
    N_("must be later than from"),
    N_("must be a time, 09:00"),
    N_("must name days: mon-fri, or mon, wed, sat"),
)

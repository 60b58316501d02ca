"""What forms of connections and the mapping editor refuse."""

from __future__ import annotations

from typing import Final

from hub.web.error_templates.marking import N_

TEMPLATES: Final = (
    N_("must be a list of connection names"),
    N_("must be a table of entities"),
    N_("there is no connection «%(name)s»"),
    N_("a connection file is a table: connector, title, settings, …"),
    N_("too many values are valid: end an old one first"),
    N_("there is no such value any more"),
    N_("this is the only value: add a new one first"),
    N_("there is a connection «%(name)s» already"),
    N_("data came through this connection: pause it instead"),
    N_("a run of this stream is under way: wait until it ends"),
    N_("this stream is not read by the hub"),
    N_("choose the field that this row fills"),
    N_("this field has a row already"),
    N_("the text is too long"),
    N_('a sample is a JSON object: {"name": …}'),
    N_("paste a sample, or choose an event"),
    N_("this connection has no sender that the hub could play"),
    N_("this text cannot be signed: %(reason)s"),
    N_("type the new value itself"),
    N_("choose a day and a time"),
    N_("must be a number"),
    N_("line %(line)s: %(message)s"),
    N_("Small letters, digits, «-» and «_» only."),
)

"""Refusals of the admins' operations pages: replays, incidents, notices, reconciliations."""

from __future__ import annotations

from hub.web.error_templates.marking import N_

TEMPLATES = (
    N_("no event fits this selection"),
    N_("this replay has ended already"),
    N_("pick events, or set at least one filter"),
    N_("too many events are picked; use the filters instead"),
    N_("the path cannot be read: %(reason)s"),
    N_("the incident has changed meanwhile; look at it again"),
    N_("give 1 to 20 e-mail addresses, separated by commas"),
    N_("give the bot's token and the chat's id"),
    N_("give the receiver's address: https://…"),
    N_("a secret begins with whsec_; leave the field empty to have one made"),
    N_("there is no such channel"),
    N_("choose 1 to %(most)s days, the first before the last"),
    N_("give both days"),
    N_("the channel is off"),
)

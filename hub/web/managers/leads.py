"""Leads."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response

from hub.web import menu
from hub.web.managers.base import blueprint, records

menu.add("managers", 50, "managers.leads", _l("Leads"), "user-plus")


@blueprint.get("/leads")
def leads() -> Response:
    """Leads, newest first."""
    return records("managers/leads", "lead", "status", "manager")

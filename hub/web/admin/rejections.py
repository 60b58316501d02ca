"""Requests refused before they became events."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response

from hub.store.lists.ops import list_rejections
from hub.web import lists, menu
from hub.web.admin.base import blueprint, connection_choices
from hub.web.context import the_store

menu.add("admin", 160, "admin.rejections", _l("Rejected requests"), "shield-x")


@blueprint.get("/rejections")
def rejections() -> Response:
    """Refusals by cause, the latest first."""
    page = list_rejections(
        the_store().database,
        connection=lists.argument("connection"),
        limit=lists.PAGE_SIZE,
        cursor=lists.cursor(),
    )
    return lists.show("admin/rejections", page, connections=connection_choices())

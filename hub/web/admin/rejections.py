"""Requests refused before they became events."""

from __future__ import annotations

from werkzeug.wrappers import Response

from hub.store.lists.ops import list_rejections
from hub.web import lists
from hub.web.admin.base import blueprint, connection_choices
from hub.web.context import the_store


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

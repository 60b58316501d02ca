"""Leads and deals: lists, boards, one of them."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response

from hub.store.lists import board, ops
from hub.web import menu
from hub.web.context import the_store
from hub.web.export import Column
from hub.web.managers import sales
from hub.web.managers.base import blueprint, found, record_page
from hub.web.managers.files import manager_name

menu.add("managers", 50, "managers.leads", _l("Leads"), "user-plus", ("sales.lead",))
menu.add("managers", 55, "managers.deals", _l("Deals"), "briefcase", ("sales.deal",))


@blueprint.get("/leads")
def leads() -> Response:
    """Leads, newest first, or by stage."""
    return sales.show("lead", columns_of("lead"), "status", "stage", "channel")


@blueprint.get("/deals")
def deals() -> Response:
    """Deals, newest first, or by stage."""
    return sales.show("deal", columns_of("deal"), "stage")


@sales.blueprint.get("/leads/<int:record_id>")
def lead(record_id: int) -> str:
    """One lead."""
    return _page("lead", record_id)


@sales.blueprint.get("/deals/<int:record_id>")
def deal(record_id: int) -> str:
    """One deal."""
    return _page("deal", record_id)


def _page(entity: str, record_id: int) -> str:
    database, row = the_store().database, found(entity, record_id)
    return record_page(
        "managers/sale.html",
        entity,
        record_id,
        row,
        plural=sales.ENTITIES[entity],
        history=board.record_changes(database, entity, record_id),
        deliveries=ops.list_deliveries(
            database, entity=entity, record_id=record_id, limit=20
        ).items,
        stages=sales.all_stages(entity),
        may_change=sales.may_change(row),
        owned=sales.owned_by_source(entity, row),
    )


def columns_of(entity: str) -> list[Column]:
    """The columns of the file."""

    def of(name: str) -> Any:
        return lambda row: row[name]

    shared = [
        Column(_l("Title"), lambda row: row["title"] or row["external_id"], width=36),
        Column(_l("Client"), of("contact_name"), width=28),
        Column(_l("Stage"), sales.stage_text),
        Column(_l("Sum"), of("amount"), "money"),
        Column(_l("Currency"), of("currency"), width=8),
        Column(_l("Manager"), manager_name),
        Column(_l("Source"), of("connection")),
    ]
    if entity == "deal":
        return [*shared, Column(_l("Closed"), of("closed_at"), "moment"),
                Column(_l("Created"), of("created_at"), "moment")]  # fmt: skip
    return [
        *shared,
        Column(_l("Status"), of("status")),
        Column(_l("Channel"), of("channel")),
        Column(_l("Campaign"), of("campaign")),
        Column(_l("Comment"), of("comment"), width=40),
        Column(_l("Received"), lambda row: row["received_at"] or row["created_at"], "moment"),
    ]

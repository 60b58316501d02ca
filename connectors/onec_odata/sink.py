"""Orders into 1C: one document per order, whatever is repeated or killed."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any, Final

from connectors._protocols import odata_document, odata_values, odata_write
from connectors._protocols.odata_base import Base
from connectors._protocols.odata_buyer import Buyer, buyer_of
from connectors._protocols.odata_errors import NoSuchObject
from connectors.onec_odata.client import base_of
from hub.sdk.connection import Connection
from hub.sdk.errors import ConfigError, HubError, Ignored, Rejected, RetryLater
from hub.sdk.records import Change, CheckStep, Receipt

Row = Mapping[str, Any]
CANCELLED: Final = ("cancelled", "failed", "refunded")
#: The one call that makes a document must end well within the delivery's lease (120 s): another
#: worker that took over in its middle would look for the document too early. What was prepared
#: until then is found again.
CALL_SECONDS: Final = 38.0
PREPARED_SECONDS: Final = 30.0
UPDATES: Final = ("never", "unposted", "always")
KEYS: Final = {
    *("document", "table", "partner", "key_field", "fields", "line_fields", "counterparty"),
    *("statuses", "cancelled_statuses", "update", "post", "default_buyer", "other_product"),
    *("delivery_product", "phone_kind", "email_kind", "match_by_sku"),
}


def push(connection: Connection, change: Change, binding: str | None) -> Receipt:
    """Bring an order's newest state: make its document, change or cancel it.

    Ignored for other entities, when writing is off, and for orders whose status is not wanted.
    Rejected says what 1C refused or wrote otherwise than it was sent.
    """
    if change.entity != "order":
        raise Ignored("в 1С по OData передаются только заказы")
    if not connection.settings.get("write"):
        raise Ignored("запись в 1С выключена: включите write в настройках подключения")
    base = base_of(connection, CALL_SECONDS)
    with base.wire.alone(change.record_key):
        return _bring(base, change, binding)


def _bring(base: Base, change: Change, binding: str | None) -> Receipt:
    plan, started = order_plan(base), time.monotonic()
    stored = _stored(base, plan, change, binding)
    if change.deleted or str(change.fields.get("status") or "") in plan["cancelled_statuses"]:
        return _cancel(base, plan, stored)
    wanted = plan.get("statuses") or ()
    if stored is None and wanted and change.fields.get("status") not in wanted:
        raise Ignored(f"заказы в состоянии «{change.fields.get('status')}» в 1С не передаются")
    if stored is not None and not _may_change(plan, stored):
        return _receipt(plan, _posted(base, plan, stored), None, "документ не менялся")
    buyer = buyer_of(base, plan, change.fields.get("contact") or {})
    fields = odata_document.fields_of(base, plan, change, buyer)
    if stored is None and time.monotonic() - started > PREPARED_SECONDS:
        raise RetryLater("1С отвечает медленно: документ будет создан при следующей попытке")
    return _receipt(plan, _posted(base, plan, _written(base, plan, fields, stored)), buyer, "")


def order_plan(base: Base) -> dict[str, Any]:
    """The checked settings of orders over the profile's."""
    given = base.connection.settings.get("orders") or {}
    if unknown := sorted(set(given) - KEYS):
        raise ConfigError(f"неизвестный ключ «{unknown[0]}»", place="settings.orders")
    plan = {"update": "unposted", "cancelled_statuses": CANCELLED, **base.order_plan()}
    if plan["update"] not in UPDATES:
        raise ConfigError(f"бывает {', '.join(UPDATES)}", place="settings.orders.update")
    return plan


def _stored(base: Base, plan: Row, change: Change, binding: str | None) -> dict[str, Any] | None:
    """The order's document as it is now: by its binding, else by the hub's key in it."""
    name = str(plan["document"])
    if binding and odata_values.is_guid(binding):
        try:
            return odata_write.read(base.wire, name, binding)
        except NoSuchObject:
            pass  # deleted for good in 1C: made anew, unless another one carries the key
    found = odata_document.find(base, plan, change)
    return odata_write.read(base.wire, name, found) if found else None


def _may_change(plan: Row, stored: Row) -> bool:
    if plan["update"] == "never" or stored.get("DeletionMark") is True:
        return False
    return stored.get("Posted") is not True or plan["update"] == "always"


def _written(base: Base, plan: Row, fields: Row, stored: Row | None) -> dict[str, Any]:
    """Write what differs, read it again, compare: 1C cuts and drops without a word."""
    name = str(plan["document"])
    if stored is None:
        made = odata_write.create(base.wire, name, fields)
        ref = odata_values.ref(made["Ref_Key"])
    else:
        ref = odata_values.ref(stored["Ref_Key"])
        changed = {
            key: value
            for key, value in fields.items()
            # The date is people's once the document is there.
            if key != "Date" and odata_write.differences({key: value}, stored)
        }
        if not changed:
            return dict(stored)
        odata_write.change(base.wire, name, ref, changed)
        fields = changed
    found = odata_write.read(base.wire, name, ref)
    if wrong := odata_write.differences(fields, found):
        raise Rejected(f"1С записала документ {found.get('Number')} не так: {'; '.join(wrong)}")
    return found


def _posted(base: Base, plan: Row, stored: dict[str, Any]) -> dict[str, Any]:
    if not plan.get("post") or stored.get("Posted") is True or stored.get("DeletionMark") is True:
        return stored
    name, ref = str(plan["document"]), odata_values.ref(stored["Ref_Key"])
    base.wire.send("POST", f"{odata_write.address(name, ref)}/Post", query=_NOT_NOW)
    return odata_write.read(base.wire, name, ref)


#: Posted at the document's own time, not as of this moment.
_NOT_NOW: Final = {"PostingModeOperational": "false"}


def _cancel(base: Base, plan: Row, stored: dict[str, Any] | None) -> Receipt:
    if stored is None:
        raise Ignored("заказ отменён раньше, чем попал в 1С")
    name, ref = str(plan["document"]), odata_values.ref(stored["Ref_Key"])
    note = ""
    if stored.get("DeletionMark") is not True:
        if stored.get("Posted") is True and not plan.get("post"):
            return _receipt(plan, stored, None, "документ проведён в 1С: отмените его там")
        if stored.get("Posted") is True:
            base.wire.send("POST", f"{odata_write.address(name, ref)}/Unpost")
        odata_write.change(base.wire, name, ref, {"DeletionMark": True})
        stored, note = odata_write.read(base.wire, name, ref), "документ помечен на удаление"
    return _receipt(plan, stored, None, note)


def _receipt(plan: Row, stored: Row, buyer: Buyer | None, note: str) -> Receipt:
    number = odata_values.words(stored.get("Number"))
    bound = [(buyer.entity, buyer.record_id, buyer.ref)] if buyer and buyer.record_id else []
    return Receipt(
        external_id=odata_values.ref(stored["Ref_Key"]),
        status_code=200,
        reply=f"{plan['document']} {number}{f': {note}' if note else ''}",
        bindings=bound,
        fields=erp_fields(stored),
    )


def erp_fields(stored: Row) -> dict[str, Any]:
    """What 1C says of the order, as the order's fields."""
    found = {
        "erp_number": odata_values.words(stored.get("Number")),
        "erp_posted": stored.get("Posted") is True,
        "erp_cancelled": stored.get("DeletionMark") is True,
        "erp_status": odata_values.words(stored.get("Статус")),
    }
    return {name: value for name, value in found.items() if value != ""}


def check_orders(base: Base) -> Iterator[CheckStep]:
    """What writing orders needs: the document, its table, counterparties, what settings name."""
    title = "Заказы в 1С"
    try:
        plan = order_plan(base)
        name = str(plan["document"])
        base.published(base.common("counterparties"))
        base.published(base.common("products"))
        if not base.metadata.table(name, str(plan["table"])):
            raise ConfigError(f"у {name} нет табличной части «{plan['table']}»")
        if plan["key_field"] not in base.metadata.fields(name):
            raise ConfigError(
                f"у {name} нет «{plan['key_field']}»", place="settings.orders.key_field"
            )
        for key, set_name in (
            ("default_buyer", base.common("counterparties")),
            ("other_product", base.common("products")),
            ("delivery_product", base.common("products")),
        ):
            if plan.get(key):
                odata_write.read(base.wire, set_name, str(plan[key]))
    except HubError as error:
        yield CheckStep(title, False, error.message)
        return
    yield CheckStep(
        title, True, f"{name}, проведение {'включено' if plan.get('post') else 'выключено'}"
    )

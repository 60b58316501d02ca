"""The counterparty an order is for: found by binding, INN, phone or e-mail, else made."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from connectors._protocols import odata_pages, odata_values, odata_write
from connectors._protocols.odata_base import Base
from connectors._protocols.odata_errors import NoSuchObject
from hub.sdk.errors import Rejected

Row = Mapping[str, Any]
#: What of a counterparty its order needs.
_SELECT: Final = ("Ref_Key", "DeletionMark", "IsFolder", "КПП", "Партнер_Key")
#: The last digits of a phone are the same in every spelling.
PHONE_DIGITS: Final = 10


@dataclass(frozen=True)
class Buyer:
    """A counterparty in 1C and the hub's record it stands for."""

    ref: str
    partner: str = ""
    entity: str = ""
    record_id: int = 0


def buyer_of(base: Base, plan: Row, contact: Row) -> Buyer:
    """Find or make the buyer; Rejected when the order names nobody and no default is set."""
    company = contact.get("company") or {}
    name = base.published(base.common("counterparties"))
    known = bool(company.get("id") or company.get("name") or company.get("inn"))
    entity, who = ("company", company) if known else ("contact", contact)
    record_id = int(who.get("id") or 0)
    if not (known or contact.get("name") or contact.get("phone") or contact.get("email")):
        default = str(plan.get("default_buyer") or "")
        if not default:
            raise Rejected("у заказа нет покупателя; укажите orders.default_buyer")
        return _as_buyer(odata_write.read(base.wire, name, default), "", 0)
    found = (
        _bound(base, name, str(who.get("external_id") or ""))
        or _by_inn(base, name, contact, company)
        or _by_key(base, name, plan, f"uzel-{entity}-{record_id}" if record_id else "")
        or _by_points(base, name, contact, company)
    )
    if found is None:
        found = _create(base, name, plan, contact, company, f"uzel-{entity}-{record_id}")
    return _as_buyer(found, entity, record_id)


def _as_buyer(row: Row, entity: str, record_id: int) -> Buyer:
    return Buyer(
        odata_values.ref(row["Ref_Key"]),
        odata_values.ref(row.get("Партнер_Key")),
        entity,
        record_id,
    )


# Finding.


def _bound(base: Base, name: str, ref: str) -> Row | None:
    if not odata_values.is_guid(ref):
        return None
    try:
        found = odata_write.read(base.wire, name, ref)
    except NoSuchObject:
        return None
    return None if found.get("DeletionMark") is True else found


def _by_inn(base: Base, name: str, contact: Row, company: Row) -> Row | None:
    inn, kpp = str(company.get("inn") or contact.get("inn") or ""), str(company.get("kpp") or "")
    if not inn or "ИНН" not in base.metadata.fields(name):
        return None
    same = _query(base, name, f"ИНН eq {odata_values.text(inn)}")
    exact = [row for row in same if kpp and odata_values.words(row.get("КПП")) == kpp]
    if exact or not kpp:
        return next(iter(exact or same), None)
    # Another branch of the same firm is another counterparty; one without a KPP may be ours.
    return next((row for row in same if not odata_values.words(row.get("КПП"))), None)


def _by_key(base: Base, name: str, plan: Row, key: str) -> Row | None:
    """One that this hub made before it could say so: killed between two calls."""
    field = str(plan["key_field"])
    if not key or field not in base.metadata.fields(name):
        return None
    whole = re.compile(rf"(?<![\w-]){re.escape(key)}(?![\w-])")
    condition = f"substringof({odata_values.text(key)},{field})"
    found = _query(base, name, condition, field)
    return next((row for row in found if whole.search(str(row.get(field) or ""))), None)


def _by_points(base: Base, name: str, contact: Row, company: Row) -> Row | None:
    """By e-mail or phone in the contact information; a firm with an INN is not guessed so."""
    table = f"{name}_{base.common('contacts')}"
    if company.get("inn") or table not in base.metadata:
        return None
    known = base.metadata.fields(table)
    asked = []
    digits = re.sub(r"\D", "", str(contact.get("phone") or ""))[-PHONE_DIGITS:]
    if contact.get("email") and "АдресЭП" in known:
        asked.append(f"АдресЭП eq {odata_values.text(str(contact['email']))}")
    if len(digits) == PHONE_DIGITS and "НомерТелефона" in known:
        asked.append(f"substringof({odata_values.text(digits)},НомерТелефона)")
    for condition in asked:
        query = {"$filter": condition, "$select": "Ref_Key"}
        refs = dict.fromkeys(
            odata_values.ref(row.get("Ref_Key"))
            for row in odata_pages.rows(base.wire, table, query)
        )
        for ref in refs:
            if found := _bound(base, name, ref):
                return found
    return None


def _query(base: Base, name: str, condition: str, *more: str) -> list[dict[str, Any]]:
    """Counterparties that are no folders and not marked for deletion, always in one order."""
    select = base.metadata.chosen(name, [*_SELECT, *more])
    query = {"$filter": condition, "$select": ",".join(select), "$orderby": "Ref_Key"}
    return [
        row
        for row in odata_pages.rows(base.wire, name, query)
        if row.get("DeletionMark") is not True and row.get("IsFolder") is not True
    ]


# Making.


def _create(
    base: Base, name: str, plan: Row, contact: Row, company: Row, key: str
) -> dict[str, Any]:
    shown = str(company.get("name") or contact.get("name") or contact.get("phone") or "")
    shown = shown or str(contact.get("email") or "")
    fields: dict[str, Any] = {
        "Description": shown,
        "НаименованиеПолное": str(company.get("legal_name") or shown),
        "ИНН": str(company.get("inn") or contact.get("inn") or ""),
        "КПП": str(company.get("kpp") or ""),
        str(plan["key_field"]): key,
        **dict(plan.get("counterparty") or {}),
    }
    partners = str(plan.get("partner") or "")
    if partners in base.metadata and "Партнер_Key" in base.metadata.fields(name):
        fields["Партнер_Key"] = _partner(base, partners, plan, fields, key)
    rows = _points(base, name, plan, contact)
    if rows:
        fields[base.common("contacts")] = rows
    return _made(base, name, fields)


def _partner(base: Base, name: str, plan: Row, fields: Row, key: str) -> str:
    found = _by_key(base, name, plan, key)
    if found is None:
        wanted = {
            one: fields[one] for one in ("Description", "НаименованиеПолное") if one in fields
        }
        found = _made(base, name, {**wanted, str(plan["key_field"]): key})
    return odata_values.ref(found["Ref_Key"])


def _made(base: Base, name: str, fields: Row) -> dict[str, Any]:
    known = base.metadata.fields(name)
    given = {
        one: value for one, value in fields.items() if one in known and value not in ("", None)
    }
    made = odata_write.create(base.wire, name, given)
    stored = odata_write.read(base.wire, name, odata_values.ref(made["Ref_Key"]))
    if wrong := odata_write.differences(given, stored):
        raise Rejected(f"1С записала {name} не так: {'; '.join(wrong)}")
    return stored


def _points(base: Base, name: str, plan: Row, contact: Row) -> list[dict[str, Any]]:
    known = base.metadata.table(name, base.common("contacts"))
    phone, email = str(contact.get("phone") or ""), str(contact.get("email") or "")
    rows = [
        {"Тип": "Телефон", "Вид_Key": plan.get("phone_kind"), "Представление": phone,
         "НомерТелефона": re.sub(r"\D", "", phone)},
        {"Тип": "АдресЭлектроннойПочты", "Вид_Key": plan.get("email_kind"),
         "Представление": email, "АдресЭП": email},
    ]  # fmt: skip
    kept = [
        {one: value for one, value in row.items() if one in known and value}
        for row in rows
        if row["Представление"]
    ]
    return [{"LineNumber": str(number), **row} for number, row in enumerate(kept, start=1)]

"""Counterparties with their contact information: firms as companies, people as contacts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from connectors._protocols import odata_pages, odata_values
from connectors._protocols.odata_base import Base
from hub.sdk.records import SourceRecord

STREAM: Final = "counterparties"


def counterparties(base: Base, refs: Sequence[str] | None = None) -> Iterator[list[SourceRecord]]:
    """Pages of counterparties; of these alone when named."""
    name = base.set_of(STREAM, base.common("counterparties"))
    select = base.fields(STREAM, name, base.common("counterparty_fields"))
    where = str(base.stream(STREAM).get("where") or "")
    keys = base.metadata.keys(name)
    found: Iterable[list[dict[str, Any]]]
    if refs is None:
        found = odata_pages.pages(base.wire, name, keys, select, where)
    else:
        found = [list(odata_pages.by_refs(base.wire, name, "Ref_Key", refs, [*keys, *select]))]
    for page in found:
        yield [_counterparty(base, row) for row in page if row.get("IsFolder") is not True]


def _counterparty(base: Base, row: Mapping[str, Any]) -> SourceRecord:
    found = odata_values.tidy(row, base.timezone)
    kind = found.get("ЮрФизЛицо") or found.get("ЮридическоеФизическоеЛицо")
    is_person = kind in base.common("people")
    contacts = found.pop(base.common("contacts"), None) or []
    data = {**found, **contact_points(contacts)}
    # A client whom one system deletes stays a client of the others.
    gone = found.get("DeletionMark") is True and not is_person
    return SourceRecord("contact" if is_person else "company", found["Ref_Key"], data, deleted=gone)


def contact_points(rows: Iterable[Any]) -> dict[str, str]:
    """The first phone, e-mail and address of a table of contact information."""
    found = {"phone": "", "email": "", "address": ""}
    for row in rows:
        if not isinstance(row, Mapping):
            continue
        kind, shown = str(row.get("Тип") or ""), odata_values.words(row.get("Представление"))
        email = odata_values.words(row.get("АдресЭП"))
        number = odata_values.words(row.get("НомерТелефона"))
        if kind == "Телефон" or (not kind and number):
            found["phone"] = found["phone"] or shown or number
        elif kind == "АдресЭлектроннойПочты" or (not kind and email):
            found["email"] = found["email"] or email or shown
        elif kind == "Адрес":
            found["address"] = found["address"] or shown
    return found

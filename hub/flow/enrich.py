"""What a destination is told of an order beside the order: who bought, and the destination's own
ids of buyer and goods. A few statements per delivery, none for other entities."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection, select

from hub.store.connections import Configured
from hub.store.models import bindings, companies, contacts, products
from hub.store.store import Store
from hub.store.threads import short_ref

#: Joins a product's id and its variant's where one external id holds both, as CommerceML does.
VARIANT_MARK: Final = "#"
_CONTACT: Final = ("name", "phone", "email", "inn")
_COMPANY: Final = ("name", "legal_name", "inn", "kpp")
#: Merges of merges are followed so far.
_MERGES: Final = 20


def takes_orders(destination: Configured) -> bool:
    """Whether orders are among the entities of the destination's connector."""
    return "order" in destination.connector.manifest.entities


def order_fields(
    store: Store, destination: Configured, order: Mapping[str, Any], lines: Iterable[Any]
) -> dict[str, Any]:
    """`contact` and `lines` of an order for one destination.

    `order` is the stored row, `lines` those of its document. See `Change` for the shape.
    """
    ours = [destination.id, *_kin(destination, store.catalog.all())]
    with store.database.read() as db:
        found = _products(db, ours, order, [line for line in lines if isinstance(line, Mapping)])
        return {"contact": _contact(db, destination.id, order.get("contact_id")), "lines": found}


def _kin(destination: Configured, everyone: Sequence[Configured]) -> list[int]:
    """Other connections to the same base: what one of them calls a product, all call it."""
    space = identity_space(destination)
    return [
        other.id
        for other in everyone
        if space and other.id != destination.id and identity_space(other) == space
    ]


def identity_space(configured: Configured) -> tuple[str, str] | None:
    """(kind, base) within which one product has one external id; None outside any."""
    kind = str(getattr(configured.connector.manifest, "identity", "") or "")
    return (kind, str(configured.connection.settings.get("base") or "")) if kind else None


def _products(
    db: Connection,
    ours: Sequence[int],
    order: Mapping[str, Any],
    lines: Sequence[Mapping[str, Any]],
) -> list[dict[str, Any]]:
    """The lines, each with what the destination calls its product; empty when it has no name.

    The order's source and the destination may know one product record, each by its own id.
    """
    wanted = {short_ref(str(line.get("product_external_id") or "")) for line in lines} - {""}
    records = _bound(db, [int(order.get("connection_id") or 0)], "product", wanted)
    names = _names(db, ours, set(records.values()))
    made = []
    for line in lines:
        record_id = records.get(short_ref(str(line.get("product_external_id") or "")), 0)
        product, variant = names.get(record_id, ("", ""))
        made.append({**line, "destination_product_id": product, "destination_variant_id": variant})
    return made


def _bound(
    db: Connection, connection_ids: Sequence[int], entity: str, external_ids: Iterable[str]
) -> dict[str, int]:
    wanted = sorted(external_ids)
    if not wanted:
        return {}
    query = select(bindings.c.external_id, bindings.c.record_id).where(
        bindings.c.connection_id.in_(connection_ids),
        bindings.c.entity == entity,
        bindings.c.external_id.in_(wanted),
    )
    return {row.external_id: row.record_id for row in db.execute(query)}


def _names(
    db: Connection, ours: Sequence[int], record_ids: Iterable[int]
) -> dict[int, tuple[str, str]]:
    """{product record: (product id, variant id) in the destination}, its own word before its
    kin's, the newest word before older ones."""
    wanted = sorted(record_ids)
    if not wanted:
        return {}
    variant = products.c.get("variant_external_id")
    columns = [bindings.c.record_id, bindings.c.external_id, bindings.c.connection_id]
    query = (
        select(*columns, *([variant] if variant is not None else []))
        .join_from(bindings, products, products.c.id == bindings.c.record_id)
        .where(
            bindings.c.connection_id.in_(ours),
            bindings.c.entity == "product",
            bindings.c.record_id.in_(wanted),
        )
        .order_by(bindings.c.id)
    )
    rank = {connection_id: -place for place, connection_id in enumerate(ours)}
    found: dict[int, tuple[str, str]] = {}
    for row in sorted(db.execute(query), key=lambda row: rank[row.connection_id]):
        product, _, own = row.external_id.partition(VARIANT_MARK)
        found[row.record_id] = (product, own or str((row[3] if len(row) > 3 else "") or ""))
    return found


def _contact(db: Connection, destination_id: int, contact_id: Any) -> dict[str, Any]:
    row: Mapping[str, Any] = {}
    for _ in range(_MERGES):
        if not contact_id:
            break
        query = select(contacts).where(contacts.c.id == contact_id)
        found = db.execute(query).mappings().first()
        row = {} if found is None else dict(found)
        contact_id = row.get("merged_into_id")
    company = _company(db, row)
    for entity, shown in (("contact", row), ("company", company)):
        company[f"{entity}_binding"] = _name_of(db, destination_id, entity, shown.get("id"))
    own = company.pop("contact_binding")
    company["external_id"] = company.pop("company_binding")
    return {
        "id": row.get("id"),
        **{name: str(row.get(name) or "") for name in _CONTACT},
        "external_id": own,
        "company": company,
    }


def _company(db: Connection, contact: Mapping[str, Any]) -> dict[str, Any]:
    """The company a contact buys for: by INN, then by name, and only when it is the only one."""
    name, inn = str(contact.get("company_name") or ""), str(contact.get("inn") or "")
    row: Mapping[str, Any] | None = None
    if inn:
        same = _companies(db, companies.c.inn == inn)
        row = same[0] if len(same) == 1 else _only(same, name)
    elif name:
        row = _only(_companies(db, companies.c.name == name), name)
    if row is None:
        return {"id": None, "name": name, "legal_name": "", "inn": inn if name else "", "kpp": ""}
    return {"id": row["id"], **{key: str(row.get(key) or "") for key in _COMPANY}}


def _companies(db: Connection, condition: Any) -> list[Mapping[str, Any]]:
    query = select(companies).where(condition, companies.c.deleted_at.is_(None)).limit(20)
    return [dict(row) for row in db.execute(query).mappings()]


def _only(rows: Sequence[Mapping[str, Any]], name: str) -> Mapping[str, Any] | None:
    named = [row for row in rows if name and row.get("name") == name]
    return named[0] if len(named) == 1 else None


def _name_of(db: Connection, destination_id: int, entity: str, record_id: Any) -> str:
    if not record_id:
        return ""
    query = (
        select(bindings.c.external_id)
        .where(
            bindings.c.connection_id == destination_id,
            bindings.c.entity == entity,
            bindings.c.record_id == record_id,
        )
        .order_by(bindings.c.id.desc())
    )
    return str(db.scalar(query.limit(1)) or "")

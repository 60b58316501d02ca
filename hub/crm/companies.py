"""Which company is this? By binding, then by INN with KPP; several branches share one INN."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hub.store.working_set import WorkingSet


def find_company(
    ws: WorkingSet, connection_id: int, external_id: str, fields: Mapping[str, Any]
) -> int | None:
    """The stored company these fields tell of, or None.

    An INN alone decides only while one company has it: branches differ by KPP.
    """
    bound = ws.bound(connection_id, "company", external_id) if external_id else None
    if bound is not None:
        return bound
    inn, kpp = fields.get("inn"), fields.get("kpp")
    if not inn:
        return None
    same = ws.with_value("company", "inn", str(inn))
    exact = [key for key in same if kpp and ws.row("company", key).get("kpp") == kpp]
    if exact:
        return min(exact)
    open_ones = [key for key in same if not (kpp and ws.row("company", key).get("kpp"))]
    return open_ones[0] if len(open_ones) == len(same) == 1 else None

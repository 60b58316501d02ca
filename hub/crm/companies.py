"""Which company is this? By binding, then by INN with KPP; several branches share one INN."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hub.store.working_set import WorkingSet

#: The place in `company_claims` of an INN's first company; no KPP is written so.
FIRST_PLACE = "*"


def find_company(
    ws: WorkingSet, connection_id: int, external_id: str, fields: Mapping[str, Any]
) -> int | None:
    """The stored company these fields tell of, or None.

    An INN alone decides only while one company has it, or one has it without a KPP: branches
    differ by KPP.
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
    bare = [key for key in same if not ws.row("company", key).get("kpp")]
    if bare and not kpp:
        return min(bare)
    open_ones = [key for key in same if not (kpp and ws.row("company", key).get("kpp"))]
    return open_ones[0] if len(open_ones) == len(same) == 1 else None


def claim_company(ws: WorkingSet, company_id: int, fields: Mapping[str, Any]) -> None:
    """Claim the INN and KPP of a company that was just made.

    Of two workers that make the same one at once, the slower meets the other's claim and looks
    again. To call before the fields are stored: the first company of an INN also claims the INN,
    because an INN alone would have found it.
    """
    inn = str(fields.get("inn") or "")
    if not inn:
        return
    ws.claim_company(inn, str(fields.get("kpp") or ""), company_id)
    if not ws.with_value("company", "inn", inn):
        ws.claim_company(inn, FIRST_PLACE, company_id)

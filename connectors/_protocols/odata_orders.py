"""Customer orders of the base: the state of ours comes back, others are new orders."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from connectors._protocols import odata_pages, odata_values
from connectors._protocols.odata_base import Base
from hub.sdk.records import SourceRecord

STREAM: Final = "orders"
WINDOW_DAYS: Final = 90
OURS: Final = re.compile(r"(?<![\w-])uzel-order-\d+(?![\w-])")
Row = Mapping[str, Any]


def orders(base: Base, refs: Sequence[str] | None = None) -> Iterator[list[SourceRecord]]:
    """Pages of orders dated within the window; of these alone when named."""
    plan = base.order_plan()
    name = str(base.stream(STREAM).get("set") or plan["document"])
    select = base.fields(STREAM, name, [*base.common("order_fields"), plan["key_field"]])
    foreign = base.stream(STREAM).get("foreign") is not False
    if foreign and base.metadata.table(name, plan["table"]):
        select.append(plan["table"])
    keys = base.metadata.keys(name)
    if refs is None:
        found = odata_pages.pages(base.wire, name, keys, select, _window(base))
    else:
        found = iter(
            [list(odata_pages.by_refs(base.wire, name, "Ref_Key", refs, [*keys, *select]))]
        )
    for page in found:
        yield [
            record(base, plan, row)
            for row in page
            if foreign or OURS.search(str(row.get(plan["key_field"]) or ""))
        ]


def record(base: Base, plan: Row, row: Row) -> SourceRecord:
    """An order as the mapping reads it: its own fields, its lines under `lines`."""
    found = odata_values.tidy(row, base.timezone)
    lines = [line for line in found.pop(plan["table"], None) or [] if isinstance(line, Mapping)]
    kept = [
        {**line, "product": _product(line)} for line in lines if line.get("Отменено") is not True
    ]
    return SourceRecord("order", found["Ref_Key"], {**found, "lines": kept})


def missing(base: Base, refs: Sequence[str]) -> list[SourceRecord]:
    """Of orders not met again, those that the base has no more: cancelled in 1C's eyes.

    One that only left the window of dates still is there.
    """
    name = str(base.stream(STREAM).get("set") or base.order_plan()["document"])
    return [
        SourceRecord("order", one, {"Ref_Key": one, "DeletionMark": True})
        for one in odata_pages.absent(base.wire, name, refs)
    ]


def _product(line: Row) -> str:
    if "Номенклатура_Key" in line:
        return odata_values.ref(line["Номенклатура_Key"])
    named = str(line.get("Номенклатура") or "")
    return odata_values.ref(named) if odata_values.is_guid(named) else ""


def _window(base: Base) -> str:
    days = int(base.stream(STREAM).get("days") or WINDOW_DAYS)
    since = datetime.now(UTC) - timedelta(days=days)
    where = str(base.stream(STREAM).get("where") or "")
    return odata_values.both(f"Date ge {odata_values.moment(since, base.timezone)}", where)

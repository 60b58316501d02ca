"""A stock row as it is staged: the values of its columns as text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

COLUMNS = (
    "item_key", "variant_key", "warehouse_key", "sku", "product_external_id", "product_name",
    "variant", "variant_external_id", "warehouse", "warehouse_external_id", "quantity", "reserved",
    "available", "price", "currency", "as_of", "unit", "is_deleted", "search_text",
)  # fmt: skip
KEY = ("item_key", "variant_key", "warehouse_key")
COMPARED = tuple(name for name in COLUMNS if name not in {*KEY, "search_text"})
#: A row as it is staged: the values of COLUMNS as text, None for no value.
Staged = tuple[str | None, ...]
#: What 1C writes where there is no characteristic.
NO_ID = "00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True)
class Written:
    """How many rows a write touched."""

    created: int = 0
    changed: int = 0
    removed: int = 0


@dataclass(frozen=True)
class Origin:
    """Whose rows these are: connection, stream (empty: webhooks), run, and when they were read.

    `kin` are the other connections in which a product has the same external id; `zone` is the
    company's, whose days the history counts.
    """

    connection_id: int
    stream: str
    run_id: int | None
    at: datetime
    zone: ZoneInfo
    kin: tuple[int, ...] = ()


def number_text(value: Decimal | None) -> str | None:
    """A number as it is staged and as SQLite keeps it."""
    return None if value is None else format(value, "f")


def moment_text(value: datetime | None) -> str | None:
    """A moment as it is staged and as SQLite keeps it."""
    return None if value is None else value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def staged(row: Mapping[str, Any]) -> Staged:
    """A row of stock_levels as it is staged."""
    values: list[str | None] = []
    for name in COLUMNS:
        value = row[name]
        if isinstance(value, bool):
            value = "1" if value else "0"
        elif isinstance(value, Decimal):
            value = number_text(value)
        elif isinstance(value, datetime):
            value = moment_text(value)
        values.append(value)
    return tuple(values)

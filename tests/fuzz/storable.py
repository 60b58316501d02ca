"""Whether both databases can hold a mapped record, judged without asking them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Integer

from hub.crm.fold import digest_of
from hub.mapping.model import MappedRecord
from hub.store.models import ENTITY_TABLES
from tests.fuzz.target import Finding

#: PostgreSQL's NUMERIC takes far more; nothing of a business does.
MAX_DIGITS = 40
MAX_KEY = 1000


def check_storable(record: MappedRecord) -> None:
    """Raise Finding for a value that a column cannot take."""
    for name in ("external_id", "version", "part"):
        value = getattr(record, name)
        if not isinstance(value, str):
            raise Finding(f"{name} is no text", repr(value)[:200])
        _check_text(name, value)
    if len(record.external_id) > MAX_KEY:
        raise Finding("external_id is too long for an index")
    if record.occurred_at is not None:
        _check_value("occurred_at", record.occurred_at)
    table = ENTITY_TABLES.get(record.entity)
    columns = {column.name: column.type for column in table.c} if table is not None else {}
    for name, value in record.fields.items():
        _check_value(name, value)
        is_whole = isinstance(columns.get(name), Integer) and value is not None
        if is_whole and not (type(value) is int and -(2**31) <= value < 2**31):
            raise Finding(f"{name} does not fit its column", repr(value)[:200])
    for name, group in (
        ("extra", record.extra),
        ("contact", record.contact),
        ("company", record.company),
    ):
        _check_value(name, group)
    digest_of({**record.fields, "": [record.extra, record.contact]})


def _check_text(name: str, text: str) -> None:
    if "\x00" in text or any("\ud800" <= one <= "\udfff" for one in text):
        raise Finding(f"{name} holds what no database takes", ascii(text)[:200])


def _check_value(name: str, value: Any) -> None:
    if isinstance(value, str):
        _check_text(name, value)
    elif isinstance(value, datetime):
        if value.tzinfo is None:
            raise Finding(f"{name} has no zone", repr(value))
        value.astimezone(UTC)
    elif isinstance(value, Decimal):
        if not value.is_finite() or value.adjusted() > MAX_DIGITS:
            raise Finding(f"{name} is no number for a column", repr(value)[:200])
    elif isinstance(value, Mapping):
        for key, item in value.items():
            _check_text(name, str(key))
            _check_value(name, item)
    elif isinstance(value, list | tuple):
        for item in value:
            _check_value(name, item)
    elif isinstance(value, float) and value != value:
        raise Finding(f"{name} is NaN")

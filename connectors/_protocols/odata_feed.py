"""Atom as 1C writes it: a feed of objects, gone ones among them; for emulators."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any
from xml.sax.saxutils import escape

_HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?><feed xmlns="http://www.w3.org/2005/Atom"'
    ' xmlns:at="http://purl.org/atompub/tombstones/1.0"'
    ' xmlns:d="http://schemas.microsoft.com/ado/2007/08/dataservices"'
    ' xmlns:m="http://schemas.microsoft.com/ado/2007/08/dataservices/metadata">'
)


def feed(rows: Iterable[tuple[str, Mapping[str, Any]]]) -> bytes:
    """(set, row) pairs as a feed; a row {deleted: key} is an object that is no more."""
    return f"{_HEAD}{''.join(_entry(name, row) for name, row in rows)}</feed>".encode()


def _entry(name: str, row: Mapping[str, Any]) -> str:
    if "deleted" in row:
        return f"<at:deleted-entry ref=\"{name}(guid'{row['deleted']}')\"/>"
    return (
        f'<entry><category term="StandardODATA.{name}" scheme="x"/>'
        f'<content type="application/xml"><m:properties>{_properties(row)}</m:properties>'
        "</content></entry>"
    )


def _properties(row: Mapping[str, Any]) -> str:
    return "".join(_property(name, value) for name, value in row.items() if "@" not in name)


def _property(name: str, value: Any) -> str:
    if value is None:
        return f'<d:{name} m:null="true"/>'
    if isinstance(value, list):
        inner = "".join(f"<d:element>{_properties(item)}</d:element>" for item in value)
        return f'<d:{name} m:type="Collection(x)">{inner}</d:{name}>'
    if isinstance(value, bool):
        return f'<d:{name} m:type="Edm.Boolean">{str(value).lower()}</d:{name}>'
    if isinstance(value, int | float | Decimal):
        return f'<d:{name} m:type="Edm.Double">{value}</d:{name}>'
    return f"<d:{name}>{escape(str(value))}</d:{name}>"

"""Answers of a 1C service with the rows that a test wants."""

from __future__ import annotations

from collections.abc import Iterable
from xml.sax.saxutils import escape

from connectors.onec_soap.emulator import FIXTURES

HEAD, _, _TAIL = (FIXTURES / "stock.1.xml").read_bytes().partition(b"    <Row")
TAIL = b"</m:return>" + _TAIL.partition(b"</m:return>")[2]
TYPES = "http://example.ru/stockhub/types"
CHANGED_AT = "2026-01-12T18:21:10"


def row(article: str, quantity: str, **fields: str) -> bytes:
    """A row of GetRemains."""
    values = {
        "Item": f"item-{article}",
        "Article": article,
        "Name": f"Товар {article}",
        "Warehouse": "Основной",
        "Qty": quantity,
        "ChangedAt": CHANGED_AT,
        **fields,
    }
    inner = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in values.items())
    return f'<Row xmlns="{TYPES}">{inner}</Row>'.encode()


def answer(rows: Iterable[bytes]) -> bytes:
    """A whole answer of GetRemains."""
    return HEAD + b"".join(rows) + TAIL


def goods(count: int, first: int = 0, quantity: str = "5") -> bytes:
    """An answer with so many goods, numbered from `first`."""
    return answer(row(f"А-{number}", quantity) for number in range(first, first + count))

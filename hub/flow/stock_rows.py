"""Bare stock rows straight to what is staged: a mapping of plain rows as one function.

It gives exactly what the mapping and `stock.stock_row` give, or says that it is not sure; then
they are asked. Unsure are rows with anything but text in them, fields that warn or fail, and
every row of a mapping with conditions, expressions, lists, ids or sections.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from operator import itemgetter
from typing import Any

from hub.mapping.compiler import compile_mapping
from hub.mapping.model import MappingDocument, Row
from hub.mapping.paths import compile_path
from hub.mapping.schema import build_document
from hub.mapping.transforms import MISSING, MappingContext
from hub.sdk.errors import HubError
from hub.sdk.payload import clean_text
from hub.sdk.records import SourceRecord
from hub.store.stock_rows import NO_ID, Staged, moment_text, number_text

TEXTS = ("sku", "product_external_id", "product_name", "variant", "warehouse",
         "variant_external_id", "warehouse_external_id")  # fmt: skip
VALUES = ("quantity", "reserved", "available", "price", "currency", "as_of", "unit", "is_deleted")
#: Numbers that a transform leaves as they are written.
AS_WRITTEN = {
    "quantity": re.compile(r"0|-?[1-9][0-9]{0,11}|-?(?:0|[1-9][0-9]{0,11})\.[0-9]{0,5}[1-9]"),
    "money": re.compile(r"(?:0|-?[1-9][0-9]{0,11})(?:\.[0-9]{1,6})?"),
}
KINDS = {"quantity": "quantity", "reserved": "quantity", "available": "quantity", "price": "money"}
#: Values that a field remembers: prices, moments and words repeat.
REMEMBERED = 4096
MAX_ID_CHARACTERS = 255
MAX_SHAPES = 64
Stage = Callable[[Mapping[str, Any]], Staged | None]


class _UnsureError(Exception):
    """Only the mapping itself can say what this value is."""


def _never(_text: str) -> bool:
    return False


@dataclass(frozen=True)
class _Field:
    """One target: the names it is read from, its value without one, how a value is had.

    A text that is `as_written` is the value, `convert` makes it of any other; without `convert`
    the text counts as it is but for the spaces around it.
    """

    names: tuple[str, ...] = ()
    without: str | None = None
    as_written: Callable[[str], object] = _never
    convert: Callable[[str], str | None] | None = None


class StockRows:
    """Stages the bare rows of one stream by its mapping."""

    def __init__(self, document: MappingDocument | None, context: MappingContext) -> None:
        self._fields: dict[str, _Field] | None = None
        self._stages: dict[tuple[str, ...], Stage] = {}
        if document is not None and _is_plain(document):
            try:
                fields = {row.target: _field(document, row, context) for row in document.fields}
            except _UnsureError:
                return
            self._fields = fields

    def stage(self, row: Mapping[str, Any]) -> Staged | None:
        """The staged row; None when the mapping itself must be asked."""
        if self._fields is None:
            return None
        shape = tuple(row)
        stage = self._stages.get(shape)
        if stage is None:
            if len(self._stages) >= MAX_SHAPES:
                self._stages.clear()
            stage = self._stages[shape] = _stage(shape, self._fields)
        try:
            return stage(row)
        except _UnsureError:
            return None


def _is_plain(document: MappingDocument) -> bool:
    """Whether every field is read from plain names, by itself and unconditionally."""
    besides = (document.external_id, document.version, document.occurred_at,
               document.contact, document.company)  # fmt: skip
    return (
        document.entity == "stock"
        and all(part is None for part in besides)
        and all(
            row.target in (*TEXTS, *VALUES)
            and not (row.when or row.each)
            and all(_plain_name(path) is not None for path in row.paths)
            for row in document.fields
        )
    )


def _plain_name(path: str) -> str | None:
    """The one name that a path reads; None for any other path."""
    name, probe = path.strip().strip('"'), object()
    get = compile_path(path)
    return name if get({name: probe}) is probe and get({}) is MISSING else None


def _field(document: MappingDocument, row: Row, context: MappingContext) -> _Field:
    """The field of a row, its conversions asked of the mapping, which is compiled for it alone."""
    source = {"entity": "stock", "fields": {row.target: document.source["fields"][row.target]}}
    mapping = compile_mapping(build_document(source, "stock"))
    names = tuple(str(_plain_name(path)) for path in row.paths)

    def ask(data: dict[str, str]) -> str | None:
        try:
            record = mapping.apply(SourceRecord("stock", "", data), context)
        except HubError as error:
            raise _UnsureError from error
        if record.warnings:
            raise _UnsureError
        value = record.fields.get(row.target)
        if isinstance(value, bool):
            return "1" if value else "0"
        if isinstance(value, Decimal):
            return number_text(value)
        if isinstance(value, datetime):
            return moment_text(value)
        if isinstance(value, str | None):
            return value
        raise _UnsureError

    # What is required has nothing to stand for it; of a quantity `stage` sees to that.
    without = None if row.target == "quantity" and row.required else ask({})
    bare = row.choices is None
    if row.target in TEXTS and bare and without is None and row.steps in ((), (("text", None),)):
        return _Field(names)
    convert = lru_cache(maxsize=REMEMBERED)(lambda text: ask({names[0]: text}))
    kind = KINDS.get(row.target, "")
    as_written: Callable[[str], object] = _never
    if kind and bare and row.steps in ((), ((kind, None),)):
        as_written = AS_WRITTEN[kind].fullmatch
    return _Field(names, without, as_written, convert)


def _places(shape: tuple[str, ...], fields: Mapping[str, _Field]) -> tuple[list[int], list[int]]:
    """Where each target's value stands in a row (behind its end: nowhere), and which of these
    are the first of several names."""
    places: list[int] = []
    several: list[int] = []
    for target in (*TEXTS, *VALUES):
        found = [shape.index(name) for name in fields.get(target, _Field()).names if name in shape]
        places.append(found[0] if found else len(shape))
        several += found[:1] if len(found) > 1 else []
    return places, several


def _stage(shape: tuple[str, ...], fields: Mapping[str, _Field]) -> Stage:
    """The function that stages rows with these names."""
    places, several = _places(shape, fields)
    pick = itemgetter(*places)
    special = [
        (place, fields[target])
        for place, target in enumerate(TEXTS)
        if target in fields and (fields[target].convert or fields[target].without)
    ]
    quantities, reserves, frees, prices, currencies, moments, units, marks = (
        fields.get(target, _Field()) for target in VALUES
    )
    is_quantity, is_price = quantities.as_written, prices.as_written

    def stage(row: Mapping[str, Any]) -> Staged | None:
        held = _texts(row)
        for place in several:
            # The first name that has a value counts: which one that is, the mapping knows.
            if not held[place].strip():
                return None
        (sku, item, name, variant, warehouse, variant_id, warehouse_id, quantity, reserved,
         available, price, currency, as_of, unit, mark) = pick(held)  # fmt: skip
        sku, item, name = sku.strip(), item.strip(), name.strip()
        variant, warehouse = variant.strip(), warehouse.strip()
        variant_id, warehouse_id = variant_id.strip(), warehouse_id.strip()
        if special:
            sku, item, name, variant, warehouse, variant_id, warehouse_id = _special(
                special, [sku, item, name, variant, warehouse, variant_id, warehouse_id]
            )
        if variant_id == NO_ID:
            variant_id = ""
        if not is_quantity(quantity):
            quantity = _value(quantities, quantity)
        if quantity is None or not (item or sku) or len(item) > MAX_ID_CHARACTERS:
            return None
        reserved, available = _value(reserves, reserved), _value(frees, available)
        return (
            item or f"sku:{sku}", variant_id or variant, warehouse_id or warehouse,
            sku, item, name, variant, variant_id, warehouse, warehouse_id, quantity, reserved,
            _free(quantity, reserved) if available is None else available,
            price if is_price(price) else _value(prices, price),
            _value(currencies, currency), _value(moments, as_of),
            _value(units, unit) if unit else units.without,
            _value(marks, mark) if mark else marks.without,
            f"{sku}\n{name}".lower(),
        )  # fmt: skip

    return stage


def _texts(row: Mapping[str, Any]) -> tuple[str, ...]:
    """The values of a row and an empty one after them; unsure unless they are all clean text."""
    held = (*row.values(), "")
    try:
        together = "".join(held)
    except TypeError as error:
        held = tuple("" if value is None else value for value in held)
        if not all(isinstance(value, str) for value in held):
            raise _UnsureError from error
        together = "".join(held)
    if not together.isprintable() and clean_text(together) != together:
        raise _UnsureError
    return held


def _special(special: list[tuple[int, _Field]], texts: list[str]) -> list[str]:
    for place, field in special:
        texts[place] = _value(field, texts[place]) or ""
    return texts


def _value(field: _Field, text: str) -> str | None:
    if not text:
        return field.without
    if field.as_written(text):
        return text
    assert field.convert is not None  # only plain texts have none, and they are not asked
    return field.convert(text)


def _free(quantity: str, reserved: str | None) -> str:
    """What is free of a quantity, as `stock_row` reckons it."""
    if len(quantity) < 20 and (reserved is None or reserved == "0"):
        return quantity
    return format(Decimal(quantity) - Decimal(reserved or 0), "f")

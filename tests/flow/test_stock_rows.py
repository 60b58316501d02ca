"""Bare rows are staged exactly as the mapping and `stock_row` would, or left to them."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from hub.flow import stock
from hub.flow.stock_rows import StockRows
from hub.mapping.compiler import compile_mapping
from hub.mapping.loader import effective
from hub.mapping.transforms import MappingContext
from hub.sdk.errors import HubError
from hub.sdk.records import SourceRecord
from hub.store.stock_rows import Staged, staged

CONTEXT = MappingContext()
#: What connections lay over the shipped mapping.
OVERLAYS: list[dict[str, Any]] = [
    {},
    {"warehouse": {"from": "Store", "default": "Основной"}, "currency": {"const": "RUB"}},
    {"reserved": {"from": "Reserve", "as": "quantity", "default": "0"}},
    {"sku": {"from": "Code", "as": ["text", "upper"]}, "available": "Free"},
    {"warehouse": {"from": "Warehouse", "choices": {"1": "Склад"}}, "price": None},
    {"sku": {"from": ["Article", "Code"], "required": True}, "product_external_id": None},
    {"quantity": {"from": "Qty", "as": "quantity", "default": "0"}, "product_name": "Name"},
    {"product_name": {"from": "Name", "as": "unescape"}, "as_of": {"from": "At", "as": "time"}},
]
NAMES = ("Article", "Code", "GUID", "Item", "Name", "Warehouse", "Store", "Qty", "Reserve",
         "Free", "Price", "Currency", "ChangedAt", "At", "Количество", "Прочее")  # fmt: skip
NUMBERS = st.from_regex(r"-?[0-9]{1,20}([.,][0-9]{0,20})?", fullmatch=True)
WORDS = st.sampled_from(
    ["", " ", "12", "0", "-0", "00.10", "1 233,05", "-0.50", "много", "RUB", "руб.", "х" * 300,
     "2026-01-12T18:21:10", "0001-01-01", "12.01.2026 18:20:05", "0.000", "1e3", " Склад ",
     "&amp;", "\u00a0А\u00a0", "А\nБ", "А\x00Б", "\ud800"]
)  # fmt: skip
VALUES = st.one_of(WORDS, NUMBERS, st.text(max_size=20), st.none(), st.integers(), st.just({}))
ROWS = st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=12)


def by_the_mapping(mapping: Any, row: dict[str, Any]) -> tuple[Staged | None, list[str]]:
    try:
        record = mapping.apply(SourceRecord("stock", "", row), CONTEXT)
        return staged(stock.stock_row(record)), record.warnings
    except HubError:
        return None, []


@settings(max_examples=250, deadline=None)
@given(st.sampled_from(range(len(OVERLAYS))), st.lists(ROWS, min_size=1, max_size=3))
def test_a_row_is_staged_as_the_mapping_would(overlay: int, rows: list[dict[str, Any]]) -> None:
    document = effective("onec_soap", {"stock": {"fields": OVERLAYS[overlay]}})["stock"]
    mapping, fast = compile_mapping(document), StockRows(document, CONTEXT)
    for row in rows:
        wanted, warnings = by_the_mapping(mapping, row)
        found = fast.stage(row)
        if found is not None:
            assert (found, warnings) == (wanted, [])


def test_ordinary_rows_do_not_need_the_mapping() -> None:
    document = effective("onec_soap", {})["stock"]
    fast = StockRows(document, CONTEXT)
    row = {"Item": "1", "Article": "А-1", "Name": "Чай", "Warehouse": "", "Qty": "12.5",
           "Reserve": None, "Price": "10.00", "ChangedAt": "2026-01-12T18:21:10"}  # fmt: skip
    found = fast.stage(row)
    assert found is not None
    assert found == by_the_mapping(compile_mapping(document), row)[0]


def test_a_mapping_with_conditions_or_expressions_is_asked_itself() -> None:
    for row in ({"from": "a || b"}, {"from": "Name", "when": "Qty"}, {"from": "Names[0]"}):
        overlay = {"stock": {"fields": {"product_name": row}}}
        fast = StockRows(effective("onec_soap", overlay)["stock"], CONTEXT)
        assert fast.stage({"Article": "А-1", "Qty": "1", "Name": "Чай"}) is None

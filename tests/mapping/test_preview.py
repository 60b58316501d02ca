"""The preview: each field's way, and what a changed mapping would change."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hub.mapping.model import MappingDocument
from hub.mapping.preview import Difference, FieldTrace, compare, explain
from hub.mapping.schema import build_document
from hub.mapping.transforms import MISSING, MappingContext
from hub.sdk.records import SourceRecord


def order(**rows: Any) -> MappingDocument:
    return build_document({"fields": rows}, "order")


def traced(
    document: MappingDocument, data: dict[str, Any], context: MappingContext
) -> dict[str, FieldTrace]:
    found = explain(document, SourceRecord("order", "7", data), context)
    return {trace.target: trace for trace in found}


def test_each_step_of_a_field_is_shown(context: MappingContext) -> None:
    document = order(
        status={"from": ["a", "b"], "as": ["text", "lower"], "choices": {"new": "processing"}}
    )
    trace = traced(document, {"a": "", "b": " NEW "}, context)["status"]
    assert (trace.path, trace.raw, trace.result) == ("b", " NEW ", "processing")
    assert list(trace.steps) == [("text", "NEW"), ("lower", "new"), ("choices", "processing")]


def test_absent_default_and_failed_fields_are_told_apart(context: MappingContext) -> None:
    document = order(
        number="no",
        total={"from": "sum", "required": True},
        paid_at="paid",
        currency={"from": "c", "default": "RUB"},
    )
    found = traced(document, {"sum": "дорого", "paid": "когда-то"}, context)
    assert found["number"].absent
    assert found["number"].raw is MISSING
    assert "not an amount" in found["total"].error
    assert found["paid_at"].result is None
    assert "not a time" in found["paid_at"].error
    assert list(found["currency"].steps) == [("default", "RUB")]


def test_lines_ids_and_sections_are_shown(context: MappingContext) -> None:
    document = build_document(
        {
            "external_id": "id",
            "fields": {"lines": {"each": "items", "fields": {"price": "p"}}},
            "contact": {"phone": "tel"},
        },
        "order",
    )
    found = traced(document, {"id": 5, "items": [{"p": "1,5"}], "tel": "89161234567"}, context)
    assert list(found) == ["external_id", "lines", "lines[0].price", "contact.phone"]
    assert found["lines[0].price"].result == Decimal("1.5")
    assert found["contact.phone"].result == "+79161234567"


def test_compare_lists_changed_fields(context: MappingContext) -> None:
    source = SourceRecord("order", "7", {"a": "1", "b": "2", "tel": "89161234567"})
    before = order(number="a", comment="b")
    after = build_document(
        {"fields": {"number": "b", "comment": "b"}, "contact": {"phone": "tel"}}, "order"
    )
    comparison = compare(before, after, source, context)
    assert comparison.differences == [
        Difference("number", "1", "2"),
        Difference("contact.phone", MISSING, "+79161234567"),
    ]
    assert not comparison.newly_fails
    assert compare(before, before, source, context).differences == []


def test_compare_tells_what_would_newly_fail(context: MappingContext) -> None:
    source = SourceRecord("order", "7", {"a": "1"})
    strict = order(total={"from": "sum", "required": True})
    assert compare(order(number="a"), strict, source, context).newly_fails
    assert not compare(strict, strict, source, context).newly_fails
    assert compare(None, order(number="a"), source, context).differences

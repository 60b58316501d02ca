"""Whatever a sender writes, mapping gives the declared types or a MappingError."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.mapping.compiler import compile_mapping
from hub.mapping.model import MappingError
from hub.mapping.schema import build_document
from hub.mapping.transforms import TRANSFORMS, MappingContext
from hub.sdk.entities import ENTITIES
from hub.sdk.records import SourceRecord

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=10**30, max_value=10**5000)
    | st.floats()
    | st.decimals(allow_nan=True)
    | st.sampled_from(
        [Decimal("1E+999999"), Decimal("1E-999999"), "0001-01-01", "9" * 40, "+7", "<b", "1,2.3,4"]
    )
    | st.text(max_size=20)
    | st.text(alphabet="0123456789.,:-+eETZ /<>&;@", max_size=20)
)
names = st.sampled_from(["a", "b", "items", "#text", "x"])
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4),
    max_leaves=12,
)
ARGUMENTS = {"lookup": "settings.managers", "join": ", ", "date": "%d.%m.%Y"}


def transform_row(name: str) -> Any:
    return {"from": "x", "as": {name: ARGUMENTS[name]} if name in ARGUMENTS else name}


EVERY_TRANSFORM = build_document(
    {
        "external_id": "a",
        "version": "b",
        "occurred_at": "x",
        "fields": {
            **{f"extra.{name}": transform_row(name) for name in TRANSFORMS},
            "extra.sum": "sum(x)",
            "extra.join": "join(',', items[].a)",
            "extra.slice": "x[::-1]",
            "extra.sort": "sort_by(items, &a)",
            "extra.max": "max(x)",
            "extra.ceil": "ceil(x)",
            "extra.flat": "items[?a > `1`].b | [0]",
            "extra.text": "to_string(@)",
            "extra.number": "to_number(x)",
            "extra.choice": {"from": "x", "choices": {"1": "one", "null": [1]}},
            "lines": {"each": "items", "fields": {"sku": "a", "price": "b", "quantity": "@"}},
        },
        "contact": {"external_id": "x", "name": "a", "phones": "items", "when": "b"},
        "company": {"inn": {"from": "x", "as": "inn", "required": True}},
    },
    "order",
)
EVERY_KIND = [
    build_document(
        {
            "fields": {
                target: {"from": "x", "required": required} for target in kinds if target != "lines"
            }
        },
        entity,
    )
    for entity, kinds in ENTITIES.items()
    for required in (False, True)
]
CONTEXT = MappingContext(settings={"managers": {"1": "a"}})


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.dictionaries(names, anything, max_size=5))
def test_any_data_is_mapped_or_refused_with_mapping_error(data: dict[str, Any]) -> None:
    for document in (EVERY_TRANSFORM, *EVERY_KIND):
        compiled = compile_mapping(document)
        source = SourceRecord(document.entity, "1", data)
        try:
            record = compiled.apply(source, CONTEXT)
        except MappingError as error:
            refusal = error.message
        else:
            refusal = ""
            assert isinstance(record.external_id, str)
            for target, value in record.fields.items():
                check_kind(ENTITIES[document.entity][target], value)
        assert len(refusal) < 1000


TYPES = {
    "text": str,
    "long_text": str,
    "phone": str,
    "email": str,
    "phone_or_extension": str,
    "money": Decimal,
    "quantity": Decimal,
    "integer": int,
    "boolean": bool,
    "time": datetime,
    "json": list,
}


def check_kind(kind: str, value: Any) -> None:
    assert value is None or isinstance(value, TYPES[kind])
    if isinstance(value, Decimal):
        assert value.is_finite()
    if isinstance(value, datetime):
        assert value.tzinfo is UTC
    if isinstance(value, str):
        assert value
        assert value == value.strip()


def test_an_id_of_another_record_without_text_is_no_id() -> None:
    """As XML gives an element that has attributes and nothing in it."""
    document = build_document({"fields": {"parent_external_id": "x"}}, "product")
    source = SourceRecord("product", "1", {"x": {"#text": ""}})
    assert compile_mapping(document).apply(source, CONTEXT).fields == {"parent_external_id": None}

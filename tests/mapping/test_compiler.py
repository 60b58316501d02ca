"""What a mapping makes of a source record."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from hub.mapping.compiler import compile_mapping
from hub.mapping.model import MappedRecord, MappingError
from hub.mapping.schema import build_document
from hub.sdk.errors import PayloadError

Apply = Callable[..., MappedRecord]


def fields(**rows: Any) -> dict[str, Any]:
    return {"fields": rows}


def test_kinds_coerce_bare_values(apply: Apply) -> None:
    document = fields(number="no", total="sum", placed_at="at", comment="note")
    data = {"no": 12, "sum": "1 233,05", "at": "12.01.2026 18:20:05", "note": " да "}
    assert apply(document, data).fields == {
        "number": "12",
        "total": Decimal("1233.05"),
        "placed_at": datetime(2026, 1, 12, 15, 20, 5, tzinfo=UTC),
        "comment": "да",
    }


def test_missing_leaves_alone_and_empty_clears(apply: Apply) -> None:
    document = fields(number="a", status="b", channel="c", manager="d.e", comment="d.f")
    record = apply(document, {"b": None, "c": "  ", "d": {"f": ""}})
    assert record.fields == {"status": None, "channel": None, "comment": None}


def test_default_fills_missing_and_empty(apply: Apply) -> None:
    document = fields(
        total={"from": "a", "as": "money", "default": "0"},
        delivery_total={"from": "b", "default": 0},
        currency={"from": "c", "as": "currency", "default": "RUB"},
        manager={"from": "d", "as": {"lookup": "settings.managers"}, "default": "boss@example.ru"},
    )
    record = apply(document, {"b": None, "c": "", "d": "999"})
    assert record.fields == {
        "total": Decimal(0),
        "delivery_total": Decimal(0),
        "currency": "RUB",
        "manager": "boss@example.ru",
    }


def test_first_path_that_has_a_value_wins(apply: Apply) -> None:
    document = fields(number=["a", "b.c", "list[0].d"], status=["x", "y"], channel=["a", "q"])
    record = apply(document, {"a": "", "b": {"c": None}, "list": [{"d": 5}], "y": None})
    assert record.fields == {"number": "5", "status": None, "channel": None}


def test_a_path_that_fails_on_this_data_gives_way_to_the_next(apply: Apply) -> None:
    document = fields(comment=["join(', ', tags)", "note"])
    assert apply(document, {"note": "x"}).fields == {"comment": "x"}
    failed = apply(document, {})
    assert failed.fields == {"comment": None}
    assert "join() cannot take null" in failed.warnings[0]


def test_choices_and_otherwise(apply: Apply) -> None:
    choices = {"1": "new", "true": "paid", "trash": None}

    def status(value: Any, **more: Any) -> Any:
        row = {"from": "s", "choices": choices, **more}
        return apply(fields(status=row), {"s": value}).fields["status"]

    assert [status(1), status("1"), status(Decimal("1.0")), status(True)] == [
        "new",
        "new",
        "new",
        "paid",
    ]
    assert status("trash") is None
    assert status("other") == "other"
    assert status("other", otherwise="null") is None
    assert status("other", otherwise=None) is None
    assert status("other", otherwise="unknown") == "unknown"
    assert status(" TRASH ", **{"as": "lower"}) is None


def test_const_when_and_extra(apply: Apply) -> None:
    document = fields(
        channel={"const": "shop", "when": "kind == 'web'"},
        **{"extra.coupon": "coupon", "extra.at": {"from": "at", "as": "time_utc"}},
    )
    record = apply(document, {"kind": "web", "coupon": {"code": "A"}, "at": "2026-01-12T00:00:00"})
    assert record.fields == {"channel": "shop"}
    assert record.extra == {"coupon": {"code": "A"}, "at": "2026-01-12T00:00:00Z"}
    assert apply(document, {"kind": "pos"}).fields == {}


def test_russian_names_need_no_quotes_and_dashes_do(apply: Apply) -> None:
    document = fields(number="Заказ.Номер", comment='"Дата-оплаты"', status='Заказ."Вид оплаты"')
    data = {"Заказ": {"Номер": "7", "Вид оплаты": "нал"}, "Дата-оплаты": "вчера"}
    assert apply(document, data).fields == {"number": "7", "comment": "вчера", "status": "нал"}
    lines = fields(comment={"from": "Товары[?Вид == 'Услуга'].Имя | [0]", "when": "Товары"})
    goods = [{"Вид": "Товар", "Имя": "Стол"}, {"Вид": "Услуга", "Имя": "Доставка"}]
    assert apply(lines, {"Товары": goods}).fields == {"comment": "Доставка"}


def test_lines_keep_exact_numbers_and_take_a_single_element(apply: Apply) -> None:
    lines = {
        "each": "items",
        "fields": {"sku": "sku", "quantity": "q", "price": "p", "product_external_id": "id"},
    }
    item = {"sku": "A-1", "q": "2,50", "p": "99.90", "id": Decimal("12.0")}
    wanted = {
        "sku": "A-1",
        "quantity": Decimal("2.5"),
        "price": Decimal("99.90"),
        "product_external_id": "12",
    }
    assert apply(fields(lines=lines), {"items": [item, item]}).fields["lines"] == [wanted, wanted]
    assert apply(fields(lines=lines), {"items": item}).fields["lines"] == [wanted]
    assert apply(fields(lines=lines), {"items": []}).fields["lines"] == []
    assert apply(fields(lines=lines), {"items": None}).fields["lines"] is None
    assert "lines" not in apply(fields(lines=lines), {}).fields


def test_a_bad_line_field_warns_with_its_place(apply: Apply) -> None:
    lines = {"each": "items", "fields": {"sku": "sku", "price": "p"}}
    record = apply(fields(lines=lines), {"items": [{"sku": "A", "p": "1"}, {"sku": "B", "p": "?"}]})
    assert record.fields["lines"][1] == {"sku": "B", "price": None}
    assert record.warnings == ["lines[1].price from p: «?» is not an amount of money"]


def test_lists_are_mapped_element_by_element(apply: Apply) -> None:
    document = {"fields": {"phones": "tel[].value", "emails": {"from": "mail", "as": "email"}}}
    data = {"tel": [{"value": "8 916 123-45-67"}, {"value": "нет"}], "mail": "A@example.ru"}
    record = apply(document, data, entity="contact")
    assert record.fields == {"phones": ["+79161234567"], "emails": ["a@example.ru"]}
    assert len(record.warnings) == 1


def test_rubbish_in_an_optional_field_is_none_and_a_warning(apply: Apply) -> None:
    record = apply(fields(total="sum", number="no"), {"sum": "дорого", "no": "7"})
    assert record.fields == {"total": None, "number": "7"}
    assert record.warnings == ["total from sum: «дорого» is not an amount of money"]


@pytest.mark.parametrize("data", [{}, {"sum": None}, {"sum": ""}, {"sum": "дорого"}])
def test_a_required_field_stops_the_event_and_says_why(apply: Apply, data: dict[str, Any]) -> None:
    document = fields(total={"from": "sum", "as": "money", "required": True})
    with pytest.raises(MappingError, match=r"^order\.total from sum: .+; mend this row") as caught:
        apply(document, data)
    assert isinstance(caught.value, PayloadError)
    assert (caught.value.entity, caught.value.target) == ("order", "total")


def test_a_long_value_is_cut_in_the_error(apply: Apply) -> None:
    with pytest.raises(MappingError) as caught:
        apply(fields(total={"from": "sum", "required": True}), {"sum": "я" * 5000})
    assert len(caught.value.sample) == 80
    assert len(caught.value.message) < 400


def test_contact_is_found_named_or_nobody(apply: Apply) -> None:
    document = {
        "contact": {
            "external_id": {"from": "customer", "when": "customer > `0`"},
            "name": {"from": "[first, last]", "as": "person_name"},
            "phone": "tel",
        }
    }
    guest = apply(document, {"customer": 0, "first": "Алиса", "last": None, "tel": "89161234567"})
    assert guest.contact == {"name": "Алиса", "phone": "+79161234567"}
    known = apply(document, {"customer": Decimal("12.0"), "first": "", "last": "", "tel": None})
    assert known.contact == {"external_id": "12", "name": None, "phone": None}
    assert apply(document, {"customer": 0, "tel": ""}).contact is None


def test_a_section_may_have_its_own_condition(apply: Apply) -> None:
    document = {
        "fields": {"subject": "s"},
        "contact": {"when": "kind == 'mail'", "email": "from"},
    }
    mail = apply(document, {"kind": "mail", "from": "alice@example.ru"}, entity="message")
    assert mail.contact == {"email": "alice@example.ru"}
    bounce = apply(document, {"kind": "bounce", "from": "alice@example.ru"}, entity="message")
    assert bounce.contact is None


def test_only_names_fields_of_the_record_and_of_sections(apply: Apply) -> None:
    document = {
        "fields": {
            "comment": {"from": "c", "only": "create"},
            "status": {"from": "s", "only": "update"},
        },
        "contact": {"name": {"from": "n", "only": "create"}, "phone": "p"},
    }
    record = apply(document, {"c": "x"})
    assert record.only_create == {"comment", "contact.name"}
    assert record.only_update == {"status"}


@pytest.mark.parametrize(
    ("given", "wanted"),
    [(12, "12"), (Decimal("12.00"), "12"), (Decimal("1.5"), "1.5"), ("a-1", "a-1"), (None, "7")],
)
def test_external_id_is_text_and_falls_back_to_the_connectors(
    apply: Apply, given: Any, wanted: str
) -> None:
    assert apply({"external_id": "id"}, {"id": given}).external_id == wanted


@pytest.mark.parametrize("given", [{"a": 1}, [1], "x" * 256, Decimal("1E+9999")])
def test_an_unusable_external_id_is_an_error(apply: Apply, given: Any) -> None:
    with pytest.raises(MappingError, match="external_id from id"):
        apply({"external_id": "id"}, {"id": given})


def test_without_any_id_it_stays_empty(apply: Apply) -> None:
    assert apply({"external_id": "id"}, {}, external_id="").external_id == ""


def test_versions_sort_as_text(apply: Apply) -> None:
    def version(value: Any) -> str:
        return apply({"version": "v"}, {"v": value}, version="0").version

    moments = ["2026-01-12T15:00:00+03:00", "12.01.2026 15:00:01", "2026-01-12T12:00:01.5Z"]
    found = [version(moment) for moment in moments]
    assert found == sorted(found)
    assert found[0] == "2026-01-12T12:00:00.000000Z"
    numbers = [version(number) for number in (9, "10", 200)]
    assert numbers == sorted(numbers)
    assert version("AAEB") == "AAEB"
    assert version(None) == version("0001-01-01T00:00:00") == "0"


def test_occurred_at_by_the_mapping_else_by_the_connector(apply: Apply) -> None:
    given = datetime(2026, 1, 1, tzinfo=UTC)
    document = {"occurred_at": {"from": "ts", "as": "unixtime"}}
    by_mapping = apply(document, {"ts": 1768231270}, occurred_at=given)
    assert by_mapping.occurred_at == datetime(2026, 1, 12, 15, 21, 10, tzinfo=UTC)
    assert apply(document, {"ts": "?"}, occurred_at=given).occurred_at == given
    assert apply(document, {}, occurred_at=given).occurred_at == given


def test_a_deleted_record_maps_only_its_ids(apply: Apply) -> None:
    document = {
        "external_id": "id",
        "fields": {"total": {"from": "sum", "required": True}},
        "contact": {"phone": "tel"},
    }
    record = apply(document, {"id": 5, "tel": "89161234567"}, deleted=True, part="p")
    assert (record.external_id, record.deleted, record.part) == ("5", True, "p")
    assert (record.fields, record.contact) == ({}, None)


def test_jmespath_counts_with_exact_numbers(apply: Apply) -> None:
    document = fields(total="sum(items[].price)", delivery_total="to_number(fee)")
    data = {"items": [{"price": Decimal("0.10")}, {"price": Decimal("0.20")}], "fee": "0.30"}
    assert apply(document, data).fields == {
        "total": Decimal("0.30"),
        "delivery_total": Decimal("0.30"),
    }


def test_the_same_content_is_compiled_once() -> None:
    one = build_document(fields(number="a", total="b"), "order", "here")
    two = build_document(fields(total="b", number="a"), "order", "there")
    other = build_document(fields(total="b", number="c"), "order")
    assert compile_mapping(one) is compile_mapping(two)
    assert compile_mapping(one) is not compile_mapping(other)

"""The hub's own service UzelExchange, by its profile: pages, changes, orders, one session."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from connectors.onec_soap.poll import check, read
from connectors.onec_soap.sink import push
from connectors.onec_soap.uzel.emulator import UzelExchange
from hub.registry import make_connection
from hub.sdk.connection import Connection
from hub.sdk.errors import ConfigError, Ignored, Rejected, RetryLater
from hub.sdk.records import Change


@pytest.fixture
def base() -> Iterator[UzelExchange]:
    emulator = UzelExchange()
    emulator.start()
    yield emulator
    emulator.stop()


def connect(base: UzelExchange, **settings: Any) -> Connection:
    file = base.connection()
    return make_connection({**file, "settings": {**file["settings"], **settings}}, "onec")


def rows(connection: Connection, stream: str, cursor: Mapping[str, Any] | None = None) -> Any:
    pages = list(read(connection, stream, cursor or {}))
    return [record.data for page in pages for record in page.sources()], pages[-1]


def small_pages(base: UzelExchange, stream: str, size: int) -> Connection:
    return connect(base, streams={stream: {"page": {"size": size}}})


def order(number: str = "2041", **fields: Any) -> Change:
    line = {"sku": "КР-1", "name": "Стул", "quantity": "2", "price": "10.50", "total": "21.00"}
    return Change(
        "order",
        7,
        {
            "number": number,
            "placed_at": "2026-01-20T06:30:00Z",
            "total": "31.00",
            "contact": {"name": "Иван", "phone": "+79161234567", "company": {"inn": "7707083893"}},
            "lines": [
                {**line, "destination_product_id": "6c4e0c4b"},
                {**line, "name": "Стол & <стул>", "destination_product_id": ""},
            ],
            **fields,
        },
        "order.created",
        datetime(2026, 1, 20, tzinfo=UTC),
        "d-1",
        record_key="uzel-order-7",
    )


def test_the_whole_stock_comes_in_pages_and_is_complete_only_at_its_end(base: UzelExchange) -> None:
    for number in range(25):
        base.put_stock(f"item-{number:02d}", "Основной", str(number))
    found, last = rows(small_pages(base, "stock", 10), "stock")
    # What is zero is not listed: absence says it.
    assert [row["Item"] for row in found] == [f"item-{number:02d}" for number in range(1, 25)]
    assert base.calls == ["GetStock"] * 3
    assert last.complete


def test_changes_go_on_from_the_cursor_and_tell_zeros(base: UzelExchange) -> None:
    base.put_stock("a", "Основной", "5")
    base.put_stock("b", "Основной", "6")
    found, last = rows(small_pages(base, "stock_changes", 1), "stock_changes")
    assert [row["Qty"] for row in found] == ["5", "6"]
    base.put_stock("a", "Основной", "0")
    found, _ = rows(connect(base), "stock_changes", last.cursor)
    assert [(row["Item"], row["Qty"]) for row in found] == [("a", "0")]


def test_a_page_that_does_not_move_on_is_an_error_not_a_loop(base: UzelExchange) -> None:
    base.put_stock("a", "Основной", "5")
    with pytest.raises(Exception, match="дальше нечем"):
        rows(connect(base, streams={"stock": {"page": {"size": 1, "after": "Нет"}}}), "stock")


def test_the_profile_can_be_overridden_key_by_key(base: UzelExchange) -> None:
    connection = connect(base, streams={"stock": {"page": {"size": 7}}, "products": None})
    streams = connection.settings["streams"]
    assert streams["stock"]["page"] == {"size": 7, "after": "Key"}
    assert streams["stock"]["operation"] == "GetStock"
    assert "products" not in streams
    with pytest.raises(ConfigError, match="profile"):
        connect(base, profile="нет")


def test_the_connection_test_passes_and_knows_the_operations(base: UzelExchange) -> None:
    steps = list(check(connect(base)))
    assert not [step for step in steps if not step.ok]
    assert any(step.name == "Заказы в 1С" for step in steps)


def test_an_order_goes_in_whole_and_1c_names_its_document(base: UzelExchange) -> None:
    receipt = push(connect(base), order(), None)
    known = base.orders["uzel-order-7"]
    assert receipt.external_id == known["GUID"]
    assert receipt.fields == {
        "erp_number": "УТ-000001",
        "erp_status": "Не согласован",
        "erp_date": datetime(2026, 1, 20, 9, tzinfo=UTC),
    }
    assert known["Lines"] == 2
    sent = known["Sent"]
    # Times go out in the base's own zone, without one.
    assert (sent["Date"], sent["INN"], sent["Phone"]) == (
        "2026-01-20T09:30:00",
        "7707083893",
        "+79161234567",
    )
    assert sent["Name"] == "Стол & <стул>"


def test_a_repeat_or_an_answer_lost_on_the_way_makes_no_second_document(base: UzelExchange) -> None:
    connection = connect(base)
    base.lose_answers = 1
    with pytest.raises(RetryLater):
        push(connection, order(), None)
    first = push(connection, order(), None)
    again = push(connection, order(comment="позвонить"), first.external_id)
    assert again.external_id == first.external_id
    assert len(base.orders) == 1
    assert base.orders["uzel-order-7"]["Sent"]["Comment"] == "позвонить"


def test_a_lookup_spares_an_operation_that_does_not_know_the_key(base: UzelExchange) -> None:
    file = base.connection()["settings"]
    own = connect(base).settings["orders"]
    lookup = {
        "operation": "GetOrderStates",
        "arguments": {"Mode": "changes", "Cursor": "", "After": "", "Limit": 10},
        "result": "return.Row.GUID",
        "fields": {"erp_number": "return.Row.Number"},
    }
    orders = {**own, "updates": False, "lookup": lookup}
    connection = connect(base, **{**file, "orders": orders})
    first = push(connection, order(), None)
    second = push(connection, order(), None)
    assert base.calls.count("PutOrder") == 1
    assert second.external_id == first.external_id
    assert second.fields == {"erp_number": "УТ-000001"}
    with pytest.raises(Ignored):
        push(connection, order(), first.external_id)


def test_what_is_no_order_is_none_of_its_business(base: UzelExchange) -> None:
    connection = connect(base)
    for change in (
        Change("contact", 1, {}, "contact.created", datetime.now(UTC), "k"),
        Change("order", 1, {}, "order.deleted", datetime.now(UTC), "k", deleted=True),
    ):
        with pytest.raises(Ignored):
            push(connection, change, None)
    assert base.calls == []


def test_an_answer_without_a_document_is_a_refusal(base: UzelExchange) -> None:
    with pytest.raises(Rejected, match=r"return\.Ссылка"):
        push(connect(base, orders={"result": "return.Ссылка"}), order(), None)


@pytest.mark.parametrize(
    ("orders", "words"),
    [
        ({"operation": "PutOrders"}, "PutOrder"),
        ({"arguments": {"Заказ": "x"}}, "лишние: Заказ"),
        ({"result": ""}, "settings.orders.result"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_wrong_table_of_orders_is_named(
    base: UzelExchange, orders: dict[str, Any], words: str
) -> None:
    connection = connect(base, orders=orders)
    with pytest.raises(ConfigError) as caught:
        push(connection, order(), None)
    assert words in caught.value.message
    assert [step for step in check(connection) if not step.ok and words in step.message]
    assert "PutOrder" not in base.calls


# Sessions.


def test_all_calls_of_a_run_share_one_session_and_none_stays(base: UzelExchange) -> None:
    base.sessions = True
    for number in range(30):
        base.put_stock(f"item-{number:02d}", "Основной", "1")
    pages = read(small_pages(base, "stock", 10), "stock", {})
    next(pages)
    assert len(base.open_sessions) == 1
    list(pages)
    assert base.open_sessions == set()
    push(connect(base), order(), None)
    list(check(connect(base)))
    assert base.open_sessions == set()


def test_a_session_is_ended_when_the_run_fails(base: UzelExchange) -> None:
    base.sessions = True
    base.put_stock("a", "Основной", "1")
    base.lose_answers = 1
    with pytest.raises(RetryLater):
        rows(connect(base), "stock")
    assert base.open_sessions == set()
    pages = read(connect(base), "stock", {})
    next(pages)
    pages.close()  # type: ignore[attr-defined]  # a generator, as every reader is
    assert base.open_sessions == set()


def test_a_session_that_the_base_forgot_is_begun_anew(base: UzelExchange) -> None:
    base.sessions = True
    for number in range(30):
        base.put_stock(f"item-{number:02d}", "Основной", "1")
    base.forget_after = 2
    found, _ = rows(small_pages(base, "stock", 10), "stock")
    assert len(found) == 30
    assert base.calls == ["GetStock"] * 4
    assert base.open_sessions == set()


def test_no_session_to_have_is_said_and_waited_for(base: UzelExchange) -> None:
    base.sessions, base.most_sessions = True, 0
    with pytest.raises(RetryLater, match="406"):
        rows(connect(base), "stock")
    # A base that keeps no sessions is called without one, and so is one that is told not to.
    assert rows(connect(base, session="none"), "stock")[0] == []
    base.sessions = False
    assert rows(connect(base), "stock")[0] == []

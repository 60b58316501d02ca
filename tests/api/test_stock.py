"""Stock through the API: days, thresholds, owners, what shops were told."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

from sqlalchemy import insert, update

from hub.store.database import utc_now
from hub.store.models import audit, stock_history, stock_levels, stock_sent
from hub.store.store import Store
from tests.api.conftest import Caller
from tests.support.rows import START, Rows

As = Callable[[str], Caller]


def test_a_threshold_makes_a_level_low(admin: Caller, rows: Rows, store: Store) -> None:
    onec = rows.connection("onec")
    low = rows.stock(onec, "A-1", "9", available=Decimal("5"))
    high = rows.stock(onec, "A-2", "10")
    for key in (low, high):
        answer = admin("PATCH", f"/stock/{key}", {"low_threshold": "5.5"})
        assert answer.status_code == 200
    rows.stock(onec, "A-3", "-1")
    assert admin.ids("/stock", low="true") == [low]
    shown = admin.get(f"/stock/{low}")
    assert (shown["low_threshold"], shown["is_low"]) == ("5.5", True)
    assert admin("PATCH", f"/stock/{low}", {"low_threshold": None}).json["is_low"] is False
    assert admin.ids("/stock", low="true") == []
    with store.database.read() as db:
        deeds = [row.action for row in db.execute(audit.select())]
    assert deeds.count("set threshold") == 3


def test_only_who_leads_sets_thresholds(caller: As, rows: Rows) -> None:
    key = rows.stock(rows.connection("onec"), "A-1", "9")
    for role, status in (("admin", 200), ("head", 200), ("manager", 403), ("auditor", 403)):
        answer = caller(role)("PATCH", f"/stock/{key}", {"low_threshold": "1"})
        assert answer.status_code == status, role
        assert caller(role)("GET", f"/stock/{key}/history").status_code == 200


def test_the_days_of_a_level(admin: Caller, rows: Rows, store: Store) -> None:
    now = utc_now()
    day = (now + timedelta(hours=3)).date()
    key = rows.stock(
        rows.connection("onec"), "A-1", "4", created_at=now - timedelta(days=3), run_id=7
    )
    with store.database.write() as db:
        db.execute(
            insert(stock_history).values(
                level_id=key, day=day.isoformat(), quantity=Decimal(6), event_id=9, set_at=now
            )
        )
    days = admin.get(f"/stock/{key}/history")["items"]
    assert [(item["quantity"], item["run_id"], item["event_id"]) for item in days] == [
        ("6", None, 9),
        ("6", None, 9),
        ("6", None, 9),
        ("4", 7, None),
    ]
    assert [item["changed"] for item in days] == [False, False, False, True]
    assert days[-1]["day"] == day.isoformat()
    yesterday = str(day - timedelta(days=1))
    one = admin.get(f"/stock/{key}/history", **{"from": yesterday, "to": yesterday})
    assert [item["day"] for item in one["items"]] == [yesterday]
    wrong = admin("GET", f"/stock/{key}/history", **{"from": str(day), "to": yesterday})
    assert wrong.status_code == 422
    assert admin("GET", "/stock/999/history").status_code == 404


def test_of_two_who_tell_of_one_place_one_counts(admin: Caller, rows: Rows) -> None:
    product = rows.record("product", sku="A-1")
    one, two = rows.connection("one"), rows.connection("two")
    fields = {"warehouse": "Основной", "product_id": product}
    old = rows.stock(one, "A-1", "5", as_of=START, **fields)
    new = rows.stock(two, "A-1", "6", as_of=START + timedelta(hours=1), **fields)
    own = rows.stock(one, "A-1", "1", warehouse="Другой", product_id=product)
    owning = {item["id"]: item["is_owner"] for item in admin.get("/stock")["items"]}
    assert owning == {old: False, new: True, own: True}
    assert admin.get(f"/stock/{old}")["is_owner"] is False


def test_what_is_gone_is_shown_only_when_asked_for(admin: Caller, rows: Rows, store: Store) -> None:
    key = rows.stock(rows.connection("onec"), "A-1", "0")
    with store.database.write() as db:
        db.execute(update(stock_levels).values(removed_at=START))
    assert admin.ids("/stock") == []
    assert admin.ids("/stock", deleted="true") == [key]
    assert admin.get(f"/stock/{key}")["removed_at"] == "2026-01-12T09:00:00Z"


def test_what_shops_were_told(admin: Caller, caller: As, rows: Rows, store: Store) -> None:
    shop = rows.connection("shop")
    with store.database.write() as db:
        for number, status in enumerate(("sent", "refused")):
            db.execute(
                insert(stock_sent).values(
                    connection_id=shop,
                    target=f"s:{number}",
                    sku=str(number),
                    told=Decimal(3),
                    status=status,
                    message="Нельзя" if status == "refused" else "",
                    updated_at=START,
                )
            )
    (found,) = admin.get("/stock-sent", connection="shop", status="refused")["items"]
    assert (found["sku"], found["told"], found["message"]) == ("1", "3", "Нельзя")
    assert len(admin.get("/stock-sent")["items"]) == 2
    assert admin.get("/stock-sent", connection="nobody")["items"] == []
    assert caller("manager")("GET", "/stock-sent").status_code == 403

"""Connections, deliveries, runs, mappings and reports through the API."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from sqlalchemy import insert

from hub.store.database import utc_now
from hub.store.models import cursors, event_counts, rejections, row_issues, sync_runs
from hub.store.store import Store
from tests.api.conftest import Caller
from tests.support.rows import MAILGUN, START, Rows, at

SHOP: dict[str, Any] = {
    "connector": "woocommerce",
    "settings": {"url": "https://shop.example"},
    "secrets": {"webhook_secret": "hush", "consumer_key": "ck_1", "consumer_secret": "cs_1"},
    "schedule": {"orders": "every 15m"},
}


def test_a_connection_is_put_shown_without_secrets_and_keeps_them(
    admin: Caller, store: Store
) -> None:
    made = admin("PUT", "/connections/shop", json=SHOP)
    assert made.status_code == 200, made.json
    assert made.json["secrets"] == ["consumer_key", "consumer_secret", "webhook_secret"]
    assert "hush" not in made.text
    changed = {**SHOP, "title": "Магазин", "secrets": {"webhook_secret": "new"}}
    assert admin("PUT", "/connections/shop", json=changed).json["revision"] == 2
    kept = store.catalog.require("shop").connection.secrets
    assert (kept["webhook_secret"], kept["consumer_key"]) == ("new", "ck_1")
    assert "hush" not in str(admin.get("/connections"))


def test_a_host_that_is_left_alone_is_shown(admin: Caller, store: Store) -> None:
    admin("PUT", "/connections/shop", json=SHOP)
    traffic = store.catalog.require("shop").connection.traffic
    for _ in range(5):
        traffic.enter("shop.example", "", 1).failed("shop.example did not answer in time")
    shown = admin.get("/connections/shop")
    (breaker,) = shown["breakers"]
    assert (breaker["host"], breaker["state"], breaker["failures"]) == ("shop.example", "open", 5)
    assert breaker["reason"] == "shop.example did not answer in time"
    assert breaker["next_probe_at"] > breaker["opened_at"]
    assert len(shown["retry_seconds"]) == 9


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("Shop!", {}, "Small letters"),
        ("shop", {"connector": "nothing"}, "there is no connector"),
        ("shop", {"settings": {"colour": "red"}}, "colour"),
        ("shop", {"secrets": {}}, "is required"),
        ("shop", {"schedule": {"rain": "every 5m"}}, "there is no stream"),
        ("shop", {"mappings": {"order": {"fields": {"colour": "x"}}}}, "colour"),
        ("shop", {"extra": 1}, ""),
    ],
)
def test_a_wrong_connection_is_refused_with_the_reason(
    admin: Caller, store: Store, name: str, change: dict[str, Any], said: str
) -> None:
    answer = admin("PUT", f"/connections/{name}", json={**SHOP, **change})
    assert answer.status_code == 422
    assert said in answer.json["detail"]
    assert store.catalog.all() == []


def test_a_connection_is_paused_and_resumed(admin: Caller, rows: Rows, store: Store) -> None:
    rows.connection("mail")
    paused = admin("POST", "/connections/mail/pause", json={"reason": "moving"}).json
    assert (paused["state"], paused["state_reason"]) == ("paused", "moving")
    assert store.catalog.require("mail").state == "paused"
    assert admin("POST", "/connections/mail/resume").json["state"] == "active"
    assert admin("POST", "/connections/nobody/pause", json={}).status_code == 404


def test_the_overview_counts_what_is_open_dead_and_fresh(
    admin: Caller, rows: Rows, store: Store
) -> None:
    mail = rows.connection("mail")
    rows.connection("quiet")
    for status in ("received", "waiting", "dead", "done"):
        rows.event(mail, status=status)
    rows.delivery(mail, 1)
    rows.delivery(mail, 2, status="dead")
    now = utc_now()
    with store.database.write() as db:
        counted = {"connection_id": mail, "hour": now, "status": "done", "count": 40}
        db.execute(insert(event_counts).values(counted))
        old = {**counted, "hour": at(0), "count": 1000}
        db.execute(insert(event_counts).values(old))
        stream = {"connection_id": mail, "stream": "messages", "updated_at": now, "fresh_at": now}
        db.execute(insert(cursors).values(stream))
    found, quiet = admin.get("/connections")["items"]
    assert (found["open_events"], found["dead_events"]) == (2, 1)
    assert (found["open_deliveries"], found["dead_deliveries"]) == (1, 1)
    assert found["counts"] == {"done": 40}
    assert [stream["stream"] for stream in found["streams"]] == ["messages"]
    assert (quiet["name"], quiet["open_events"], quiet["counts"]) == ("quiet", 0, {})


def test_connections_are_paged_by_name(admin: Caller, rows: Rows) -> None:
    for name in ("b", "a", "c"):
        rows.connection(name)
    first = admin.get("/connections", limit=2)
    assert [item["name"] for item in first["items"]] == ["a", "b"]
    rest = admin.get("/connections", limit=2, cursor=first["next_cursor"])
    assert [item["name"] for item in rest["items"]] == ["c"]
    assert rest["next_cursor"] is None


def test_a_mapping_in_force_says_where_it_comes_from(admin: Caller, rows: Rows) -> None:
    own = {"message": {"fields": {"subject": {"const": "x"}}}}
    rows.connection("plain")
    rows.connection("own", {**MAILGUN, "mappings": own})
    items = admin.get("/mappings", entity="message")["items"]
    assert [(item["connection"], item["origin"]) for item in items] == [
        ("own", "both"),
        ("plain", "shipped"),
    ]
    one = admin.get("/mappings/own/message")
    assert one["document"]["fields"]["subject"] == {"const": "x"}
    assert admin("GET", "/mappings/own/rain").status_code == 404


def test_a_dead_delivery_runs_again(admin: Caller, rows: Rows) -> None:
    mail = rows.connection()
    delivery = rows.delivery(mail, rows.record("order"), status="dead", error_code="rejected")
    rows.attempt("delivery", delivery, status_code=422, reply="s3cret-signing is wrong")
    assert admin.ids("/deliveries", status="dead", entity="order") == [delivery]
    found = admin.get(f"/deliveries/{delivery}")
    assert found["attempt_list"][0]["reply"] == "••• is wrong"
    assert admin("POST", f"/deliveries/{delivery}/replay").json["status"] == "pending"
    assert admin("POST", f"/deliveries/{delivery}/replay").status_code == 409
    assert admin("POST", "/deliveries/999/replay").status_code == 404


def test_a_poll_is_asked_for_once_and_shown_with_its_issues(admin: Caller, store: Store) -> None:
    admin("PUT", "/connections/shop", json=SHOP)
    body = {"connection": "shop", "stream": "orders"}
    made = admin("POST", "/sync-runs", json=body)
    assert made.status_code == 201
    assert admin("POST", "/sync-runs", json=body).json["id"] == made.json["id"]
    with store.database.write() as db:
        issue = {"run_id": made.json["id"], "place": "page 1, row 3", "message": "no id"}
        db.execute(insert(row_issues).values(issue))
    assert admin.get(f"/sync-runs/{made.json['id']}")["issues"][0]["message"] == "no id"
    assert admin.ids("/sync-runs", connection="shop", status="queued") == [made.json["id"]]
    wrong = admin("POST", "/sync-runs", json={"connection": "shop", "stream": "rain"})
    assert wrong.status_code == 422
    assert "orders" in wrong.json["detail"]


def test_only_a_held_run_is_approved(admin: Caller, rows: Rows, store: Store) -> None:
    mail = rows.connection()
    run = {"connection_id": mail, "stream": "stock", "trigger": "schedule", "created_at": START}
    with store.database.write() as db:
        held = db.execute(
            insert(sync_runs).values(**run, status="held", rows_read=3).returning(sync_runs.c.id)
        ).scalar_one()
    answer = admin("POST", f"/sync-runs/{held}/approve")
    assert answer.status_code == 201
    assert answer.json["approved_by"] == "token:admin's"
    assert admin("POST", f"/sync-runs/{held}/approve").status_code == 409
    assert admin("POST", "/sync-runs/999/approve").status_code == 404


def test_refusals_are_listed_latest_first(admin: Caller, store: Store) -> None:
    with store.database.write() as db:
        for number, name in enumerate(("late", "early")):
            values = {"connection_name": name, "cause": "signature", "first_at": at(0)}
            db.execute(insert(rejections).values(**values, last_at=at(9 - number)))
    items = admin.get("/rejections")["items"]
    assert [item["connection"] for item in items] == ["late", "early"]
    assert len(admin.get("/rejections", connection="early")["items"]) == 1


@pytest.mark.parametrize("group", ["manager", "day"])
def test_every_number_of_a_report_opens_down_to_its_calls(
    admin: Caller, rows: Rows, group: str
) -> None:
    day = 24 * 60
    for minutes, manager, status, wait in (
        (0, "vera", "answered", 10),
        (1, "vera", "answered", 21),
        (2, "vera", "missed", None),
        (day, None, "missed", None),
        (day + 12 * 60 + 1, "vera", "answered", 5),  # 00:01 of the third day in Moscow
        (40 * day, "vera", "answered", 1),
    ):
        rows.record(
            "call",
            started_at=at(minutes),
            manager=manager,
            status=status,
            direction="in",
            wait_seconds=wait,
            talk_seconds=60,
        )
    query = {"from": "2026-01-12", "to": "2026-01-14", "group": group}
    items = admin.get("/reports/calls", **query)["items"]
    assert [item["total"] for item in items] == ([1, 4] if group == "manager" else [3, 1, 1])
    assert sum(item["missed"] for item in items) == 2
    for item in items:
        link = urlsplit(item["filter"])
        assert link.path == "/api/v1/calls"
        ids = admin.ids("/calls", **dict(parse_qsl(link.query)))
        assert len(ids) == item["total"], item


@pytest.mark.parametrize(
    "query",
    [
        {"from": "2026-02-01", "to": "2026-01-01"},
        {"from": "2020-01-01", "to": "2026-01-01"},
        {"from": "0001-01-01"},
        {"to": "9999-12-31"},
        {"group": "moon"},
    ],
)
def test_a_report_of_no_sensible_period_is_refused(admin: Caller, query: dict[str, str]) -> None:
    assert admin("GET", "/reports/calls", **query).status_code == 422


def test_the_figures_of_a_report(admin: Caller, rows: Rows) -> None:
    for minutes, status in ((0, "answered"), (1, "missed"), (2, "missed")):
        rows.record("call", started_at=at(minutes), direction="in", status=status, manager="vera")
    query = {"report": "calls", "from": "2026-01-12", "to": "2026-01-12"}
    found = admin.get("/reports/figures", **query)
    told = {one["name"]: one["value"] for one in found["figures"]}
    assert (told["incoming"], told["missed"], told["missed_share"]) == ("3", "2", "66.7")
    assert (found["before_from"], found["before_to"]) == ("2026-01-11", "2026-01-11")
    table = next(one for one in found["tables"] if one["name"] == "manager")
    assert table["rows"][0]["key"] == ["vera"]
    assert dict(zip(table["columns"], table["rows"][0]["values"], strict=True))["total"] == "3"
    assert admin.get("/reports/figures", **query, manager="nobody")["figures"][0]["value"] == "0"

"""Errors under /api are problems with a reason; elsewhere nothing changes."""

from __future__ import annotations

import pytest
from flask import Flask

from hub.store.lists import records
from tests.api.conftest import Caller


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/orders/999", 404),
        ("GET", "/orders/99999999999999999999", 404),
        ("GET", "/nothing", 404),
        ("DELETE", "/orders", 405),
        ("DELETE", "/stock/1", 405),
        ("PATCH", "/products/1", 405),
        ("GET", "/orders?unknown=1", 422),
        ("GET", "/orders?contact_id=0", 422),
        ("GET", "/products?phone=123", 422),
        ("GET", "/calls?status=unknown", 422),
    ],
)
def test_errors_are_problems(admin: Caller, method: str, path: str, status: int) -> None:
    answer = admin(method, path)
    assert answer.status_code == status
    assert answer.mimetype == "application/problem+json"
    assert answer.json["status"] == status
    assert answer.json["title"]


def test_a_method_that_is_not_allowed_says_which_are(admin: Caller) -> None:
    assert "GET" in admin("DELETE", "/orders").headers["Allow"]


@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff\xfe", b'"text"', b"null"])
def test_a_body_that_is_no_table_is_a_problem(app: Flask, admin: Caller, body: bytes) -> None:
    answer = app.test_client().post(
        "/api/v1/tasks",
        data=body,
        content_type="application/json",
        headers={"Authorization": f"Bearer {admin.token}"},
    )
    assert answer.status_code in {400, 422}
    assert answer.mimetype == "application/problem+json"


def test_a_huge_body_is_refused(app: Flask, admin: Caller) -> None:
    answer = app.test_client().post(
        "/api/v1/tasks",
        data=b'{"title": "' + b"x" * 2_000_000 + b'"}',
        content_type="application/json",
        headers={"Authorization": f"Bearer {admin.token}"},
    )
    assert answer.status_code == 413
    assert answer.mimetype == "application/problem+json"


def test_a_bug_shows_no_details(app: Flask, admin: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_args: object, **_options: object) -> None:
        raise RuntimeError("the password is hunter2")

    monkeypatch.setattr(records, "get_record", fail)
    answer = admin("GET", "/orders/1")
    assert answer.status_code == 500
    assert answer.mimetype == "application/problem+json"
    assert "hunter2" not in answer.text


def test_pages_keep_their_own_errors(app: Flask) -> None:
    assert app.test_client().get("/no/such/page").mimetype != "application/problem+json"


@pytest.mark.parametrize("path", ["/login", "/nothing", "/api/v1/orders", "/api/v1/nothing", "/"])
def test_a_query_that_is_not_utf8_is_refused(app: Flask, path: str) -> None:
    answer = app.test_client().get(path, environ_overrides={"QUERY_STRING": "q=\xff"})
    assert answer.status_code == 400
    assert "UTF-8" in answer.text or "text/html" in answer.content_type

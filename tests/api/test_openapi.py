"""The API does what its own description says, whatever is sent."""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from openapi_spec_validator import validate
from schemathesis import GenerationMode
from schemathesis.core.result import Ok
from schemathesis.specs.openapi import checks

from hub.store import tokens
from hub.store.store import Store
from tests.support.people import IRINA, PAVEL
from tests.support.rows import Rows

EXAMPLES = 4
#: Neither can hold here: a cursor is text that only the hub makes up, some fields go only
#: together, and the calls below send a token even where the case leaves it out.
NOT_ASKED = [checks.positive_data_acceptance, checks.negative_data_rejection]


@pytest.fixture
def spec(app: Flask) -> Any:
    return app.test_client().get("/api/openapi.json").json


def test_description_is_valid_openapi_31(spec: Any) -> None:
    assert spec["openapi"] == "3.1.0"
    validate(spec)


def test_every_operation_documents_its_errors(spec: Any) -> None:
    for path, operations in spec["paths"].items():
        for method, operation in operations.items():
            if method == "parameters":
                continue
            assert {"401", "403", "422"} <= set(operation["responses"]), f"{method} {path}"
            if "{" in path and method != "put":
                assert "404" in operation["responses"], f"{method} {path}"


@pytest.mark.timeout(180)
def test_no_request_makes_it_break_its_word(app: Flask, rows: Rows, store: Store) -> None:
    _fill(rows)
    token = tokens.create(store.database, "explorer", "admin")
    schema = schemathesis.openapi.from_wsgi("/api/openapi.json", app)
    tried = 0
    for result in schema.get_all_operations():
        assert isinstance(result, Ok)
        operation = result.ok()
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            _explore(operation, mode, token)
            tried += 1
    assert tried > 80


def _explore(operation: Any, mode: GenerationMode, token: str) -> None:
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def check(case: Any) -> None:
        case.call_and_validate(
            headers={"Authorization": f"Bearer {token}"}, excluded_checks=NOT_ASKED
        )

    check()


def _fill(rows: Rows) -> None:
    connection = rows.connection()
    contact = rows.contact(IRINA)
    rows.contact(PAVEL)
    rows.record("order", contact_id=contact, number="1", lines=[{"sku": "A-1", "quantity": "2"}])
    rows.stock(connection, "A-1", "5.500")
    rows.event(connection)
    rows.delivery(connection, 1)


def test_docs_page_loads_only_from_this_host_and_runs_no_inline_script(app: Flask) -> None:
    client = app.test_client()
    page = client.get("/api/docs")
    text = page.get_data(as_text=True)
    assert page.status_code == 200
    assert "//" not in text.replace("<!doctype", "")
    assert text.count("<script") == text.count("<script src=")
    assert "script-src 'self';" in page.headers["Content-Security-Policy"]
    for line in text.splitlines():
        for mark in ('src="', 'href="/'):
            if mark in line:
                address = line.split(mark.rstrip("/"))[1].split('"')[0]
                assert client.get(address).status_code == 200, address

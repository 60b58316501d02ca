"""Every fixture becomes what its golden file says, and nothing forged becomes anything."""

from __future__ import annotations

import socket
from dataclasses import replace
from typing import Any

import pytest

from hub.registry import CONNECTORS, connector
from hub.sdk.connection import Secrets
from hub.sdk.errors import HubError, Ignored, PayloadError, SignatureError
from hub.sdk.records import WantedRun
from hub.sdk.request import RawRequest
from tests.contract.cases import (
    CASES,
    OUTCOMES,
    Case,
    check_record,
    fixture_connection,
    parsed,
    record_as_golden,
    suite_option,
    webhook_of,
)

GOLDEN_KEYS = {"event_type", "event_key", "ordering_key", "received_at", *OUTCOMES}


def verify(case: Case, request: RawRequest) -> None:
    code = webhook_of(case.connector)
    assert code.verify
    code.verify(request, case.connection, case.received_at)


def outcome(case: Case) -> tuple[str, Any]:
    """What parse makes of the fixture: (records | ignored | payload_error, what exactly)."""
    try:
        records = parsed(case.connector, case.event, case.connection)
    except Ignored as error:
        return "ignored", error.message
    except PayloadError as error:
        return "payload_error", error.message
    if records and isinstance(records[0], WantedRun):
        return "runs", [run.stream for run in records]
    return "records", [record_as_golden(record) for record in records]


def test_golden_file_says_one_thing(case: Case) -> None:
    keys = set(case.expected)
    assert {"event_type", "event_key", "ordering_key"} <= keys <= GOLDEN_KEYS
    assert len(keys & set(OUTCOMES)) == 1


def test_request_passes_verification(case: Case) -> None:
    verify(case, case.request)


def test_keys_and_type(case: Case) -> None:
    code, connection = webhook_of(case.connector), case.connection
    assert code.event_key
    assert code.event_type
    assert code.ordering_key
    found = {
        "event_key": code.event_key(case.request, connection),
        "event_type": code.event_type(case.request, connection),
        "ordering_key": code.ordering_key(case.request, connection),
    }
    assert found == {key: case.expected[key] for key in found}
    assert all(len(value) <= 255 for value in found.values())


def test_parses_to_its_golden_file_twice_the_same(case: Case) -> None:
    first, second = outcome(case), outcome(case)
    assert first == second
    kind, found = first
    assert kind in case.expected, f"became {kind}: {found}"
    wanted = case.expected[kind]
    if kind == "records":
        defaults = {"version": "", "part": "", "occurred_at": None, "deleted": False}
        assert found == [{**defaults, **record} for record in wanted]
    elif kind == "runs":
        assert found == wanted
    else:
        assert wanted
        assert wanted in found


def test_records_keep_to_the_rules(case: Case) -> None:
    if "records" in case.expected:
        records = parsed(case.connector, case.event, case.connection)
        # Only the pieces of an upload carry none by themselves.
        assert records or connector(case.connector).read_upload
        manifest = connector(case.connector).manifest
        for record in records:
            check_record(case.connector, record)
            assert record.external_id or manifest.mappings_from_connection


def test_parse_reaches_for_nothing(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("parse opened a connection")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert outcome(case)[0] in case.expected


def test_a_changed_byte_is_refused(signed_case: Case) -> None:
    """In the first, the middle and the last byte of the body."""
    body = signed_case.request.body
    assert body
    for place in sorted({0, len(body) // 2, len(body) - 1}):
        forged = body[:place] + bytes([body[place] ^ 1]) + body[place + 1 :]
        with pytest.raises(SignatureError):
            verify(signed_case, replace(signed_case.request, body=forged))


def test_another_secret_is_refused(case: Case) -> None:
    others = Secrets(dict.fromkeys(case.connection.secrets, "whsec_b3RoZXItc2VjcmV0"))
    code = webhook_of(case.connector)
    assert code.verify
    with pytest.raises(SignatureError):
        code.verify(case.request, replace(case.connection, secrets=others), case.received_at)


def test_bare_request_is_refused(case: Case) -> None:
    """Without headers, query and body nobody proves anything."""
    with pytest.raises(SignatureError):
        verify(case, RawRequest(body=b"", path=case.request.path))


def test_errors_keep_the_secrets(case: Case) -> None:
    connection = case.connection
    with pytest.raises(HubError) as caught:
        verify(case, RawRequest(body=b"", path=case.request.path))
    told = f"{caught.value!r} {caught.value} {caught.value.detail} {connection!r} {connection}"
    for name in connection.secrets:
        for value in connection.secrets.all(name):
            assert value not in told


def test_every_declared_event_type_has_a_fixture(webhook_name: str) -> None:
    seen = {case.expected["event_type"] for case in CASES if case.connector == webhook_name}
    assert seen, "no fixtures"
    missing = set(connector(webhook_name).manifest.event_types) - seen
    assert not missing


def test_undeclared_event_types_give_no_records(webhook_name: str) -> None:
    declared = connector(webhook_name).manifest.event_types
    for case in CASES:
        if case.connector == webhook_name and "records" in case.expected and declared:
            assert case.expected["event_type"] in declared


def test_unknown_type_is_ignored_with_a_reason(webhook_name: str) -> None:
    """A fixture shows it, unless connection.yml tells why every event of this vendor is kept."""
    ignored = [
        case.expected["ignored"]
        for case in CASES
        if case.connector == webhook_name and "ignored" in case.expected
    ]
    assert any(ignored) or suite_option(webhook_name, "every_event_kept")


def test_every_golden_file_has_its_request(webhook_name: str) -> None:
    fixtures = CONNECTORS / webhook_name / "fixtures"
    requests = {path.stem for path in fixtures.glob("*.http")}
    assert requests
    for stem in requests:
        assert (fixtures / f"{stem}.expected.json").exists()
    assert fixture_connection(webhook_name).connector == webhook_name

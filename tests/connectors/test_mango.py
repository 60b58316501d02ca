"""Mango Office: signatures over exact bytes, golden fixtures, rubbish in every field."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from connectors.mango import message, webhook
from connectors.mango.emulator import signed
from hub.sdk.connection import Connection, Secrets
from hub.sdk.entities import CALL_DIRECTIONS, CALL_LEG_STATES, CALL_STATUSES
from hub.sdk.errors import Ignored, PayloadError, SignatureError
from hub.sdk.manifest import build_manifest
from hub.sdk.records import SourceRecord
from hub.sdk.request import Event, RawRequest
from hub.sdk.testing import read_http

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "connectors" / "mango"
FIXTURES = sorted((FOLDER / "fixtures").glob("*.http"))
NOW = datetime(2025, 10, 20, 10, 2, tzinfo=UTC)
ENTRY, LEG = "NTAwOTE1MTM3MQ==", "MToxMDA2MDg1OjQ4OjU4MTg1"
CLIENT, LINE = "79160000010", "74950000010"
#: The checked lines of the vendor's documented scheme, with key k1 and salt s1.
VECTORS = [
    (
        '{"entry_id":"NTAwOTE1MTM3MQ==","call_direction":1}',
        "5dd132ebf592e868181b99dc32d88b8a9c34b0023ad26861d3a110dd90134786",
    ),
    (
        '{"entry_id":"NTAwOTE1MTM3MQ==","call_id":"MToxMDA2MDg1OjQ4OjU4MTg1",'
        '"timestamp":1760954400,"seq":1,"call_state":"Appeared","location":"abonent",'
        '"from":{"number":"79161234567"},"to":{"extension":"101",'
        '"number":"sip:ivanov@acme.mangosip.ru","line_number":"74951230000","acd_group":"10"},'
        '"dct":{"type":0}}',
        "437f4cc981e1be8b0a7b815eb0faa8a59824e8710f11413a2d002b068e4cdd48",
    ),
]


def load_yaml(path: Path) -> Any:
    return YAML(typ="safe").load(path)


def make_connection(**settings: Any) -> Connection:
    return Connection(
        name="mango-main",
        connector="mango",
        settings={"managers": {}, "time_offset_seconds": None, **settings},
        secrets=Secrets({"api_key": "k1", "api_salt": "s1"}),
    )


def parse(path: str, told: Any, at: datetime = NOW, **settings: Any) -> SourceRecord:
    request = signed(path, json.dumps(told), "k1", "s1")
    webhook.verify(request, make_connection(**settings), at)
    (record,) = webhook.parse(Event(request, at), make_connection(**settings))
    return record


def told_by(fixture: str, **changes: Any) -> dict[str, Any]:
    """What a fixture tells, with changes."""
    request = read_http(FOLDER / "fixtures" / f"{fixture}.http")
    return {**message.load(request), **changes}


def leg(**changes: Any) -> dict[str, Any]:
    return told_by("call_disconnected", **changes)


def summary(**changes: Any) -> dict[str, Any]:
    return told_by("summary_answered", **changes)


# --- signature -----------------------------------------------------------------------------


@pytest.mark.parametrize(("text", "sign"), VECTORS)
def test_checked_vector_is_accepted(text: str, sign: str) -> None:
    body = urlencode({"vpbx_api_key": "k1", "sign": sign, "json": text}).encode()
    webhook.verify(RawRequest(body, path="events/call"), make_connection(), NOW)


def test_any_changed_byte_of_the_message_is_refused() -> None:
    text = VECTORS[1][0].encode()
    fields = {"vpbx_api_key": "k1", "sign": VECTORS[1][1]}
    for place in range(len(text)):
        broken = text[:place] + bytes([text[place] ^ 1]) + text[place + 1 :]
        body = urlencode({**fields, "json": broken}).encode()
        with pytest.raises(SignatureError):
            webhook.verify(RawRequest(body), make_connection(), NOW)


@given(text=st.binary(max_size=200))
def test_signature_covers_exact_bytes_whatever_they_are(text: bytes) -> None:
    sign = hashlib.sha256(b"k1" + text + b"s1").hexdigest()
    body = urlencode({"vpbx_api_key": "k1", "sign": sign, "json": text}).encode()
    webhook.verify(RawRequest(body), make_connection(), NOW)


def test_upper_case_signature_is_the_same_signature() -> None:
    body = urlencode({"vpbx_api_key": "k1", "sign": VECTORS[0][1].upper(), "json": VECTORS[0][0]})
    webhook.verify(RawRequest(body.encode()), make_connection(), NOW)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"vpbx_api_key": "k2", "sign": VECTORS[0][1], "json": VECTORS[0][0]}, "vpbx_api_key"),
        ({"vpbx_api_key": "k1", "sign": "00", "json": VECTORS[0][0]}, "signature"),
        ({"vpbx_api_key": "k1", "sign": "", "json": VECTORS[0][0]}, "signature is missing"),
        ({"vpbx_api_key": "k1", "sign": "ключ", "json": VECTORS[0][0]}, "signature"),
        ({"sign": VECTORS[0][1], "json": VECTORS[0][0]}, "vpbx_api_key is missing"),
        ({"vpbx_api_key": "k1", "json": VECTORS[0][0]}, "no fields sign and json"),
        ({}, "no fields sign and json"),
    ],
)
def test_unproved_sender_is_refused(fields: dict[str, str], reason: str) -> None:
    with pytest.raises(SignatureError, match=reason) as caught:
        webhook.verify(RawRequest(urlencode(fields).encode()), make_connection(), NOW)
    assert "s1" not in str(caught.value)


def test_both_secrets_work_while_they_rotate() -> None:
    secrets = Secrets({"api_key": ["k2", "k1"], "api_salt": ["s2", "s1"]})
    rotating = Connection(name="m", connector="mango", secrets=secrets)
    webhook.verify(signed("events/call", "{}", "k1", "s1"), rotating, NOW)
    webhook.verify(signed("events/call", "{}", "k2", "s2"), rotating, NOW)
    with pytest.raises(SignatureError):
        webhook.verify(signed("events/call", "{}", "k1", "s3"), rotating, NOW)


# --- fixtures and rubbish ------------------------------------------------------------------


@pytest.mark.parametrize("path", FIXTURES, ids=lambda path: path.stem)
def test_fixture_parses_to_its_golden_file(path: Path) -> None:
    filed = load_yaml(FOLDER / "fixtures" / "connection.yml")
    connection = Connection(
        name="fixture",
        connector="mango",
        settings=filed["settings"],
        secrets=Secrets(filed["secrets"]),
    )
    expected = json.loads(path.with_suffix(".expected.json").read_text())
    request, at = read_http(path), datetime.fromisoformat(filed["received_at"])
    webhook.verify(request, connection, at)
    assert webhook.event_type(request, connection) == expected["event_type"]
    assert webhook.event_key(request, connection) == expected["event_key"]
    assert webhook.ordering_key(request, connection) == expected["ordering_key"]
    event = Event(request, at)
    if "records" not in expected:
        kind, word = (
            (Ignored, expected["ignored"])
            if "ignored" in expected
            else (PayloadError, expected["payload_error"])
        )
        with pytest.raises(kind) as caught:
            webhook.parse(event, connection)
        assert word in caught.value.message
        return
    (record,) = webhook.parse(event, connection)
    assert [record] == list(webhook.parse(event, connection))
    (golden,) = expected["records"]
    golden["occurred_at"] = datetime.fromisoformat(golden["occurred_at"])
    assert golden == {name: getattr(record, name) for name in golden}


def test_every_declared_event_type_has_a_fixture() -> None:
    manifest = build_manifest(load_yaml(FOLDER / "manifest.yml"), FOLDER)
    assert {read_http(path).path for path in FIXTURES} == set(manifest.event_types)


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("result/stat", "tells how a command ended"),
        ("result/callback", "tells how a command ended"),
        ("events/call/events/call", "must end with the connection's name"),
        ("", "must end with the connection's name"),
    ],
)
def test_other_paths_are_ignored_with_a_reason(path: str, reason: str) -> None:
    with pytest.raises(Ignored, match=reason):
        parse(path, leg())


@given(
    path=st.sampled_from(sorted(webhook.READERS)) | st.text(max_size=20),
    body=st.binary(max_size=200)
    | st.binary(max_size=100).map(lambda raw: urlencode({"json": raw}).encode()),
)
def test_any_bytes_raise_nothing_but_what_the_hub_expects(path: str, body: bytes) -> None:
    request, connection = RawRequest(body, path=path), make_connection()
    assert webhook.event_key(request, connection) == ""
    assert isinstance(webhook.event_type(request, connection), str)
    assert isinstance(webhook.ordering_key(request, connection), str)
    with pytest.raises((Ignored, PayloadError)):
        webhook.parse(Event(request, NOW), connection)


RUBBISH = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=4,
)


@given(
    path=st.sampled_from(sorted(webhook.READERS)),
    told=st.sampled_from([leg(), summary(), leg(recording_id="r")]),
    spoiled=st.dictionaries(
        st.sampled_from(sorted({*leg(), *summary(), "recording_id"})), RUBBISH, max_size=3
    ),
)
def test_any_field_may_be_rubbish(path: str, told: dict[str, Any], spoiled: dict[str, Any]) -> None:
    try:
        record = parse(path, {**told, **spoiled})
    except (Ignored, PayloadError):
        return
    assert record.external_id
    assert record.occurred_at is not None
    assert record.occurred_at.tzinfo is UTC
    assert record.data.get("direction") in {None, *CALL_DIRECTIONS}
    assert record.data.get("leg_state") in {None, *CALL_LEG_STATES}
    assert record.data.get("outcome") in {None, *CALL_STATUSES}


@pytest.mark.parametrize(
    ("path", "told", "reason"),
    [
        ("events/call", leg(entry_id=""), "entry_id is missing"),
        ("events/call", leg(entry_id="x" * 300), "entry_id is longer"),
        ("events/call", leg(call_id=None), "call_id is missing"),
        ("events/call", leg(call_state=None), "call_state is missing"),
        ("events/call", leg(timestamp=0), "timestamp is missing"),
        ("events/call", leg(timestamp=1760954412000), "timestamp is not a unix time"),
        ("events/summary", summary(end_time=0), "end_time is missing"),
        ("events/summary", summary(create_time=0), "create_time is missing"),
        ("events/record/added", leg(), "recording_id is missing"),
        ("events/call", [1], "no object"),
    ],
)
def test_what_cannot_be_understood_says_why(path: str, told: Any, reason: str) -> None:
    with pytest.raises(PayloadError, match=reason):
        parse(path, told)

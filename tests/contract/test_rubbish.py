"""Whatever bytes come: the keys never raise, parse says Ignored or PayloadError, nothing else."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.sdk.errors import Ignored, PayloadError, SignatureError
from hub.sdk.records import WantedRun
from hub.sdk.request import Event, RawRequest, Reply
from tests.contract.cases import CASES, check_record, fixture_connection, webhook_of

NOW = datetime(2026, 1, 12, 15, 21, 12, tzinfo=UTC)
FORM = "application/x-www-form-urlencoded"
MEDIA = st.sampled_from(
    [
        "",
        "application/json",
        "application/xml",
        FORM,
        f"{FORM}; charset=undefined",
        f"{FORM}; charset=windows-1251",
        "multipart/form-data",
        "multipart/form-data; boundary=b",
        "text/plain; charset=\x00",
    ]
)
JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=True)
    | st.text(max_size=12)
    | st.sampled_from(["0001-01-01T00:00:00", "9999-12-31", "1e999", "-1", "", "\x00", "NaN"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=5,
)
BOMB = b'<!DOCTYPE a [<!ENTITY b "bbbb"><!ENTITY c "&b;&b;&b;">]><a>&c;</a>'
HOSTILE = [
    b"",
    b"\xff\xfe\x00",
    b"[" * 100_000,
    b'{"a":' * 2_000 + b"1" + b"}" * 2_000,
    b"9" * 5_000,
    b"[1e999999999999999999999, 1e-999999999]",
    b'{"a": "\\ud800"}',
    BOMB,
    b"<a>" * 300 + b"</a>" * 300,
    b"a[" * 200 + b"=1&json=%7B",
    b"--b\r\nContent-Disposition: form-data\r\n\r\n\r\n--b--",
    b"null",
    b"[]",
    b'"text"',
    b"{}",
]
relaxed = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def survive(name: str, request: RawRequest) -> None:
    code, connection = webhook_of(name), fixture_connection(name)
    for function in (code.event_key, code.event_type, code.ordering_key):
        assert function
        assert isinstance(function(request, connection), str)
    assert code.verify
    assert code.parse
    try:
        code.verify(request, connection, NOW)
    except SignatureError as error:
        assert str(error)  # noqa: PT017  # a pass is as good as a refusal here
    if code.answer:
        reply = code.answer(request, connection, lambda kind, value: None)
        assert reply is None or isinstance(reply, Reply)
    try:
        records = list(code.parse(Event(request, NOW), connection))
    except (Ignored, PayloadError) as error:
        assert str(error)  # noqa: PT017  # rubbish that happens to be good is good
    else:
        for record in records:
            if not isinstance(record, WantedRun):
                check_record(name, record)


def paths(name: str) -> list[str]:
    return sorted({case.request.path for case in CASES if case.connector == name})


def test_hostile_bodies(webhook_name: str) -> None:
    for case in (case for case in CASES if case.connector == webhook_name):
        for body in HOSTILE:
            survive(webhook_name, replace(case.request, body=body))
            survive(webhook_name, RawRequest(body=body, path=case.request.path))


@relaxed
@given(data=st.data(), body=st.binary(max_size=300), media=MEDIA)
def test_random_bytes(webhook_name: str, data: st.DataObject, body: bytes, media: str) -> None:
    path = data.draw(st.sampled_from([*paths(webhook_name), "", "нет/такого"]))
    headers = (("Content-Type", media),)
    survive(webhook_name, RawRequest(body=body, headers=headers, path=path))


@relaxed
@given(data=st.data())
def test_fixtures_cut_short(webhook_name: str, data: st.DataObject) -> None:
    case = data.draw(st.sampled_from([case for case in CASES if case.connector == webhook_name]))
    request = case.request
    cut = data.draw(st.integers(0, len(request.body)))
    survive(webhook_name, replace(request, body=request.body[:cut]))


@relaxed
@given(data=st.data())
def test_fixtures_with_other_values_inside(webhook_name: str, data: st.DataObject) -> None:
    case = data.draw(st.sampled_from([case for case in CASES if case.connector == webhook_name]))
    request = case.request
    survive(webhook_name, replace(request, body=changed(request.body, data)))


def changed(body: bytes, data: st.DataObject) -> bytes:
    """The body with one value somewhere inside replaced, in JSON, a form or JSON in a form."""
    try:
        return json.dumps(planted(json.loads(body), data)).encode()
    except ValueError:
        pairs = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)
    if not pairs or body.startswith(b"--"):
        return body.replace(b"1", data.draw(st.binary(max_size=4)))
    place = data.draw(st.integers(0, len(pairs) - 1))
    name, value = pairs[place]
    try:
        value = json.dumps(planted(json.loads(value), data))
    except ValueError:
        value = str(data.draw(JSON_VALUES))
    pairs[place] = (name, value)
    return urlencode(pairs, errors="replace").encode()


def planted(tree: Any, data: st.DataObject) -> Any:
    """The tree with one node, at a random depth, replaced by a random value or removed."""
    if not tree or not isinstance(tree, dict | list) or data.draw(st.integers(0, 4)) == 0:
        return data.draw(JSON_VALUES)
    places = sorted(tree) if isinstance(tree, dict) else list(range(len(tree)))
    place = data.draw(st.sampled_from(places))
    if data.draw(st.integers(0, 5)) == 0:
        del tree[place]
    else:
        tree[place] = planted(tree[place], data)
    return tree

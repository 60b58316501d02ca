"""Mailgun routes: signatures, forms of every kind, and what is no inbound mail at all."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote_from_bytes

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.mailgun import webhook
from connectors.mailgun.emulator import (
    ANSWER,
    AWAY,
    MIME,
    PAPERS,
    QUESTION,
    SIGNING_KEY,
    Emulator,
    fields,
    mime_fields,
    multipart,
    sign,
    urlencoded,
)
from hub.registry import make_connection
from hub.sdk.connection import Connection
from hub.sdk.errors import Ignored, PayloadError, SignatureError
from hub.sdk.records import SourceRecord
from hub.sdk.request import Event, RawRequest

NOW = datetime.now(UTC)
FORM = (("Content-Type", "application/x-www-form-urlencoded"),)


def connection(keys: Any = SIGNING_KEY, **settings: Any) -> Connection:
    return make_connection(
        {"connector": "mailgun", "settings": settings, "secrets": {"signing_key": keys}}
    )


CONNECTION = connection()


def parse(request: RawRequest) -> SourceRecord:
    (record,) = webhook.parse(Event(request, NOW), CONNECTION)
    return record


def raw_form(*pairs: tuple[str, bytes]) -> RawRequest:
    body = "&".join(f"{name}={quote_from_bytes(value, safe='')}" for name, value in pairs)
    return RawRequest(body=body.encode(), headers=FORM)


def test_the_emulators_deliveries_pass_and_repeats_share_a_key() -> None:
    emulator = Emulator()
    account = make_connection(emulator.connection())
    requests = emulator.webhooks()
    for request in requests:
        webhook.verify(request, account, NOW)
    keys = [webhook.event_key(request, account) for request in requests]
    ids = {parse(request).external_id for request in requests}
    assert len(requests) == 7
    assert len(set(keys)) == len(ids) == emulator.expected()["message"]


def test_the_mails_of_one_conversation_share_an_ordering_key() -> None:
    keys = {
        webhook.ordering_key(urlencoded(fields(mail)), CONNECTION) for mail in (QUESTION, ANSWER)
    }
    assert keys == {"<mg-1@client.example>"}


def test_the_reply_ends_the_delivery() -> None:
    reply = webhook.accepted(urlencoded(fields(QUESTION)), CONNECTION)
    assert (reply.status, reply.body) == (200, b"ok")


@pytest.mark.parametrize("field", ["timestamp", "token", "signature"])
def test_a_changed_or_missing_field_is_refused(field: str) -> None:
    pairs = dict(fields(QUESTION))
    for value in ("", "0", pairs[field] + "0"):
        with pytest.raises(SignatureError):
            webhook.verify(urlencoded([*{**pairs, field: value}.items()]), CONNECTION, NOW)


def test_any_of_several_keys_is_good_and_an_old_one_is_not() -> None:
    request = urlencoded(fields(QUESTION))
    webhook.verify(request, connection(["new-key", SIGNING_KEY]), NOW)
    with pytest.raises(SignatureError):
        webhook.verify(request, connection(["new-key", "newer-key"]), NOW)


def test_of_a_repeated_field_the_last_counts() -> None:
    pairs = [("token", "forged"), ("signature", "00"), *fields(QUESTION)]
    webhook.verify(urlencoded(pairs), CONNECTION, NOW)
    with pytest.raises(SignatureError):
        webhook.verify(urlencoded([*fields(QUESTION), ("token", "forged")]), CONNECTION, NOW)


def test_the_age_is_checked_only_when_the_admin_says_so() -> None:
    request = urlencoded(sign("token", int((NOW - timedelta(hours=10)).timestamp())))
    webhook.verify(request, CONNECTION, NOW)
    webhook.verify(request, connection(max_age_hours=12), NOW)
    with pytest.raises(SignatureError):
        webhook.verify(request, connection(max_age_hours=9), NOW)


def test_no_key_appears_in_an_error() -> None:
    with pytest.raises(SignatureError) as caught:
        webhook.verify(urlencoded([*fields(QUESTION), ("signature", "00")]), CONNECTION, NOW)
    assert SIGNING_KEY not in f"{caught.value!r} {caught.value.detail} {CONNECTION!r}"


def test_the_fields_become_a_message() -> None:
    record = parse(urlencoded(fields(ANSWER)))
    data = record.data
    assert record.external_id == "<mg-2@client.example>"
    assert (data["from_name"], data["from_address"]) == (ANSWER.name, ANSWER.address)
    assert data["references"] == ["<mg-1@client.example>"]
    assert data["stripped_text"] == "Подходит."
    assert data["text"].endswith("> 390 рублей.")
    assert data["recipient"] == "sales@in.shop.example"


def test_files_of_a_multipart_form_are_listed() -> None:
    files = [("Счёт.pdf", "application/pdf", b"%PDF"), ("a.txt", "text/plain", b"")]
    assert parse(multipart(fields(PAPERS), files)).data["attachments"] == [
        {"name": "Счёт.pdf", "content_type": "application/pdf", "size_bytes": 4},
        {"name": "a.txt", "content_type": "text/plain", "size_bytes": 0},
    ]


def test_stored_attachments_are_listed_without_being_fetched() -> None:
    stored = [{"url": "https://x.example/1", "name": "a.pdf", "content-type": "a/b", "size": 7}]
    record = parse(urlencoded([*fields(PAPERS), ("attachments", json.dumps(stored))]))
    assert record.data["attachments"] == [{"name": "a.pdf", "content_type": "a/b", "size_bytes": 7}]


@pytest.mark.parametrize("charset", ["windows-1251", "koi8-r", "utf-8"])
def test_raw_mime_keeps_its_bytes_in_both_kinds_of_form(charset: str) -> None:
    text = "Ждём счёт"
    mime = (
        b"From: =?utf-8?B?0JDQvdC90LA=?= <anna@client.example>\r\n"
        b"Message-ID: <7@client.example>\r\n"
        b"Content-Type: text/plain; charset=" + charset.encode() + b"\r\n\r\n"
    ) + text.encode(charset)
    part = b'--b\r\nContent-Disposition: form-data; name="body-mime"\r\n\r\n' + mime + b"\r\n--b--"
    multi = RawRequest(body=part, headers=(("Content-Type", "multipart/form-data; boundary=b"),))
    as_file = RawRequest(
        body=part.replace(b'"body-mime"', b'"body-mime"; filename="m.eml"'), headers=multi.headers
    )
    for request in (raw_form(("body-mime", mime)), multi, as_file):
        data = parse(request).data
        assert (data["text"], data["from_name"]) == (text, "Анна")
        assert webhook.ordering_key(request, CONNECTION) == "<7@client.example>"


def test_mime_and_fields_of_one_mail_give_one_message() -> None:
    assert (
        parse(urlencoded(fields(MIME))).external_id
        == parse(urlencoded(mime_fields(MIME))).external_id
    )


def test_an_auto_reply_makes_no_contact() -> None:
    headers = [*AWAY.headers(), ["Auto-Submitted", "auto-replied"]]
    data = parse(urlencoded(fields(AWAY, headers))).data
    assert (data["kind"], data["contact_address"]) == ("auto_reply", None)


def test_a_mark_of_spam_is_kept() -> None:
    headers = [["X-Mailgun-Sflag", "Yes"], *QUESTION.headers()]
    assert parse(urlencoded(fields(QUESTION, headers))).data["spam"] is True


@pytest.mark.parametrize("listed", ["", "not json", "{}", "[1]", '[["one"]]'])
def test_without_the_list_of_headers_the_fields_stand_in(listed: str) -> None:
    pairs = [
        ("sender", "anna@client.example"),
        ("recipient", "sales@in.shop.example"),
        ("subject", "Привет"),
        ("Message-Id", "<9@client.example>"),
        ("body-html", "<p>Добрый <b>день</b></p>"),
        ("message-headers", listed),
    ]
    data = parse(urlencoded(pairs)).data
    assert data["message_id"] == "<9@client.example>"
    assert (data["from_address"], data["subject"]) == ("anna@client.example", "Привет")
    assert data["to"] == [{"name": "", "address": "sales@in.shop.example"}]
    assert (data["text"], data["html_present"]) == ("Добрый день", True)


def tracking(stamp: str = "1") -> RawRequest:
    signature = dict(sign("t" * 50, int(stamp)))
    body = {"signature": signature, "event-data": {"event": "opened"}}
    return RawRequest(
        body=json.dumps(body).encode(), headers=(("Content-Type", "application/json"),)
    )


def test_a_tracking_event_is_verified_and_ignored_with_a_hint() -> None:
    request = tracking()
    webhook.verify(request, CONNECTION, NOW)
    assert webhook.event_type(request, CONNECTION) == "tracking"
    assert webhook.event_key(request, CONNECTION) == "t" * 50
    with pytest.raises(Ignored, match="route"):
        parse(request)


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"null", b'{"signature": 1}', b"\xff", b"{"])
def test_json_without_a_signature_is_refused(body: bytes) -> None:
    request = RawRequest(body=body, headers=(("Content-Type", "application/json"),))
    with pytest.raises(SignatureError):
        webhook.verify(request, CONNECTION, NOW)
    with pytest.raises(PayloadError):
        parse(request)


def test_a_signed_form_without_a_mail_is_named() -> None:
    request = urlencoded(sign("token", 1))
    webhook.verify(request, CONNECTION, NOW)
    with pytest.raises(PayloadError, match="body-mime"):
        parse(request)


@given(
    body=st.binary(max_size=600),
    prefix=st.sampled_from([b"", b"body-mime=", b"from=a&message-headers=", b"--b\r\n"]),
    content_type=st.sampled_from(
        [
            "application/x-www-form-urlencoded",
            'application/x-www-form-urlencoded; x="',
            "application/json",
            "multipart/form-data; boundary=b",
            "multipart/form-data",
            "",
        ]
    ),
)
@settings(max_examples=200, deadline=None)
def test_rubbish_never_raises_anything_unexpected(
    body: bytes, prefix: bytes, content_type: str
) -> None:
    request = RawRequest(body=prefix + body, headers=(("Content-Type", content_type),))
    for function in (webhook.event_key, webhook.event_type, webhook.ordering_key):
        assert len(function(request, CONNECTION)) <= 255
    with pytest.raises(SignatureError):
        webhook.verify(request, CONNECTION, NOW)
    with suppress(PayloadError, Ignored):
        assert parse(request).external_id

"""Mails as senders really write them: charsets, broken headers, reports, hostile structures."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from connectors._protocols.mail import iso, message_record, read_mail
from connectors._protocols.mail_text import decode_header

FIXTURES = Path(__file__).parents[2] / "connectors" / "imap" / "fixtures"
RECEIVED_AT = datetime(2026, 1, 15, 9, 0, tzinfo=UTC)


def mail(*headers: bytes, body: bytes = b"hello") -> dict[str, Any]:
    lines = (b"From: Anna <anna@client.example>", b"Message-ID: <1@client.example>", *headers)
    return read_mail(b"\n".join(lines) + b"\n\n" + body, RECEIVED_AT)


def surrogates(raw: bytes) -> str:
    return raw.decode("ascii", "surrogateescape")


@pytest.mark.parametrize("path", sorted(FIXTURES.glob("*.eml")), ids=lambda path: path.stem)
def test_a_fixture_reads_as_its_golden_file(path: Path) -> None:
    record = message_record(read_mail(path.read_bytes(), RECEIVED_AT))
    expected = json.loads(path.with_suffix(".expected.json").read_text())["records"]
    assert record.occurred_at is not None
    assert [
        {
            "entity": record.entity,
            "external_id": record.external_id,
            "data": record.data,
            "version": record.version,
            "part": record.part,
            "occurred_at": iso(record.occurred_at),
            "deleted": record.deleted,
        }
    ] == expected


@pytest.mark.parametrize("label", ["windows-1251", "cp-1251", "WIN-1251", "windows1251"])
def test_a_windows_1251_text_reads_under_any_of_its_labels(label: str) -> None:
    read = mail(
        b"Content-Type: text/plain; charset=" + label.encode(), body="Счёт".encode("cp1251")
    )
    assert read["text"] == "Счёт"


@pytest.mark.parametrize(
    ("label", "raw"),
    [
        ("unknown-8bit", "Ждём счёт на оплату".encode("cp1251")),
        ("x-unknown", "Ждём счёт на оплату".encode("koi8-r")),
        ("us-ascii", "Ждём счёт на оплату".encode()),
        ("undefined", "Ждём счёт на оплату".encode("cp1251")),
        ("base64", "Ждём счёт на оплату".encode("koi8-r")),
        ("koi8-ru", "Ждём счёт на оплату".encode("koi8-r")),
    ],
)
def test_a_wrong_label_does_not_spoil_the_text(label: str, raw: bytes) -> None:
    assert mail(b"Content-Type: text/plain; charset=" + label.encode(), body=raw)["text"] == (
        "Ждём счёт на оплату"
    )


@pytest.mark.parametrize("charset", ["cp1251", "koi8-r", "utf-8"])
@pytest.mark.parametrize("text", ["СРОЧНО", "Когда будет отгрузка?", "Договор ООО Ромашка"])
def test_raw_bytes_in_a_header_are_guessed(charset: str, text: str) -> None:
    assert mail(b"Subject: " + text.encode(charset))["subject"] == text


def test_encoded_words_are_joined_before_they_are_decoded() -> None:
    raw = "Привет, мир".encode()
    halves = [base64.b64encode(part).decode() for part in (raw[:5], raw[5:])]
    assert decode_header(f"=?utf-8?B?{halves[0]}?=\r\n =?utf-8?B?{halves[1]}?=") == "Привет, мир"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("=?utf-8?Q?=D0=94=D0=B0?= and =?koi8-r?B?5MHb?=", "Да and Даш"),
        ("=?utf-8*ru?B?0JTQsA?=", "Да"),
        ("=?utf-8?B?%%%?=", ""),
        ("=?nonsense?Q?plain_text?=", "plain text"),
        (surrogates("Сырые байты".encode("cp1251")), "Сырые байты"),
        ("no\0nul", "nonul"),
    ],
)
def test_a_header_becomes_readable(value: str, expected: str) -> None:
    assert decode_header(value) == expected


@pytest.mark.parametrize(
    ("value", "name", "address"),
    [
        ('"Smirnova, Anna" <anna@client.example>', "Smirnova, Anna", "anna@client.example"),
        ("Smirnova, Anna <anna@client.example>", "Smirnova, Anna", "anna@client.example"),
        ("anna@client.example", "", "anna@client.example"),
        ("anna@client.example (Anna)", "Anna", "anna@client.example"),
        ("<anna@client.example>", "", "anna@client.example"),
        ("MAILER-DAEMON", "", "MAILER-DAEMON"),
        ("anna@client.example <anna@client.example>", "", "anna@client.example"),
    ],
)
def test_the_sender_is_read(value: str, name: str, address: str) -> None:
    read = read_mail(b"From: " + value.encode() + b"\n\nhello", RECEIVED_AT)
    assert (read["from_name"], read["from_address"]) == (name, address)


@pytest.mark.parametrize(
    ("value", "date"),
    [
        (b"Mon, 12 Jan 2026 18:20:05 +0300", "2026-01-12T15:20:05Z"),
        (b"12 Jan 2026 18:20:05 -0000", "2026-01-12T18:20:05Z"),
        ("Пн, 12 янв 2026 18:20:05 +0300".encode(), None),
        (b"Mon, 12 Jan 2026 18:20:05 +9999", None),
        (b"Mon, 12 Jan 3609 18:20:05 +0300", None),
        (b"Thu, 01 Jan 1970 00:00:00 +0000", None),
        (b"yesterday", None),
    ],
)
def test_a_broken_date_gives_way_to_the_arrival(value: bytes, date: str | None) -> None:
    read = mail(b"Date: " + value)
    assert read["date"] == date
    moment = message_record(read).occurred_at
    assert moment is not None
    assert iso(moment) == (date or "2026-01-15T09:00:00Z")


def test_a_mail_without_an_id_always_gets_the_same_one() -> None:
    raw = b"From: a@client.example\nSubject: one\n\nhello"
    first, again = read_mail(raw, RECEIVED_AT), read_mail(raw, datetime(2026, 2, 1, tzinfo=UTC))
    other = read_mail(raw + b" again", RECEIVED_AT)
    assert first["message_id"].endswith("@missing>")
    assert first["message_id"] == again["message_id"] != other["message_id"]


def test_a_very_long_id_is_kept_as_its_hash() -> None:
    raw = b"Message-ID: <" + b"x" * 400 + b"@client.example>\nFrom: a@client.example\n\nhello"
    assert len(message_record(read_mail(raw, RECEIVED_AT)).external_id) == 64


def test_a_long_thread_keeps_its_first_and_its_newest_ids() -> None:
    chain = [f"<{number}@x>" for number in range(300)]
    found = mail(b"References: " + "\n ".join(chain).encode())["references"]
    assert (found[0], found[-1], len(found)) == ("<0@x>", "<299@x>", 50)


@pytest.mark.parametrize(
    ("header", "kind"),
    [
        (b"Auto-Submitted: auto-replied", "auto_reply"),
        (b"Auto-Submitted: no", "mail"),
        (b"X-Autoreply: yes", "auto_reply"),
        (b"Precedence: auto_reply", "auto_reply"),
        (b"Precedence: bulk", "bulk"),
        (b"List-Unsubscribe: <https://market.example/u>", "bulk"),
        (b"Return-Path: <>", "auto_reply"),
        (b"Return-Path: <anna@client.example>", "mail"),
        (b"X-Hub-Origin: uzel", "auto_reply"),
        (b"X-Auto-Response-Suppress: All", "mail"),
    ],
)
def test_the_kind_of_a_mail_is_told_by_its_headers(header: bytes, kind: str) -> None:
    read = mail(header)
    assert read["kind"] == kind
    assert (read["contact_address"] is None) == (kind != "mail")


@pytest.mark.parametrize(
    ("sender", "kind"),
    [
        ("MAILER-DAEMON@mx.example", "bounce"),
        ("Postmaster@mx.example", "auto_reply"),
        ("no-reply@market.example", "auto_reply"),
        ("noreply+17@market.example", "auto_reply"),
        ("norepova@client.example", "mail"),
    ],
)
def test_nobody_becomes_a_contact(sender: str, kind: str) -> None:
    read = read_mail(f"From: Name <{sender}>\nSubject: x\n\nhello".encode(), RECEIVED_AT)
    assert read["kind"] == kind
    assert (read["contact_address"], read["contact_name"]) == (
        (sender, "Name") if kind == "mail" else (None, None)
    )


def test_scripts_and_tags_never_come_through() -> None:
    body = b"<html><script>alert(1)</script><style>p{}</style><p>Hi <b>there</b></p></html>"
    read = mail(b"Content-Type: text/html", body=body)
    assert (read["text"], read["html_present"]) == ("Hi there", True)


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        (b"attachment; filename*=utf-8''%D0%A1%D1%87%D1%91%D1%82.pdf", "Счёт.pdf"),
        (b"attachment; filename*=nonsense''%D0%A1.pdf", "С.pdf"),
        (b'attachment; filename="=?koi8-r?B?896j1A==?=.pdf"', "Счёт.pdf"),
        (b'attachment; filename="' + "Счёт.pdf".encode("cp1251") + b'"', "Счёт.pdf"),
        (b'attachment; filename="../../etc/passwd"', "passwd"),
        (b'attachment; filename="C:\\\\temp\\\\a.doc"', "a.doc"),
        (b"attachment", "unnamed"),
    ],
)
def test_an_attachment_keeps_its_name(disposition: bytes, name: str) -> None:
    body = (
        b"--b\n\nsee below\n--b\nContent-Type: application/pdf\nContent-Disposition: "
        + disposition
        + b"\nContent-Transfer-Encoding: base64\n\nJVBERg==\n--b--\n"
    )
    read = mail(b"Content-Type: multipart/mixed; boundary=b", body=body)
    assert read["text"] == "see below"
    assert read["attachments"] == [
        {"name": name, "content_type": "application/pdf", "size_bytes": 4}
    ]


def test_a_forwarded_mail_is_a_file_not_the_text() -> None:
    inner = b"Subject: =?utf-8?B?0JTQsA==?=\nFrom: b@client.example\n\ninner text\n"
    body = b"--b\n\nlook\n--b\nContent-Type: message/rfc822\n\n" + inner + b"\n--b--\n"
    read = mail(b"Content-Type: multipart/mixed; boundary=b", body=body)
    assert read["text"] == "look"
    assert [(one["name"], one["content_type"]) for one in read["attachments"]] == [
        ("Да.eml", "message/rfc822")
    ]


def test_a_read_receipt_is_no_letter() -> None:
    body = b"--b\n\nread\n--b\nContent-Type: message/disposition-notification\n\nX: y\n\n--b--\n"
    head = b"Content-Type: multipart/report; report-type=disposition-notification; boundary=b"
    assert mail(head, body=body)["kind"] == "auto_reply"

"""Quoted history cut off, hostile structures refused, any bytes survived."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors._protocols.mail import message_record, read_mail
from connectors._protocols.mail_text import decode_header, html_to_text, strip_quotes
from hub.sdk.errors import PayloadError

RECEIVED_AT = datetime(2026, 1, 15, 9, 0, tzinfo=UTC)


QUOTED = (
    '26.06.2014, 14:41, "Имя" <a@b.example>:',
    "Thu, 26 Jun 2014 14:00:51 +0400 от Имя <a@b.example>:",
    "Понедельник, 12 января 2026, 18:20 +03:00 от Имя <a@b.example>:",
    "пн, 12 янв. 2026 г. в 18:20, Имя <a@b.example>:",
    "12 янв. 2026 г., в 18:20, Имя <a@b.example> написал(а):",
    "-----Исходное сообщение-----",
    "-------- Пересылаемое сообщение --------",
    "От: Отдел продаж\nОтправлено: 12 января 2026 г. 18:20\nКому: Анна",
    "From: Sales\nSent: Monday, January 12, 2026 6:20 PM\nTo: Anna",
    "On Mon, Jan 12, 2026 at 6:20 PM Sales <a@b.example> wrote:",
    "On Mon, Jan 12, 2026 at 6:20 PM Sales Department\n<a@b.example> wrote:",
    "-----Original Message-----",
)


@pytest.mark.parametrize("head", QUOTED)
def test_quoted_history_is_cut_off(head: str) -> None:
    assert strip_quotes(f"Да, подходит.\n\n{head}\n> Подойдёт?\nстарый текст") == "Да, подходит."


@pytest.mark.parametrize(
    "text",
    [
        "От: вас жду ответа",
        "Он, 5 мая, написал письмо",
        "В 14:41 позвоню, от Ивана",
        "> только цитата",
    ],
)
def test_ordinary_words_are_not_taken_for_history(text: str) -> None:
    assert strip_quotes(text) == text


def test_the_original_text_stays_whole() -> None:
    text = "Да.\n\n-----Исходное сообщение-----\nстарое"
    read = read_mail(f"From: a@b.example\n\n{text}".encode(), RECEIVED_AT)
    assert read["stripped_text"] == "Да."
    assert read["text"].endswith("старое")


def nested(levels: int) -> bytes:
    head, tail = b"From: a@b.example\n", b""
    for level in range(levels):
        mark = str(level).encode()
        head += b"Content-Type: multipart/mixed; boundary=b" + mark + b"\n\n--b" + mark + b"\n"
        tail = b"\n--b" + mark + b"--\n" + tail
    return head + b"\n" + tail


@pytest.mark.parametrize(
    "raw",
    [
        nested(100),
        nested(2_000),
        nested(300) + b"x\n" * 500_000,
        b"",
        b"\n\n\n",
        b"\0\0\0\0",
    ],
    ids=["deep", "deeper", "deep-and-long", "empty", "blank", "nul"],
)
def test_a_hostile_structure_is_refused_quickly(raw: bytes) -> None:
    started = time.monotonic()
    with pytest.raises(PayloadError):
        read_mail(raw, RECEIVED_AT)
    assert time.monotonic() - started < 10


@pytest.mark.parametrize("name", [b"From", b"To", b"Subject", b"References", b"Date", b"X"])
def test_a_monstrous_header_is_survived(name: bytes) -> None:
    for value in (b"(" * 100_000, b"<" * 100_000, b"=?utf-8?B?" * 20_000, b"a@b," * 50_000):
        read = read_mail(name + b": " + value + b"\nMessage-ID: <1@x>\n\nhello", RECEIVED_AT)
        assert read["text"] == "hello"


def test_nul_characters_are_dropped() -> None:
    read = read_mail(b"Subject: a\0b\n\nc\0d", RECEIVED_AT)
    assert (read["subject"], read["text"]) == ("ab", "cd")


@given(st.binary(max_size=2_000))
@settings(max_examples=150, deadline=None)
def test_any_bytes_give_a_mail_or_a_payload_error(raw: bytes) -> None:
    for source in (raw, b"From: a@b.example\nContent-Type: " + raw, b"Subject: x\n" + raw):
        try:
            record = message_record(read_mail(source, RECEIVED_AT))
        except PayloadError:
            continue
        assert record.external_id
        json.dumps(record.data).encode()


@given(st.text(max_size=500))
@settings(max_examples=150, deadline=None)
def test_text_helpers_never_raise(text: str) -> None:
    for result in (html_to_text(text), strip_quotes(text), decode_header(text)):
        result.encode()
